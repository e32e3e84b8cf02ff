"""The event log. It is gap-free per project, hash-chained, and appended to in the transaction of the change it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, insert, select, update

from app.database.prepared import Prepared
from app.domain.errors import NotFound
from app.domain.events import GENESIS, chain_hash, content_of
from app.domain.identity import now
from app.domain.sender import Actor, as_sender
from app.domain.signing import SIGNER, Signer
from app.storage import notifications
from app.storage.record_tables import events, tombstones
from app.storage.stored_json import read_json
from app.storage.tables import projects
from signoff.schemas.event_data import EventData
from signoff.schemas.events import Event
from signoff.schemas.json_value import JsonObject

# Built once: building a statement costs more than running it. Writers of one project take turns: `app.storage.locks`.
_HELD_HEAD = Prepared(
    select(projects.c.last_seq, projects.c.last_hash)
    .where(projects.c.id == bindparam("of_project"))
    .with_for_update(key_share=True)
)
_APPEND = insert(events)
_APPEND_ONE = Prepared(_APPEND)
_SEAL = Prepared(update(projects).where(projects.c.id == bindparam("of_project")))
_AS_STORED = select(
    events.c.seq,
    events.c.type,
    events.c.project_id,
    events.c.at,
    events.c.actor,
    events.c.actor_id,
    events.c.via,
    events.c.address,
    events.c.session_id,
    events.c.hash,
    cast(events.c.data, Text).label("data"),
)
# Where rows of `_AS_STORED` have the hash, and those of `_TO_SEAL` the signature.
_HASH, _SIGNATURE = 9, 11
_COLUMNS = tuple(events.c[name] for name in Event.model_fields)
_OF_PROJECT = _AS_STORED.where(events.c.project_id == bindparam("of_project")).order_by(events.c.seq)
_TO_SEAL = Prepared(
    _OF_PROJECT.add_columns(events.c.seal).where(events.c.seq > bindparam("after")).limit(bindparam("at_most"))
)
_WITH_THE_ONE_BEFORE = Prepared(_OF_PROJECT.where(events.c.seq.between(bindparam("before"), bindparam("numbered"))))


def append(conn: Connection, project_id: str, *news: EventData, actor: Actor, at: str | None = None) -> list[Event]:
    """Append events to a project's log, in order, and touch its `updated_at`.

    Raises:
        NotFound: there is no such project.
    """
    moment = at or now()
    found = _HELD_HEAD.rows(conn, {"of_project": project_id})
    if not found:
        raise NotFound(f"There is no project {project_id}.")
    last_seq, last_hash = found[0]
    added = _chained(conn, project_id, (last_seq, last_hash), news, actor=actor, at=moment)
    store(conn, added)
    head = {"of_project": project_id, "last_seq": added.last_seq, "last_hash": added.last_hash, "updated_at": moment}
    _SEAL.write(conn, head)
    return added.written


@dataclass(frozen=True)
class Added:
    """Events that continue a chain, and what the project's row must say after them."""

    project_id: str
    news: Sequence[EventData]
    written: list[Event]
    rows: list[JsonObject]
    last_seq: int
    last_hash: str


def first(conn: Connection, project_id: str, *news: EventData, actor: Actor, at: str) -> Added:
    """Return the first events of a new project. `store` writes them, after its row."""
    return _chained(conn, project_id, (0, GENESIS), news, actor=actor, at=at)


def store(conn: Connection, added: Added) -> None:
    """Write events, and the notifications about them. The caller writes the project's row."""
    if len(added.rows) == 1:
        _APPEND_ONE.write(conn, added.rows[0])
    else:
        conn.execute(_APPEND, added.rows)
    notifications.note(conn, added.project_id, zip(added.written, added.news, strict=True))


def _chained(
    conn: Connection, project_id: str, after: tuple[int, str], news: Sequence[EventData], *, actor: Actor, at: str
) -> Added:
    seq, head = after
    signer: Signer | None = conn.get_execution_options().get(SIGNER)
    sender = as_sender(actor)
    written: list[Event] = []
    rows: list[JsonObject] = []
    for data in news:
        seq += 1
        event = Event.model_construct(
            seq=seq,
            type=str(data.type),
            project_id=project_id,
            at=at,
            actor=sender.actor,
            data=data.stored(),
            **sender.origin,
        )
        head = chain_hash(head, event)
        written.append(event)
        rows.append({**event.__dict__, "hash": head, "seal": seal_of(event, signer)})
    return Added(project_id, news, written, rows, seq, head)


