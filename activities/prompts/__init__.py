"""The texts of the prompts for agent tasks and for decisions, each in a Markdown file of this folder."""

from __future__ import annotations

from pathlib import Path

from app.llm.prompt_files import text_in

_FOLDER = Path(__file__).parent


def text(name: str, **values: str) -> str:
    """The text of `name.md` with these values in their places.

    Raises:
        KeyError: a place has no value, or a value has no place.
    """
    return text_in(_FOLDER, name, **values)
