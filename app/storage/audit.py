"""Reads rows exactly as they are stored. An audit must not fail on the tampering that it looks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, Text, or_, select
from sqlalchemy import cast as cast_column

from app.domain.audit import AuditedRow
from app.domain.commands import CommandRecord
from app.domain.seals import Seal
from app.storage import projects, seals
from app.storage.record_tables import events
from app.storage.stored_json import read_json
from app.storage.tables import attempts, commands, decisions, gates, phases, plans, questions, runs, tasks
from app.storage.tables import projects as project_table
from signoff.schemas.json_value import JsonObject

# A forger may have added more. This many are enough to report.
_MAX_STRAY = 20
_SKIPPED = frozenset({"gate", "failure"})


@dataclass(frozen=True)
class Unreadable:
    """A row that Signoff cannot have written. `name` is a task's key, a decision's id or a plan's version."""

    table: str
    name: str
    column: str


@dataclass(frozen=True)
class Record:
    """Everything that is recorded about a project at one moment."""

    project: AuditedRow
    plans: list[AuditedRow]
    runs: list[AuditedRow]
    phases: list[AuditedRow]
    tasks: list[AuditedRow]
    decisions: list[CommandRecord]
    attempts: list[AuditedRow]
    questions: list[AuditedRow]
    commands: list[AuditedRow]
    gates: list[AuditedRow]
    seals: list[Seal]
    # Numbers of events that lie outside the range in the project's own row.
    stray: list[int]
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])

    def unreadable_in(self, table: str) -> set[str]:
        """Return the names of a table's rows that cannot be read."""
        return {row.name for row in self.unreadable if row.table == table}


# The tables of a record, in the order in which they are read, with the column that names a row of each.
NAMES = {
    plans: "version",
    runs: "id",
    phases: "key",
    tasks: "key",
    decisions: "id",
    attempts: "task_id",
    questions: "id",
    commands: "id",
    gates: "id",
}


def read(conn: Connection, project_id: str) -> Record:
    """Read everything that is recorded about a project except its events.

    Raises:
        NotFound: there is no such project.
    """
    columns = [column for column in project_table.c if column.name not in _SKIPPED]
    project = conn.execute(select(*columns).where(project_table.c.id == project_id)).one_or_none()
    if project is None:
        raise projects.missing(conn, project_id)
    unreadable: list[Unreadable] = []

    def rows_of(table: Table, order: ColumnElement[Any]) -> list[AuditedRow]:
        return _rows(conn, table, project_id, NAMES[table], order, unreadable)

    return Record(
        project=project,
        plans=rows_of(plans, plans.c.version.desc()),
        runs=rows_of(runs, runs.c.number),
        phases=rows_of(phases, phases.c.position),
        tasks=rows_of(tasks, tasks.c.position),
        decisions=decisions_of(rows_of(decisions, decisions.c.position), unreadable),
        attempts=rows_of(attempts, attempts.c.started_at),
        questions=rows_of(questions, questions.c.position),
        commands=rows_of(commands, commands.c.at),
        gates=rows_of(gates, gates.c.position),
        seals=seals.all_of(conn, project_id),
        stray=_stray(conn, project),
        unreadable=unreadable,
    )


def _rows(
    conn: Connection,
    table: Table,
    project_id: str,
    name: str,
    order: ColumnElement[Any],
    unreadable: list[Unreadable],
) -> list[AuditedRow]:
    structured = [column.name for column in table.c if isinstance(column.type, JSON)]
    columns = [
        cast_column(column, Text).label(column.name) if column.name in structured else column for column in table.c
    ]
    found: list[AuditedRow] = []
    for row in conn.execute(select(*columns).where(table.c.project_id == project_id).order_by(order)).mappings():
        values = dict(row)
        wrong = next((column for column in structured if not _parse(table, column, values)), None)
        if wrong is None:
            found.append(SimpleNamespace(**values))
        else:
            unreadable.append(Unreadable(table.name, str(values[name]), wrong))
    return found


def _parse(table: Table, column: str, values: JsonObject) -> bool:
    """Replace the stored text with its value. False if the value is not valid for the column."""
    try:
        value = read_json(values[column])
    except ValueError:
        return False
    values[column] = value
    return has_shape(table.c[column], value)


def has_shape(column: Column[Any], value: object) -> bool:
    """Whether Signoff could have written this value to a structured column."""
    if value is None:
        return bool(column.nullable)
    return _SHAPES.get(column.name, _is_object)(value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value))


def _is_action(value: object) -> bool:
    return isinstance(value, dict) and isinstance(cast("dict[str, object]", value).get("type"), str)


def _has_ids(value: object) -> bool:
    ids = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return all(isinstance(ids.get(name), dict) for name in ("phases", "tasks"))


_SHAPES: dict[str, Callable[[object], bool]] = {
    "labels": _is_list_of_texts,
    "depends_on": _is_list_of_texts,
    "expected_files": _is_list_of_texts,
    "reads": _is_list_of_texts,
    "writes": _is_list_of_texts,
    "options": _is_list_of_texts,
    "action": _is_action,
    "ids": _has_ids,
}


def decisions_of(rows: Sequence[AuditedRow], unreadable: list[Unreadable]) -> list[CommandRecord]:
    """Return the decisions of these rows. Rows that are not valid decisions are added to `unreadable`."""
    found: list[CommandRecord] = []
    for row in rows:
        try:
            found.append(
                CommandRecord.model_validate({name: getattr(row, name) for name in CommandRecord.model_fields})
            )
        except ValidationError as error:
            column = str(error.errors()[0]["loc"][0])
            unreadable.append(Unreadable(decisions.name, row.id, column))
    return found


def _stray(conn: Connection, project: AuditedRow) -> list[int]:
    outside = or_(events.c.seq > project.last_seq, events.c.seq < 1)
    query = select(events.c.seq).where(events.c.project_id == project.id, outside).order_by(events.c.seq)
    return list(conn.execute(query.limit(_MAX_STRAY)).scalars())
