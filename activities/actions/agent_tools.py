"""What a model may do in the course of a task; everything happens inside of the workspace, or where its agent's entry allows.

A mistake is said to the model, which may try something else; what it reads is cut with a note, so that no file fills its memory.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
from collections.abc import AsyncGenerator, Callable
from typing import Any

from activities.actions.download import download_target, save
from activities.actions.http_exchange import Request, exchange
from activities.actions.netguard import check_url
from activities.actions.process import GuardLostError, StartError, run_guarded
from activities.actions.task_environment import environment
from activities.actions.workspace_paths import attempt_folder, inside
from app.domain.actions import PersonAsked, TaskContext, TaskFailed
from app.domain.agents import AgentEntry, AgentTool
from app.domain.file_paths import alike, is_private
from app.storage.files import paths_in
from app.storage.folders import open_file

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
    """What the model asked for cannot be done; the text is for the model."""


class Tools:
    """The tools of one agent at one task.

    Args:
        context: of the task.
        agent: says which tools there are, and how far they reach.
    """

    def __init__(self, context: TaskContext, agent: AgentEntry) -> None:
        self._context = context
        self._agent = agent
        self._workspace = context.workspace

    def offered(self) -> list[Callable[..., Any]]:
        """The tools that the agent has."""
        known: dict[AgentTool, Callable[..., Any]] = {
            AgentTool.READ_FILE: self.read_file,
            AgentTool.WRITE_FILE: self.write_file,
            AgentTool.LIST_FILES: self.list_files,
            AgentTool.SEARCH_FILES: self.search_files,
            AgentTool.HTTP_GET: self.http_get,
            AgentTool.RUN_COMMAND: self.run_command,
            AgentTool.ASK_PERSON: self.ask_person,
        }
        return [known[tool] for tool in dict.fromkeys(self._agent.tools)]

    async def read_file(self, path: str, offset: int = 0) -> str:
        """Read a text file of the workspace.

        Args:
            path: relative to the workspace.
            offset: the character to begin at, for files that were cut.
        """
        data = await asyncio.to_thread(self._read, path)
        # Masked before it is cut: a model that reads on with an offset could put the pieces of a secret together.
        text = self._masked(data)
        if "\0" in text[:1000]:
            raise Mistake(f"{path} is not a text file; it has {len(data)} bytes.")
        return _cut(text[max(0, offset) :], f"read on with offset={max(0, offset) + MAX_CHARACTERS}")

    async def write_file(self, path: str, content: str) -> str:
        """Write a text file of the workspace, whole; folders are made, an old file is replaced.

        Args:
            path: relative to the workspace.
            content: the whole new content.
        """
        data = content.encode("utf-8", "replace")
        if len(data) > MAX_WRITTEN_BYTES:
            raise Mistake(f"The content has {len(data)} bytes; {MAX_WRITTEN_BYTES} is the limit.")

        async def chunks() -> AsyncGenerator[bytes, None]:
            yield data

        target = await asyncio.to_thread(download_target, self._workspace, path)
        if any(alike(part) == ".git" for part in target.parts):
            raise Mistake(f"'{path}' belongs to git, which would run what is written there; use git itself.")
        await save(chunks(), self._workspace, target, limit=MAX_WRITTEN_BYTES, mark=self._context.task_id)
        return f"{path} is written, {len(data)} bytes."

    async def list_files(self, pattern: str = "*") -> str:
        """List the files of the workspace.

        Args:
            pattern: as in a shell, such as `*.md` or `docs/*`; `*` for all.
        """
        found = await asyncio.to_thread(paths_in, self._workspace, 10 * MAX_PATHS)
        names = [name for name in found if fnmatch.fnmatch(name, pattern)]
        shown = names[:MAX_PATHS]
        more = f"\n[{len(names) - len(shown)} more]" if len(names) > len(shown) else ""
        return ("\n".join(shown) or "There are none.") + more

    async def search_files(self, text: str, pattern: str = "*") -> str:
        """Find lines that hold a text, upper or lower case, in the files of the workspace.

        Args:
            text: what to look for, as it stands.
            pattern: of the files to look in, such as `*.md`.
        """
        if not text.strip():
            raise Mistake("Say what to look for.")
        return await asyncio.to_thread(self._search, text.casefold(), pattern)

    async def http_get(self, url: str) -> str:
        """Fetch a page or file; redirects are not followed.

        Args:
            url: http:// or https:// address at one of the hosts that are allowed.
        """
        try:
            checked = check_url(url)
        except ValueError as error:
            raise Mistake(f"That address cannot be used: {error}.") from error
        allowed = self._agent.hosts
        if "*" not in allowed and checked.host.lower() not in allowed:
            raise Mistake(f"The host {checked.host} is not allowed; allowed: {', '.join(allowed)}.")
        request = Request("GET", checked, {}, None)
        async with exchange(request, self._context, follow=lambda _: False) as (response, _):
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_FETCHED:
                    break
        where = f" to {response.headers['location']}" if "location" in response.headers else ""
        head = f"{response.status_code} {response.reason_phrase}{where}\n"
        return head + _cut(self._masked(bytes(content)), "the rest is left out")

    async def run_command(self, argv: list[str]) -> str:
        """Run a program in the workspace, without a shell, and get what it prints.

        Args:
            argv: the program, one of those that are allowed, and its arguments.
        """
        if not argv or argv[0] not in self._agent.commands:
            raise Mistake(f"That program is not allowed; allowed: {', '.join(self._agent.commands)}.")
        printed = bytearray()

        def keep(data: bytes) -> None:
            # The end of what a program prints says most.
            printed.extend(data)
            if len(printed) > MAX_READ_BYTES:
                del printed[: -MAX_READ_BYTES // 2]

        folder = attempt_folder(self._workspace, self._context.task_id, self._context.attempt)
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                status = await run_guarded(
                    argv,
                    cwd=self._workspace,
                    env=environment(self._context, {}, folder / "output"),
                    on_output=keep,
                    grace=self._context.kill_grace,
                    sandbox=self._context.sandbox,
                    limits=self._context.limits.model_dump(),
                )
        except TimeoutError as error:
            raise Mistake(f"It took longer than {COMMAND_SECONDS:g} s and was stopped.") from error
        except (StartError, GuardLostError, OSError, ValueError) as error:
            raise Mistake(f"It could not be run: {error}.") from error
        if status.limit is not None:
            raise Mistake(f"{self._context.limits.sentence(status.limit)} It was stopped.")
        ended = f"exit code {status.code}" if status.code is not None else f"signal {status.signal}"
        text = self._masked(bytes(printed))
        cut = "" if len(text) <= MAX_CHARACTERS else "[what came before this is left out]\n"
        return f"{ended}\n{cut}{text[-MAX_CHARACTERS:]}"

    async def ask_person(self, question: str, options: list[str] | None = None) -> str:
        """Ask the person who runs this project, and wait for the answer, which may take days.

        Args:
            question: complete, with what they need to know to answer.
            options: the answers to choose from; leave it out where any text will do.
        """
        given = [option.strip() for option in options or []]
        if not question.strip():
            raise Mistake("Say what you want to know.")
        if len(given) > MAX_OPTIONS or any(not 0 < len(option) <= MAX_OPTION_LENGTH for option in given):
            raise Mistake(f"Options are {MAX_OPTIONS} at most, each of 1 to {MAX_OPTION_LENGTH} characters.")
        if len(set(given)) < len(given):
            raise Mistake("An option is given twice.")
        raise PersonAsked(question, given, "")

    def _masked(self, data: bytes) -> str:
        return str(self._context.log.mask(data.decode("utf-8", "replace")))

    def _read(self, path: str) -> bytes:
        place = inside(self._workspace, path)
        parts = place.relative_to(self._workspace).parts
        if not parts or any(map(is_private, parts)):
            raise Mistake(f"'{path}' is not a file of the workspace.")
        try:
            with os.fdopen(open_file(self._workspace, parts), "rb") as file:
                return file.read(MAX_READ_BYTES)
        except OSError as error:
            raise Mistake(f"{path} cannot be read: {error.strerror or 'it is not there'}.") from error

    def _search(self, text: str, pattern: str) -> str:
        found: list[str] = []
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
                    found.append(f"{name}:{number}: {line.strip()[:MAX_LINE_LENGTH]}")
                if len(found) == MAX_MATCHES:
                    return "\n".join([*found, "[there may be more]"])
        return "\n".join(found) or "Nothing was found."


def _cut(text: str, hint: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}\n[{len(text) - MAX_CHARACTERS} characters left out; {hint}]"
