"""Pieces of HTML for pages to print. Whatever they show is escaped, and what nobody could see is made visible."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

from signoff.schemas.json_value import JsonValue


def plain_text(value: object) -> str:
    """Text for the page. Characters that nobody could see, or that would reorder others, are shown by their numbers."""
    return escape(_UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", _controls(str(value))), quote=True)


# Spaces other than the plain one, letters without a shape, and variation selectors.
_UNSEEN = re.compile(
    "[\u00a0\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]"
)
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def _controls(text: str) -> str:
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in _CONTROLS
        else f"⟨U+{ord(character):04X}⟩"
        for character in text
    )


def table_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. The head is text, the cells are HTML. Cells that have no column get a line of their own below their row."""
    titles = "".join(f'<th scope="col">{plain_text(title)}</th>' for title in head)
    body = "\n".join(_row(row[: len(head)], row[len(head) :]) for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead>\n{body}\n</table>"


def _row(cells: Sequence[str], below: Sequence[str]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in cells)]
    lines += [f'<td colspan="{len(cells)}">{cell}</td>' for cell in below if cell]
    return "<tbody>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</tbody>"


def facts_of(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names, which are text, and values, which are HTML."""
    body = "\n".join(f'<tr><th scope="row">{plain_text(name)}</th><td>{value}</td></tr>' for name, value in rows)
    return f'<table class="facts"><tbody>\n{body}\n</tbody></table>'


def any_value(value: JsonValue) -> str:
    """Any value of a plan, in full."""
    match value:
        case None | "" | []:
            shown = '<span class="none">none</span>'
        case bool():
            shown = "yes" if value else "no"
        case str() if "\n" in value:
            shown = f"<pre>{plain_text(value)}</pre>"
        case str() | int() | float():
            shown = plain_text(value)
        case dict() if not value:
            shown = '<span class="none">none</span>'
        case dict():
            # Not a table: tables in tables leave no room for what is in them.
            items = (
                f"<div><dt>{plain_text(name)}</dt> <dd>{any_value(item)}</dd></div>" for name, item in value.items()
            )
            shown = f"<dl>{''.join(items)}</dl>"
        case list():
            # As JSON, so that it is clear where an item ends.
            plain = not any(isinstance(item, dict | list) for item in value)
            text = plain_text(json.dumps(value, ensure_ascii=False, indent=None if plain else 1))
            shown = text if plain else f"<pre>{text}</pre>"
    return shown


def code_of(value: object) -> str:
    """A value in the type of code."""
    return f"<code>{plain_text(value)}</code>" if value is not None else '<span class="none">none</span>'
