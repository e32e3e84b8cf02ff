"""What a manual task shows to a person in a terminal: its instructions and its files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.style import Style
from rich.text import Text

from app.cli.display import size, visible

if TYPE_CHECKING:
    from rich.console import Console

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.files import FileInfo

MAX_LINES = 200


class ShownFiles(NamedTuple):
    """The files as they are now: for a person to read, and the checksum of each by path."""

    text: Text
    checksums: dict[str, str]


async def read_shown(api: AsyncSignoff, project_id: str, action: Json) -> ShownFiles:
    """Read the files that a task shows. If it shows none, nothing is read.

    Raises:
        SignoffError: a file cannot be read.
    """
    from app.domain.unseen import shown_by  # noqa: PLC0415 - loads the parser of shell commands

    text, checksums = Text(), dict[str, str]()
    for path in shown_by(action):
        content = await api.files.read(project_id, path)
        checksums[path] = hashlib.sha256(content).hexdigest()
        text.append(f"{visible(path)}  {size(len(content))}  sha256 {checksums[path]}\n", style="bold")
        text.append(_beginning(content))
    return ShownFiles(text, checksums)


async def show_instructions(api: AsyncSignoff, out: Console, project_id: str, task: Json) -> None:
    """Print what a person needs for a task or a question: its description, and the files that its texts name."""
    if task["description"]:
        out.print(Text(visible(task["description"])), soft_wrap=True)
    words = f"{task['title']}\n{task['description']}"
    named = [file for file in (await api.files.list(project_id)).files if _names(words, file.path)]
    if not named:
        return
    workspace = (await api.projects.get(project_id)).workspace
    for file in named:
        out.print(_where(file, Path(workspace) if api.is_local and workspace else None, project_id), soft_wrap=True)


def _names(words: str, path: str) -> bool:
    """Whether a text names a file, as a whole word."""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-])", words) is not None


def _where(file: FileInfo, folder: Path | None, project_id: str) -> Text:
    """Where to find a file: as a path that a terminal can open, or as the command that prints it."""
    if folder is None:
        return Text(
            f"  {visible(file.path)}  {size(file.size)}  signoff files get {project_id} {visible(file.path)} -o -"
        )
    path = folder / file.path
    return Text.assemble("  ", (visible(str(path)), Style(link=path.as_uri())), f"  {size(file.size)}")


def _beginning(content: bytes) -> str:
    if b"\0" in content[:1000]:
        return "  (not text)\n"
    lines = visible(content.decode("utf-8", "replace")).splitlines()
    shown = "".join(f"  {line}\n" for line in lines[:MAX_LINES])
    return shown if len(lines) <= MAX_LINES else f"{shown}  ({len(lines) - MAX_LINES} more lines)\n"
