"""Seals in the database. The app signs them; everyone who can read the database can read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pydantic import ValidationError
from sqlalchemy import Connection, Text, and_, bindparam, cast, delete, func, insert, or_, select, update

from app.database.prepared import Prepared
from app.domain.seals import Seal
from app.storage.commands import CommandRow
from app.storage.reading import Rows
from app.storage.record_tables import events, seals, tombstones
from app.storage.stored_json import read_json
from app.storage.tables import projects
from signoff.schemas.json_value import JsonObject


class Proof(TypedDict, total=False):
    """What shows that someone asked to delete a project: the app's signature, or that person's command."""

    seal: str | None
    command: CommandRow | None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What remains of a deleted project. `app.storage.tables` explains the columns."""

    project_id: str
    deleted_at: str
    deleted_by: str
    event: JsonObject
    head: str
    proof: Proof | None
    seal: JsonObject | None


_TOMBSTONES = Rows(tombstones, Tombstone)
_BODIES = select(cast(seals.c.body, Text)).where(seals.c.project_id == bindparam("of_project"))
_AFTER = Prepared(_BODIES.where(seals.c.number > bindparam("numbered")).order_by(seals.c.number))
_FIND = Prepared(_BODIES.where(seals.c.number == bindparam("numbered")))
_ADD = Prepared(insert(seals))


def all_of(conn: Connection, project_id: str) -> list[Seal]:
    """Return every readable seal of a project, in order."""
    return after(conn, project_id, 0)


def after(conn: Connection, project_id: str, number: int) -> list[Seal]:
    """Return the seals of a project with a higher number, in order. Rows that are not valid seals are left out."""
    rows = _AFTER.rows(conn, {"of_project": project_id, "numbered": number})
    found = [_seal(text) for (text,) in rows]
    return [seal for seal in found if seal is not None and seal.project_id == project_id]


def find(conn: Connection, project_id: str, number: int) -> Seal | None:
    """Return one seal, or None."""
    rows = _FIND.rows(conn, {"of_project": project_id, "numbered": number})
    return _seal(rows[0][0]) if rows else None


def newest(conn: Connection, project_id: str) -> Seal | None:
    """Return the newest seal of a project, or None."""
    query = select(cast(seals.c.body, Text)).where(seals.c.project_id == project_id)
    text = conn.execute(query.order_by(seals.c.number.desc()).limit(1)).scalar_one_or_none()
    return _seal(text) if text is not None else None


def newest_of_all(conn: Connection) -> dict[str, Seal | None]:
    """Return every project with its newest seal; None if it has no seal, or the stored one is not valid."""
    last = select(seals.c.project_id, func.max(seals.c.number).label("number")).group_by(seals.c.project_id).subquery()
    own = and_(seals.c.project_id == last.c.project_id, seals.c.number == last.c.number)
    bodies = select(seals.c.project_id, cast(seals.c.body, Text).label("body")).join(last, own).subquery()
    query = select(projects.c.id, bodies.c.body).outerjoin(bodies, bodies.c.project_id == projects.c.id)
    return {row.id: _seal(row.body) if row.body is not None else None for row in conn.execute(query)}


def tombstones_of_all(conn: Connection) -> dict[str, Seal | None]:
    """Return every deleted project with the seal over its end; None if it has no seal, or the stored one is not valid."""
    rows = conn.execute(select(tombstones.c.project_id, cast(tombstones.c.seal, Text).label("seal")))
    return {row.project_id: _seal(row.seal) if row.seal is not None else None for row in rows}


def add(conn: Connection, seal: Seal) -> None:
    """Store a seal."""
    row = {"project_id": seal.project_id, "number": seal.number, "seq": seal.seq, "body": seal.model_dump(mode="json")}
    _ADD.write(conn, row)


def remove_after(conn: Connection, project_id: str, number: int) -> None:
    """Remove rows that are not seals of the app, so that the app's next seal can take their place."""
    conn.execute(delete(seals).where(seals.c.project_id == project_id, seals.c.number > number))


def exist(conn: Connection) -> bool:
    """Whether anything in this database has ever been sealed."""
    signed = select(events.c.position).where(events.c.seal.is_not(None)).limit(1)
    return any(conn.execute(query).first() for query in (select(seals.c.position).limit(1), signed))


def unsealed_projects(conn: Connection) -> list[str]:
    """Return the projects with events that no seal covers."""
    covered = select(func.max(seals.c.seq)).where(seals.c.project_id == projects.c.id).scalar_subquery()
    query = select(projects.c.id).where(or_(covered.is_(None), covered < projects.c.last_seq))
    return list(conn.execute(query).scalars())


def heads(conn: Connection) -> list[tuple[str, int, str]]:
    """Return the id of every project, with the number and hash of its last event."""
    return [tuple(row) for row in conn.execute(select(projects.c.id, projects.c.last_seq, projects.c.last_hash))]


def touched_since(conn: Connection, position: int, *, look_back: int, limit: int = 5000) -> tuple[dict[str, int], int]:
    """Return the projects with events after a position, each with its newest event number, and the newest position of all.

    `look_back`: with concurrent writers, a row can become visible after one with a higher position.
    """
    query = select(events.c.project_id, events.c.seq, events.c.position).where(events.c.position > position - look_back)
    rows = conn.execute(query.order_by(events.c.position).limit(limit)).all()
    touched: dict[str, int] = {}
    for row in rows:
        touched[row.project_id] = max(touched.get(row.project_id, 0), row.seq)
    return touched, max([position, *(row.position for row in rows)])


def newest_position(conn: Connection) -> int:
    """Return the position of the newest event of all projects, or 0 if there is none."""
    return conn.execute(select(func.coalesce(func.max(events.c.position), 0))).scalar_one()


def unsealed_tombstones(conn: Connection) -> list[Tombstone]:
    """Return deleted projects whose end is not yet sealed."""
    query = _TOMBSTONES.select.where(tombstones.c.seal.is_(None)).order_by(tombstones.c.position).limit(100)
    return _TOMBSTONES.all(conn, query)


def seal_tombstone(conn: Connection, seal: Seal) -> None:
    """Store the last seal of a deleted project."""
    this_project = tombstones.c.project_id == seal.project_id
    conn.execute(update(tombstones).where(this_project).values(seal=seal.model_dump(mode="json")))


def tombstone_of(conn: Connection, project_id: str) -> Tombstone | None:
    """Return the tombstone of a deleted project, or None."""
    return _TOMBSTONES.find(conn, _TOMBSTONES.select.where(tombstones.c.project_id == project_id))


def _seal(text: str) -> Seal | None:
    try:
        return Seal.model_validate(read_json(text))
    except (ValueError, ValidationError):
        return None
