"""The built-in templates: what a new project can start from.

Each Markdown file in this folder is one template, and runs without changes: `# Title`, a paragraph that says what it is for,
then the plan. The file is named after the template. The web page is built with the same files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent
_BEGINNING = re.compile(r"^# (.+)\n\n(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class BuiltIn:
    """A built-in template: its title, the sentence that says what it is for, and the whole document."""

    name: str
    about: str
    description: str


@cache
def built_in_templates() -> Mapping[str, BuiltIn]:
    """The built-in templates by id, sorted by title. They are read once per process."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in _FOLDER.glob("*.md")}
    found = {name: BuiltIn(*beginning_of(text), text) for name, text in texts.items()}
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1].name)))


def beginning_of(description: str) -> tuple[str, str]:
    """The title of a document, and the line below it; empty where there is none."""
    match = _BEGINNING.search(description)
    return (match[1].strip(), match[2].strip()) if match is not None else ("", "")
