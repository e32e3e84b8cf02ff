"""The texts of the prompts for planning, each in a Markdown file of this folder. The rest of a prompt is made from data.

A file of `examples` or `small_examples` is a brief, and the plan for it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from app.llm.prompt_files import text_in

_FOLDER = Path(__file__).parent


def text(name: str, **values: str) -> str:
    """The text of `name.md` with these values in their places.

    Raises:
        KeyError: a place has no value, or a value has no place.
    """
    return text_in(_FOLDER, name, **values)


def examples(*, small: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The example briefs with their plans, for a small model or for one that knows the whole plan language."""
    yield from _examples("small_examples" if small else "examples")


@cache
def _examples(folder: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple(_example(file) for file in sorted((_FOLDER / folder).glob("*.md")))


def _example(file: Path) -> tuple[str, dict[str, Any]]:
    brief, _, rest = file.read_text(encoding="utf-8").partition("\n```json\n")
    return brief.strip(), json.loads(rest.partition("\n```")[0])
