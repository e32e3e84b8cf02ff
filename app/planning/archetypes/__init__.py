"""Experts, whose methods a planner follows: those built into Signoff, and those of `signoff.toml`.

Each Markdown file in this folder is one expert: `# Title`, a paragraph with the summary, then the brief. The file is named
after the expert.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from app.domain.agents import Archetype

_FOLDER = Path(__file__).parent


def load_archetypes(own: Mapping[str, Archetype]) -> dict[str, Archetype]:
    """All experts by name: the built-in ones sorted by name, then those in `own`, which replace built-in ones."""
    return {**built_in_archetypes(), **own}


@cache
def built_in_archetypes() -> Mapping[str, Archetype]:
    """The experts built into Signoff, sorted by name. They are read once per process."""
    files = sorted(_FOLDER.glob("*.md"))
    return MappingProxyType({file.stem: _read(file.read_text(encoding="utf-8")) for file in files})


def _read(text: str) -> Archetype:
    title, summary, brief = text.split("\n\n", 2)
    return Archetype(title=title.removeprefix("# "), summary=summary, brief=brief.strip())