def seal_of(event: Event, signer: Signer | None) -> str | None:
    """Return the app's signature over one of its events, or None if this process is not the app."""
    return signer.sign("event", content_of(event)) if signer is not None else None


def after(conn: Connection, project_id: str, seq: int, *, limit: int = 500) -> list[Event]:
    """Return at most `limit` events with a number above `seq`, in order."""
    query = (
        select(*_COLUMNS)
        .where(events.c.project_id == project_id, events.c.seq > seq)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [Event.model_validate(dict(row)) for row in conn.execute(query).mappings()]


def to_seal(conn: Connection, project_id: str, seq: int, *, limit: int) -> list[tuple[Event, str, str | None]]:
    """Return the next events as they are stored, each with its hash and the app's signature."""
    rows = _TO_SEAL.rows(conn, {"of_project": project_id, "after": seq, "at_most": limit})
    return [(_as_stored(row)[0], str(row[_HASH]), row[_SIGNATURE]) for row in rows]


def of_types(conn: Connection, project_id: str, types: tuple[str, ...], *, up_to: int) -> list[Event]:
    """Return the stored events of some types, up to a number, in order."""
    query = _AS_STORED.where(events.c.project_id == project_id, events.c.seq <= up_to, events.c.type.in_(types))
    return [_as_stored(row)[0] for row in conn.execute(query.order_by(events.c.seq))]


def hash_of(conn: Connection, project_id: str, seq: int) -> str | None:
    """Return the hash of one event, computed from its content and the stored hash before it. None if either is missing."""
    if seq == 0:
        return GENESIS
    rows = _WITH_THE_ONE_BEFORE.rows(conn, {"of_project": project_id, "before": seq - 1, "numbered": seq})
    if [row[0] for row in rows] != ([seq - 1, seq] if seq > 1 else [1]):
        return None
    return chain_hash(str(rows[0][_HASH]) if seq > 1 else GENESIS, _as_stored(rows[-1])[0])


def farewell(conn: Connection, project_id: str) -> Event | None:
    """Return the last event of a deleted project, or None if no project with that id was deleted."""
    row = conn.execute(select(tombstones.c.event).where(tombstones.c.project_id == project_id)).one_or_none()
    return Event.model_validate(row.event) if row is not None else None


class ChainCheck:
    """Verifies the hash chain of a project's events, page by page.

    Attributes:
        broken: numbers of the events at which the chain breaks: missing, altered or out of order.
        head: the stored hash of the last event.
        last: the number of the last event.
        hashes: the computed hash of every event, by number, from its content and the stored hash before it.
    """

    def __init__(self) -> None:
        self.hashes: dict[int, str] = {}
        self.broken: list[int] = []
        self.head: str = GENESIS
        self.last: int = 0

    def read(self, conn: Connection, project_id: str, *, limit: int = 500) -> list[Event]:
        """Read and verify the next events, at most `limit`."""
        query = _AS_STORED.where(events.c.project_id == project_id, events.c.seq > self.last)
        found: list[Event] = []
        for row in conn.execute(query.order_by(events.c.seq).limit(limit)):
            event, whole = _as_stored(row)
            self.take(event, str(row.hash), whole=whole)
            found.append(event)
        return found

    def take(self, event: Event, stored: str, *, whole: bool = True) -> None:
        """Verify one more event. `stored` is its stored hash; `whole` says whether its data could be read."""
        self.hashes[event.seq] = chain_hash(self.head, event)
        if event.seq != self.last + 1 or not whole or stored != self.hashes[event.seq]:
            self.broken.append(event.seq)
        self.head, self.last = stored, event.seq

    def check_end(self, last_seq: int, last_hash: str) -> None:
        """Compare the end of the chain with the project's own row. If they differ, the number after the last event is broken."""
        if (last_seq, last_hash) != (self.last, self.head):
            self.broken.append(self.last + 1)


def _as_stored(row: Sequence[Any]) -> tuple[Event, bool]:
    """Return an event, and whether its data could have come from Signoff. Invalid data is replaced by an empty object."""
    # The columns of `_AS_STORED`.
    seq, kind, project_id, at, actor, actor_id, via, address, session_id, _, text = row[:_SIGNATURE]
    try:
        data = read_json(text)
    except ValueError:
        data = None
    whole = isinstance(data, dict)
    content = data if isinstance(data, dict) else {}
    # Not validated: an altered row still needs its number, which is what the check reports.
    event = Event.model_construct(
        seq=seq,
        type=str(kind),
        project_id=project_id,
        at=at,
        actor=actor,
        data=content,
        actor_id=actor_id,
        via=via,
        address=address,
        session_id=session_id,
    )
    return event, whole
