"""Tables: fitted to the width of a terminal, and tab-separated lines elsewhere."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from app.cli.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from signoff.schemas.json_value import JsonValue

# The fewest characters of an id that a table shows. Among 10,000 projects, two with the same six are unlikely.
MIN_ID = 6
_GAP = 2
# Columns with titles and texts get at least this width before others are left out, and this one before they are wrapped.
_ROOMY, _TIGHT = 20, 8
_UNLIMITED = 1_000_000


class Kind(Enum):
    """What happens to a column for which there is no room."""

    FIXED = "fixed"
    TITLE = "shortened in the middle"
    TEXT = "wrapped"
    EXTRA = "left out"
    PIPED = "never on a terminal"


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: Kind = Kind.TEXT
    right: bool = False


class Cell(NamedTuple):
    """What a terminal shows, and what a pipe gets."""

    shown: Text
    piped: str


class _PlainConsole(Console):
    """A console that leaves it to the command what a closed pipe means. Rich would end the process with exit code 1.

    Attributes:
        is_wide: whether a terminal gets every column of a table and whole values, as a pipe does.
    """

    is_wide = False

    def on_broken_pipe(self) -> None:
        """Report that the reader has gone.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def new_console(*, stderr: bool = False, wide: bool = False) -> Console:
    """A console on standard output, or on standard error. What is not a terminal gets whole lines of any length.

    Args:
        stderr: print on standard error.
        wide: print tables with every column and whole values, however wide they are.
    """
    out = _PlainConsole(stderr=stderr, highlight=False)
    out.is_wide = wide
    if wide or not out.is_terminal:
        out.width = _UNLIMITED
    return out


def fixed(name: str, *, right: bool = False) -> Column:
    """A column that is always whole, such as an id or a status."""
    return Column(name, Kind.FIXED, right)


def title(name: str) -> Column:
    """A column with titles, which are shortened in the middle."""
    return Column(name, Kind.TITLE)


def extra(name: str, *, right: bool = False) -> Column:
    """A column that is left out on narrow terminals."""
    return Column(name, Kind.EXTRA, right)


def piped(name: str) -> Column:
    """A column for programs only, such as a checksum."""
    return Column(name, Kind.PIPED)


@dataclass(frozen=True)
class Listing:
    """A table with a line below it. A pipe gets neither names of columns nor that line.

    Args:
        rows: one list of cells for each row. What is no `Cell` or `Text` becomes text, with escapes where needed.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    footer: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not console.is_terminal:
            for row in self.rows:
                yield Segment("\t".join(_one_line(_cell(value).piped) for value in row))
                yield Segment.line()
            return
        columns = self.columns
        cells = [[_cell(value).shown for value in row] for row in self.rows]
        if _is_wide(console):
            columns = [fixed(column.name, right=column.right) for column in columns]
            cells = [[_whole(_cell(value)) for value in row] for row in self.rows]
        yield _fitted(columns, cells, options.max_width)
        if self.footer:
            yield Text(self.footer, style="dim")


@dataclass(frozen=True)
class Either:
    """One thing for a terminal, and another for a pipe."""

    shown: RenderableType
    piped: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.shown if console.is_terminal and not _is_wide(console) else self.piped


def table(columns: Sequence[str | Column], rows: Iterable[Sequence[Any]], *, footer: str = "") -> Listing:
    """A plain table. A column that is only named is wrapped where there is no room."""
    return Listing([Column(one) if isinstance(one, str) else one for one in columns], list(rows), footer)


def short_ids(ids: Iterable[str]) -> Callable[[str], Cell]:
    """A function from an id to its cell: a terminal shows a tail of it that no other id in the table has."""
    known = set(ids)
    length = MIN_ID
    while len({one[-length:] for one in known}) < len(known):
        length += 1
    return lambda one: Cell(Text(one[-length:]), one)


def short_id(one: str) -> str:
    """The tail of an id that people type."""
    return one[-MIN_ID:]


def cell_text(value: JsonValue) -> str:
    """A value of the API in words, on one line if it has no line breaks."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return visible(", ".join(map(str, value)))
    if isinstance(value, list | dict):
        return visible(json.dumps(value, ensure_ascii=False))
    return visible(str(value))


def shortened(text: str, width: int) -> str:
    """A text of at most `width` columns, with `…` in its middle if it is longer."""
    if cell_len(text) <= width:
        return text
    tail = (width - 1) // 2
    first, last = _beginning(text, width - 1 - tail), _beginning(text[::-1], tail)[::-1]
    return f"{first}…{last}"


def _beginning(text: str, width: int) -> str:
    """As much of a text as fits into `width` columns."""
    return chop_cells(text, width)[0] if width else ""


def _cell(value: Any) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, Text):
        return Cell(value, value.plain)
    text = cell_text(value)
    return Cell(Text(text), text)


def _whole(cell: Cell) -> Text:
    return Text(_one_line(cell.piped), style=cell.shown.style)


def _is_wide(console: Console) -> bool:
    return isinstance(console, _PlainConsole) and console.is_wide


def _one_line(text: str) -> str:
    return text.strip("\n").replace("\n", " ").replace("\t", " ")


def _fitted(columns: Sequence[Column], cells: Sequence[Sequence[Text]], room: int) -> Table:
    widths = _widths(columns, cells, room)
    result = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim", show_header=_named(columns))
    for index, width in widths.items():
        column = columns[index]
        justify = "right" if column.right else "left"
        result.add_column(column.name, width=width, overflow="fold", justify=justify)
    for row in cells:
        result.add_row(*(_shown(row[index], columns[index], width) for index, width in widths.items()))
    return result


def _named(columns: Sequence[Column]) -> bool:
    return any(column.name for column in columns)


def _shown(text: Text, column: Column, width: int) -> Text:
    if column.kind is not Kind.TITLE:
        return text
    lines = [shortened(line, width) for line in text.plain.split("\n")]
    return Text("\n".join(lines), style=text.style) if lines != text.plain.split("\n") else text


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]], room: int) -> dict[int, int]:
    """The width of each column that is shown, by its index."""
    natural = {
        index: max([cell_len(column.name), *(cell_len(line) for row in cells for line in row[index].plain.split("\n"))])
        for index, column in enumerate(columns)
        if column.kind is not Kind.PIPED
    }
    # An empty column without a name says nothing.
    natural = {index: width for index, width in natural.items() if width}

    def least(index: int, at_least: int) -> int:
        grows = columns[index].kind in {Kind.TITLE, Kind.TEXT}
        return min(natural[index], at_least) if grows else natural[index]

    def total(at_least: int) -> int:
        return sum(least(index, at_least) for index in natural) + _GAP * (len(natural) - 1)

    for index in sorted((index for index in natural if columns[index].kind is Kind.EXTRA), reverse=True):
        if total(_ROOMY) <= room:
            break
        del natural[index]
    at_least = next((width for width in range(_ROOMY, _TIGHT, -1) if total(width) <= room), _TIGHT)
    widths = {index: least(index, at_least) for index in natural}
    free = room - total(at_least)
    while free > 0 and (growing := [index for index in widths if widths[index] < natural[index]]):
        for index in growing[:free]:
            widths[index] += 1
        free -= min(free, len(growing))
    return widths
