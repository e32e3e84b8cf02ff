"""Reads the texts of prompts from Markdown files. `[[name]]` in a text stands for a value."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_PLACE = re.compile(r"\[\[([a-z_]+)\]\]")


def text_in(folder: Path, name: str, **values: str) -> str:
    """The text of `name.md` in a folder, with these values in their places.

    Raises:
        KeyError: a place has no value, or a value has no place.
    """
    content = _read(folder / f"{name}.md")
    places = set(_PLACE.findall(content))
    if unused := values.keys() - places:
        raise KeyError(f"{name}.md has no place for {', '.join(sorted(unused))}")
    # A value is inserted as it is: it may itself contain what looks like a place.
    return _PLACE.sub(lambda place: values[place[1]], content)


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
