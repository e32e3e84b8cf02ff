"""Reads rows as instances of frozen dataclasses, so that the type checker knows every column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import starmap
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from sqlalchemy import ColumnElement, Connection, Dialect, Select, String, Table, TypeDecorator, select, type_coerce
from sqlalchemy.exc import MultipleResultsFound

from app.database.prepared import Prepared

R = TypeVar("R")
Query = Select[*tuple[Any, ...]]


class Rows(Generic[R]):
    """Reads a selection of columns as instances of a dataclass.

    Attributes:
        select: selects every row. Callers narrow it down.

    Args:
        table: the table to read.
        row: the dataclass. Each field is read from the column of the same name.
        computed: an expression for each field that is not a column.
    """

    def __init__(self, table: Table, row: type[R], **computed: ColumnElement[Any]) -> None:
        hints = get_type_hints(row)
        columns = [_typed(computed.get(name, table.c.get(name)), hint).label(name) for name, hint in hints.items()]
        self.select: Query = select(*columns)
        # Rows are made by position, which is faster than by name. The columns have the order of the fields.
        self._make: Callable[..., R] = row

    def find(self, conn: Connection, query: Query | Prepared, parameters: Mapping[str, Any] | None = None) -> R | None:
        """Return the only row that `query` selects, or None."""
        if isinstance(query, Prepared):
            found = query.rows(conn, parameters or {})
            if len(found) > 1:
                raise MultipleResultsFound("a query for one row found several")
            return self._make(*found[0]) if found else None
        row = conn.execute(query, parameters).one_or_none()
        return self._make(*row) if row is not None else None

    def get(self, conn: Connection, query: Query, parameters: Mapping[str, Any] | None = None) -> R:
        """Return the only row that `query` selects."""
        return self._make(*conn.execute(query, parameters).one())

    def all(self, conn: Connection, query: Query | Prepared, parameters: Mapping[str, Any] | None = None) -> list[R]:
        """Return every row that `query` selects."""
        rows = query.rows(conn, parameters or {}) if isinstance(query, Prepared) else conn.execute(query, parameters)
        return list(starmap(self._make, rows))


def _typed(column: ColumnElement[Any] | None, hint: Any) -> ColumnElement[Any]:
    assert column is not None  # noqa: S101 - a field without a column is a mistake in the code
    enum = next(
        (kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, StrEnum)), None
    )
    return type_coerce(column, _Word(enum)) if enum is not None else column


class _Word(TypeDecorator[str]):
    """A text that is read as a member of an enum.

    A value that Signoff cannot have written stays a text: reading must not fail on a row that was tampered with, which the
    audit reports.
    """

    impl = String
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum
        self._members = {member.value: member for member in enum}

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self._members.get(value, value)
