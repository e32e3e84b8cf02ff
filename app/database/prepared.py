"""Statements that every task runs, compiled once.

SQLAlchemy spends about 0.1 ms of processor time on a statement, whatever it does: four times what SQLite needs for it. On a
connection of SQLite's own driver, a prepared statement goes straight to the driver. Elsewhere it runs like any other statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Delete, Insert, Select, SelectBase, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Parameters = Mapping[str, Any]
_Convert = Callable[[Any], Any]
_NOTHING: Parameters = {}


class Prepared:
    """A statement that is compiled once for each set of parameters.

    Args:
        statement: is built once, with `bindparam` for everything that varies. Columns with a default of their own must be given.
    """

    def __init__(
        self, statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
    ) -> None:
        self._statement = statement
        self._forms: dict[tuple[object, ...], _Form] = {}

    def rows(self, conn: Connection, parameters: Parameters = _NOTHING) -> Sequence[Sequence[Any]]:
        """Return the rows that it selects.

        Raises:
            sqlalchemy.exc.DBAPIError: the database refuses it, or cannot be reached.
        """
        driver = _driver_of(conn)
        if driver is None:
            return conn.execute(self._statement, parameters).all()
        form = self._form(conn.dialect, parameters)
        return form.read(_run(conn.dialect, driver, form.text, form.values(parameters)))

    def write(self, conn: Connection, parameters: Parameters) -> int:
        """Change rows, and return how many.

        Raises:
            sqlalchemy.exc.DBAPIError: as `rows`.
        """
        driver = _driver_of(conn)
        if driver is None:
            return conn.execute(self._statement, parameters).rowcount
        form = self._form(conn.dialect, parameters)
        return _run(conn.dialect, driver, form.text, form.values(parameters)).rowcount

    def _form(self, dialect: Dialect, parameters: Parameters) -> _Form:
        # A list has one place in the statement for each of its elements.
        shape = tuple((name, _length(value)) for name, value in parameters.items())
        form = self._forms.get(shape)
        if form is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=list(parameters))
            assert isinstance(compiled, SQLCompiler)  # noqa: S101 - for the type checker: it is not a schema
            form = self._forms[shape] = _form_of(compiled, dialect, parameters)
        return form


def _length(value: Sequence[object]) -> int | None:
    return len(value) if isinstance(value, list) else None


def run_text(conn: Connection, text: str) -> None:
    """Run a statement without parameters and rows, such as `SAVEPOINT`.

    Raises:
        sqlalchemy.exc.DBAPIError: as `Prepared.rows`.
    """
    driver = _driver_of(conn)
    if driver is None:
        conn.exec_driver_sql(text)
    else:
        _run(conn.dialect, driver, text, [])


@dataclass(frozen=True, slots=True)
class _Place:
    """A place for a value: the parameter that fills it, which element of it if it is a list, or else a constant."""

    name: str | None
    element: int | None
    constant: Any
    convert: _Convert | None

    def value(self, parameters: Parameters) -> Any:
        if self.name is None:
            return self.constant
        value = parameters[self.name]
        if self.element is not None:
            value = value[self.element]
        return value if self.convert is None else self.convert(value)


@dataclass(frozen=True, slots=True)
class _Form:
    """The text for the driver, what fills its places, and how the columns of its rows are converted, by their numbers."""

    text: str
    places: list[_Place]
    columns: list[tuple[int, _Convert]]

    def values(self, parameters: Parameters) -> list[Any]:
        return [place.value(parameters) for place in self.places]

    def read(self, cursor: sqlite3.Cursor) -> Sequence[Sequence[Any]]:
        found: list[tuple[Any, ...]] = cursor.fetchall()
        if not self.columns:
            return found
        rows = [list(row) for row in found]
        for row in rows:
            for number, convert in self.columns:
                row[number] = convert(row[number])
        return rows


def _form_of(compiled: SQLCompiler, dialect: Dialect, parameters: Parameters) -> _Form:
    state = compiled.construct_expanded_state({**parameters})
    elements = {
        expanded: (name, element)
        for name, names in state.parameter_expansion.items()
        for element, expanded in enumerate(names)
    }
    places: list[_Place] = []
    for given in state.positiontup or ():
        name, element = elements.get(given, (given, None))
        bound = compiled.binds[name]
        convert = _implementation(bound.type, dialect).bind_processor(dialect)
        if bound.key in parameters:
            places.append(_Place(bound.key, element, None, convert))
        else:
            constant = state.parameters[given]
            places.append(_Place(None, None, constant if convert is None else convert(constant), None))
    selected = compiled.statement.selected_columns if isinstance(compiled.statement, SelectBase) else ()
    converters = [_implementation(column.type, dialect).result_processor(dialect, None) for column in selected]
    columns = [(number, convert) for number, convert in enumerate(converters) if convert is not None]
    return _Form(state.statement, places, columns)


def _implementation(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)


def _driver_of(conn: Connection) -> sqlite3.Connection | None:
    """The connection of SQLite's own driver, in a transaction that has begun. None if SQLAlchemy must run the statement.

    It must if somebody listens to what it runs.
    """
    if not conn.in_transaction() or conn.dispatch.before_cursor_execute:
        return None
    driver = conn.connection.driver_connection
    return driver if isinstance(driver, sqlite3.Connection) else None


def _run(dialect: Dialect, driver: sqlite3.Connection, text: str, values: list[Any]) -> sqlite3.Cursor:
    try:
        return driver.execute(text, values)
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, values, error, sqlite3.Error, dialect=dialect) from error
