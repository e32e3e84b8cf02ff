"""One step of sealing a project, in one transaction: adopt the seals of other apps, then seal new events."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.domain.events import GENESIS, chain_hash, content_of
from app.domain.identity import now
from app.domain.seals import Head, Published, Seal
from app.domain.signing import KeyRing, Signer
from app.sealing.authentic import Judge, command_content
from app.storage import events, locks, projects, seals
from signoff.schemas.events import Event

# The maximum number of events under one seal. Each seal is one write transaction, and other writers wait for it.
MAX_EVENTS = 500


@dataclass
class Step:
    """The result of a step.

    Attributes:
        seals: the adopted seals, and the one that was made.
        more: whether there are more events to seal.
        refused: why nothing can be sealed, namely that the events do not form a chain.
    """

    seals: list[Seal] = field(default_factory=list[Seal])
    more: bool = False
    refused: str | None = None


@dataclass(frozen=True)
class Place:
    """What the app remembers of a project: its newest published head, and its state when sealing began."""

    head: Head | None
    before: tuple[int, str] | None


def advance(
    conn: Connection, project_id: str, place: Place, signer: Signer, keys: KeyRing, *, signals_by_hand: bool = False
) -> Step:
    """Adopt seals and make the next one. It is safe to repeat this, and to do it in several apps at once."""
    locks.hold_project(conn, project_id)
    project = projects.find(conn, project_id)
    if project is None:
        return Step()
    head, adopted, contradicted = _adopt(conn, project_id, place.head, keys)
    step = Step(seals=adopted)
    if head is not None and not contradicted and events.hash_of(conn, project_id, head.seq) != head.hash:
        contradicted = True
    if contradicted and head is not None:
        return _seal_contradiction(conn, project_id, head, signer, step)
    start, chain = (head.seq, head.hash) if head is not None else (0, GENESIS)
    if start >= project.last_seq:
        return step
    batch, chain, problem = _read_chain(conn, project_id, start, chain)
    if problem is not None or not batch:
        step.refused = problem or f"Event {start + 1} is missing."
        return step
    batch, chain = _whole_transactions(batch, chain, conn)
    last = batch[-1][0].seq
    later, problem = _sealed_later(place.before, start, batch, conn)
    if problem is not None:
        step.refused = problem
        return step
    judged = [(event, seal) for event, seal in batch if event.seq > later]
    unauthenticated, by_hand = Judge(conn, project_id, keys, start, signals_by_hand=signals_by_hand).judge(judged)
    seal = _next(project_id, head, signer, last, chain)
    seal = seal.model_copy(
        update={"sealed_later": later, "unauthenticated": unauthenticated, "by_hand": by_hand}
    ).signed(signer)
    seals.add(conn, seal)
    step.seals.append(seal)
    step.more = last < project.last_seq
    return step


def _adopt(
    conn: Connection, project_id: str, known: Head | None, keys: KeyRing
) -> tuple[Head | None, list[Seal], bool]:
    """Return the newest head, the seals that are new to this app, and whether the database contradicts what is known."""
    head, adopted = known, list[Seal]()
    if known is not None:
        stored = seals.find(conn, project_id, known.number)
        if stored is None or Head.of(stored) != known:
            seals.remove_after(conn, project_id, known.number)
            return known, adopted, True
    for seal in seals.after(conn, project_id, head.number if head is not None else 0):
        if not seal.is_signed_by(keys) or not seal.follows(head):
            # The app did not make this seal. The events that it covers are sealed as if it did not exist.
            seals.remove_after(conn, project_id, head.number if head is not None else 0)
            break
        adopted.append(seal)
        head = Head.of(seal)
    return head, adopted, False


def _read_chain(
    conn: Connection, project_id: str, start: int, chain: str, *, limit: int = MAX_EVENTS
) -> tuple[list[tuple[Event, str | None]], str, str | None]:
    """Return the next events, the hash of the last one, and where the chain breaks."""
    batch: list[tuple[Event, str | None]] = []
    for event, stored, seal in events.to_seal(conn, project_id, start, limit=limit):
        chain = chain_hash(chain, event)
        if event.seq != start + len(batch) + 1 or stored != chain:
            return batch, chain, f"The chain of events is broken at number {start + len(batch) + 1}."
        batch.append((event, seal))
    return batch, chain, None


def _whole_transactions(
    batch: list[tuple[Event, str | None]], chain: str, conn: Connection
) -> tuple[list[tuple[Event, str | None]], str]:
    """Drop the end of a full batch, which may be an incomplete transaction: a transaction's events are judged together."""
    if len(batch) < MAX_EVENTS:
        return batch, chain
    end = batch[-1][0].at
    kept = [pair for pair in batch if pair[0].at != end]
    if not kept:
        return batch, chain
    last = kept[-1][0]
    return kept, str(events.hash_of(conn, last.project_id, last.seq))


