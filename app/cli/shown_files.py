"""The files that a manual task shows to a person, in a terminal."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from rich.text import Text

from app.cli.display import Json, size, visible
from app.domain.unseen import shown_by
from signoff import AsyncSignoff

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
    text, checksums = Text(), dict[str, str]()
    for path in shown_by(action):
        content = await api.files.read(project_id, path)
        checksums[path] = hashlib.sha256(content).hexdigest()
        text.append(f"{visible(path)}  {size(len(content))}  sha256 {checksums[path]}\n", style="bold")
        text.append(_beginning(content))
    return ShownFiles(text, checksums)


def _beginning(content: bytes) -> str:
    if b"\0" in content[:1000]:
        return "  (not text)\n"
    lines = visible(content.decode("utf-8", "replace")).splitlines()
    shown = "".join(f"  {line}\n" for line in lines[:MAX_LINES])
    return shown if len(lines) <= MAX_LINES else f"{shown}  ({len(lines) - MAX_LINES} more lines)\n"
