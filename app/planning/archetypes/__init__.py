"""Experts whose way of working a planner takes on: those that come with Signoff, and those of `signoff.toml`.

Each file beside this one is an expert: `# Title`, a paragraph that is the summary, and the brief. Its name is the expert's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from app.domain.agents import Archetype

_FOLDER = Path(__file__).parent


def load_archetypes(own: Mapping[str, Archetype]) -> dict[str, Archetype]:
    """Every expert by name: the built-in ones in order of their names, then `own` ones, which win over them."""
    return {**built_in_archetypes(), **own}


@cache
def built_in_archetypes() -> Mapping[str, Archetype]:
    """The experts that come with Signoff, in order of their names; read once per process."""
    files = sorted(_FOLDER.glob("*.md"))
    return MappingProxyType({file.stem: _read(file.read_text(encoding="utf-8")) for file in files})


def _read(text: str) -> Archetype:
    title, summary, brief = text.split("\n\n", 2)
    return Archetype(title=title.removeprefix("# "), summary=summary, brief=brief.strip())