def _sealed_later(
    before: tuple[int, str] | None, start: int, batch: list[tuple[Event, str | None]], conn: Connection
) -> tuple[int, str | None]:
    """Return up to which event the record predates sealing, and what is wrong with that part."""
    if before is None or before[0] <= start:
        return 0, None
    last = batch[-1][0]
    if last.seq >= before[0]:
        if events.hash_of(conn, last.project_id, before[0]) != before[1]:
            return 0, f"The events up to number {before[0]} differ from those that existed when sealing began."
        return before[0], None
    return last.seq, None


def _seal_contradiction(conn: Connection, project_id: str, head: Head, signer: Signer, step: Step) -> Step:
    """Seal the record as it is now, and state in the seal that it contradicts what was published."""
    start, chain = 0, GENESIS
    while True:
        batch, chain, problem = _read_chain(conn, project_id, start, chain)
        if problem is not None:
            step.refused = problem
            return step
        start += len(batch)
        if len(batch) < MAX_EVENTS:
            break
    published = Published(number=head.number, seq=head.seq, hash=head.hash)
    seal = _next(project_id, head, signer, start, chain).model_copy(update={"contradicts": published}).signed(signer)
    seals.add(conn, seal)
    step.seals.append(seal)
    return step


def _next(project_id: str, head: Head | None, signer: Signer, seq: int, chain: str) -> Seal:
    return Seal(
        project_id=project_id,
        number=head.number + 1 if head is not None else 1,
        seq=seq,
        hash=chain,
        previous=head.digest if head is not None else GENESIS,
        at=now(),
        key_id=signer.key_id,
    )


def bury(conn: Connection, project_id: str, place: Place, signer: Signer, keys: KeyRing) -> Seal | None:
    """Seal the end of a deleted project, whose events are gone. None if another app has already sealed it."""
    stone = seals.tombstone_of(conn, project_id)
    if stone is None or stone.seal is not None:
        return None
    event = Event.model_validate(stone.event)
    head = place.head
    seal = _next(event.project_id, head, signer, event.seq, stone.head)
    changes: dict[str, object] = {"deleted": True}
    if not _was_to_be_deleted(event, stone.proof or {}, keys):
        changes["unauthenticated"] = [event.seq]
    if head is not None and event.seq <= head.seq:
        changes["contradicts"] = Published(number=head.number, seq=head.seq, hash=head.hash)
    seal = seal.model_copy(update=changes).signed(signer)
    seals.seal_tombstone(conn, seal)
    return seal


def _was_to_be_deleted(event: Event, proof: seals.Proof, keys: KeyRing) -> bool:
    """Whether the app deleted the project, or stored the command of the person who asked for it."""
    if keys.verifies("event", content_of(event), proof.get("seal")):
        return True
    command = proof.get("command")
    if command is None or not keys.verifies("command", command_content(command), command["seal"]):
        return False
    named = (command["project_id"], command["actor"], command.get("actor_id"))
    return named == (event.project_id, event.actor, event.actor_id) and bool(command["payload"].get("delete"))
