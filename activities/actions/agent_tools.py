"""The tools of a model during a task. They work inside the workspace, or where the agent's entry allows it.

An error is returned to the model, which may try something else. Long results are truncated with a note, so that no file fills
the model's context.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
from collections.abc import AsyncGenerator, Callable
from typing import Any

from activities.actions.content_coding import decoded
from activities.actions.download import download_target, save
from activities.actions.http_exchange import Request, exchange
from activities.actions.netguard import check_url
from activities.actions.process import GuardLostError, StartError, run_guarded
from activities.actions.task_environment import environment
from activities.actions.workspace_paths import attempt_folder, inside
from app.domain.actions import PersonAsked, TaskContext, TaskFailed
from app.domain.agents import AgentEntry, AgentTool
from app.domain.choices import objection_to_options
from app.domain.file_paths import alike, is_private
from app.workspace.files import paths_in
from app.workspace.folders import open_file

MAX_CHARACTERS = 16_000
MAX_PATHS = 300
MAX_MATCHES = 100
MAX_WRITTEN_BYTES = 2_000_000
MAX_READ_BYTES = 20_000_000
MAX_FETCHED = 1_000_000
COMMAND_SECONDS = 600.0
MAX_LINE_LENGTH = 300
MAX_OPTIONS = 50
MAX_OPTION_LENGTH = 200


class Mistake(Exception):
    """A tool call failed. The text is for the model."""


class FileMissing(Mistake):
    """There is no file with this path."""


class Tools:
    """The tools of one agent for one task.

    Args:
        context: the context of the task.
        agent: the agent's entry, which lists the tools and what they may reach.
    """

    def __init__(self, context: TaskContext, agent: AgentEntry) -> None:
        self._context = context
        self._agent = agent
        self._workspace = context.workspace

    def offered(self) -> list[Callable[..., Any]]:
        """The tools that the agent has. Who may write files may also append to them and edit them."""
        known: dict[AgentTool, list[Callable[..., Any]]] = {
            AgentTool.READ_FILE: [self.read_file],
            AgentTool.WRITE_FILE: [self.write_file, self.append_file, self.edit_file],
            AgentTool.LIST_FILES: [self.list_files],
            AgentTool.SEARCH_FILES: [self.search_files],
            AgentTool.HTTP_GET: [self.http_get],
            AgentTool.RUN_COMMAND: [self.run_command],
            AgentTool.ASK_PERSON: [self.ask_person],
        }
        return [function for tool in dict.fromkeys(self._agent.tools) for function in known[tool]]

    async def read_file(self, path: str, offset: int = 0) -> str:
        """Read a text file in the workspace. Returns at most 16,000 characters, and says how to go on if there are more.

        Args:
            path: relative to the workspace.
            offset: the character to start at; 0 is the first one.
        """
        data = await asyncio.to_thread(self._read, path)
        # Masked before it is truncated: otherwise, a model could read the pieces of a secret with different offsets.
        text = self._masked(data)
        if "\0" in text[:1000]:
            raise Mistake(f"{path} is not a text file; it has {len(data)} bytes.")
        start = max(0, offset)
        if start >= len(text):
            return "[The file is empty.]" if not text else f"[The file ends at character {len(text)}.]"
        return _cut(text[start:], f"continue with offset={start + MAX_CHARACTERS}")

    async def write_file(self, path: str, content: str) -> str:
        """Write a complete text file of at most 2 MB in the workspace. Missing folders are created, and an existing file is
        replaced. Write a long text in parts: the first one with this tool, the others with append_file.

        Args:
            path: relative to the workspace.
            content: the complete new content.
        """
        data = _written(content)
        await self._save(path, data)
        return f"Wrote {len(data)} bytes to {path}."

    async def append_file(self, path: str, content: str) -> str:
        """Append at most 2 MB to a text file in the workspace. A missing file is created. No line break is added.

        Args:
            path: relative to the workspace.
            content: what to append.
        """
        data = _written(content)
        try:
            before = await asyncio.to_thread(self._read, path)
        except FileMissing:
            before = b""
        if len(before) + len(data) > MAX_READ_BYTES:
            raise Mistake(f"{path} would be larger than {MAX_READ_BYTES:,} bytes. Start another file.")
        await self._save(path, before + data)
        return f"Appended {len(data)} bytes to {path}, which now has {len(before) + len(data)}."

    async def edit_file(self, path: str, old: str, new: str) -> str:
        """Replace one passage of a text file in the workspace.

        Args:
            path: relative to the workspace.
            old: the exact text to replace, with its spaces and line breaks. It must occur exactly once in the file.
            new: what stands there afterwards.
        """
        data = await asyncio.to_thread(self._read, path)
        text = data.decode("utf-8", "surrogateescape")
        if self._masked(data) != data.decode("utf-8", "replace"):
            # Trying texts would tell the model, piece by piece, what the secret is.
            raise Mistake(f"{path} contains a secret, so it cannot be edited. Write the result to another file.")
        if len(data) == MAX_READ_BYTES or "\0" in text[:1000]:
            raise Mistake(f"{path} is not a text file, or too large to be edited.")
        count = text.count(old) if old else 0
        if count != 1:
            found = f"occurs {count} times" if count else "does not occur"
            advice = "Include more of the text around it." if count else "Read the file, and copy the text exactly."
            raise Mistake(f"The text to replace {found} in {path}; it must occur exactly once. {advice}")
        changed = text.replace(old, new.encode("utf-8", "replace").decode()).encode("utf-8", "surrogateescape")
        await self._save(path, changed)
        return f"Replaced the text in {path}, which now has {len(changed)} bytes."

    async def _save(self, path: str, data: bytes) -> None:
        async def chunks() -> AsyncGenerator[bytes, None]:
            yield data

        target = await asyncio.to_thread(download_target, self._workspace, path)
        if any(alike(part) == ".git" for part in target.parts):
            raise Mistake(f"'{path}' belongs to git, which could execute its content. Use git itself.")
        await save(chunks(), self._workspace, target, limit=len(data), mark=self._context.task_id)

    async def list_files(self, pattern: str = "*") -> str:
        """List the files in the workspace, at most 300 of them. Hidden folders of tools, such as .git, are left out.

        Args:
            pattern: which files: `*` stands for any text, also across folders. `*.md` means every Markdown file in every
                folder, `docs/*` everything below docs.
        """
        matches = await asyncio.to_thread(paths_in, self._workspace, 10 * MAX_PATHS)
        names = [name for name in matches if fnmatch.fnmatch(name, pattern)]
        listed = names[:MAX_PATHS]
        more = f"\n[{len(names) - len(listed)} more]" if len(names) > len(listed) else ""
        return ("\n".join(listed) or _none_found(pattern)) + more

    async def search_files(self, text: str, pattern: str = "*") -> str:
        """Find lines that contain a text in the files of the workspace, ignoring case. Returns at most 100 lines, each as
        `file:line: text`, cut at 300 characters.

        Args:
            text: the literal text to find, within one line; not a regular expression.
            pattern: which files to search; `*` stands for any text, also across folders: `*.md`, `docs/*`.
        """
        if not text.strip():
            raise Mistake("The text to find is empty. Name a word that the lines contain.")
        return await asyncio.to_thread(self._search, text.casefold(), pattern)

    async def http_get(self, url: str) -> str:
        """Fetch a page or file. Returns at most 16,000 characters of the first 1 MB. Redirects are not followed.

        Args:
            url: an http:// or https:// URL on one of the allowed hosts.
        """
        try:
            checked = check_url(url)
        except ValueError as error:
            raise Mistake(f"The URL cannot be used: {error}.") from error
        allowed = self._agent.hosts
        if "*" not in allowed and checked.host.lower() not in allowed:
            raise Mistake(f"The host {checked.host} is not allowed. Allowed hosts: {', '.join(allowed)}.")
        request = Request("GET", checked, {}, None)
        async with exchange(request, self._context, follow=lambda _: False) as (response, _):
            content = bytearray()
            async for chunk in decoded(response):
                content += chunk
                if len(content) > MAX_FETCHED:
                    break
        where = f" to {response.headers['location']}" if "location" in response.headers else ""
        head = f"{response.status_code} {response.reason_phrase}{where}\n"
        return head + _cut(self._masked(bytes(content)), "the rest is omitted")

    async def run_command(self, argv: list[str]) -> str:
        """Run a program in the workspace, without a shell. Returns its exit code and the last 16,000 characters of its output.
        After 600 seconds, it is stopped.

        Args:
            argv: one of the allowed programs, and its arguments.
        """
        if not argv or argv[0] not in self._agent.commands:
            raise Mistake(f"This program is not allowed. Allowed programs: {', '.join(self._agent.commands)}.")
        printed = bytearray()

        def keep(data: bytes) -> None:
            # The end of a program's output is the most useful part.
            printed.extend(data)
            if len(printed) > MAX_READ_BYTES:
                del printed[: -MAX_READ_BYTES // 2]

        folder = attempt_folder(self._workspace, self._context.task_id, self._context.attempt)
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                status = await run_guarded(
                    argv,
                    cwd=self._workspace,
                    env=environment(self._context, getattr(self._context.fields, "env", {}), folder / "output"),
                    on_output=keep,
                    grace=self._context.kill_grace,
                    sandbox=self._context.sandbox,
                    limits=self._context.limits.model_dump(),
                )
        except TimeoutError as error:
            raise Mistake(f"The program took longer than {COMMAND_SECONDS:g} s and was stopped.") from error
        except (StartError, GuardLostError, OSError, ValueError) as error:
            raise Mistake(f"The program could not be run: {error}.") from error
        if status.limit is not None:
            raise Mistake(f"{self._context.limits.sentence(status.limit)} The program was stopped.")
        ended = f"exit code {status.code}" if status.code is not None else f"signal {status.signal}"
        text = self._masked(bytes(printed))
        cut = "" if len(text) <= MAX_CHARACTERS else "[earlier output omitted]\n"
        return f"{ended}\n{cut}{text[-MAX_CHARACTERS:]}"

    async def ask_person(self, question: str, options: list[str] | None = None) -> str:
        """Ask the person who runs this project, and wait for the answer. This may take days.

        The reply has the `answer`, which may be in other words than the options, and a `comment` on it, if the person wrote one.

        Args:
            question: the complete question, with everything that the person needs to know to answer it.
            options: the answers to choose from; omit them to accept any text.
        """
        choices = [option.strip() for option in options or []]
        if not question.strip():
            raise Mistake("The question is empty.")
        if len(choices) > MAX_OPTIONS or any(not 0 < len(option) <= MAX_OPTION_LENGTH for option in choices):
            raise Mistake(f"Give at most {MAX_OPTIONS} options of 1 to {MAX_OPTION_LENGTH} characters each.")
        if (objection := objection_to_options(choices)) is not None:
            raise Mistake(objection)
        raise PersonAsked(question, choices, "")

    def _masked(self, data: bytes) -> str:
        return str(self._context.log.mask(data.decode("utf-8", "replace")))

    def _read(self, path: str) -> bytes:
        place = inside(self._workspace, path)
        parts = place.relative_to(self._workspace).parts
        if not parts or any(map(is_private, parts)):
            raise Mistake(f"'{path}' is not a file in the workspace. Name a file relative to the workspace.")
        try:
            with os.fdopen(open_file(self._workspace, parts), "rb") as file:
                return file.read(MAX_READ_BYTES)
        except FileNotFoundError as error:
            raise FileMissing(f"{path} does not exist. Check its name, for example with list_files.") from error
        except OSError as error:
            raise Mistake(f"{path} cannot be read: {error.strerror or 'it does not exist'}.") from error

    def _search(self, text: str, pattern: str) -> str:
        matches: list[str] = []
        for name in paths_in(self._workspace, 10 * MAX_PATHS):
            if not fnmatch.fnmatch(name, pattern):
                continue
            try:
                content = self._masked(self._read(name))
            except (Mistake, TaskFailed):
                continue
            if "\0" in content[:1000]:
                continue
            for number, line in enumerate(content.splitlines(), start=1):
                if text in line.casefold():
                    matches.append(f"{name}:{number}: {line.strip()[:MAX_LINE_LENGTH]}")
                if len(matches) == MAX_MATCHES:
                    return "\n".join([*matches, "[there may be more matches]"])
        return "\n".join(matches) or "No matches found."


def _written(content: str) -> bytes:
    data = content.encode("utf-8", "replace")
    if len(data) > MAX_WRITTEN_BYTES:
        raise Mistake(f"The content has {len(data)} bytes; the limit is {MAX_WRITTEN_BYTES}. Write it in parts.")
    return data


def _none_found(pattern: str) -> str:
    return "No files found." if pattern == "*" else f"No files match {pattern}. `*` lists all files."


def _cut(text: str, hint: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}\n[{len(text) - MAX_CHARACTERS} characters omitted; {hint}]"
