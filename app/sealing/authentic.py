"""Whether an event tells the truth about its actor, as far as the app can know.

The app signs the events that it writes itself. Workers write the others. If such an event names a person, the app requires
that person's command, which it signed when it received the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.events import content_of, sender_of
from app.domain.replay import outputs_hash
from app.domain.sender import Sender, without_empty_origin
from app.domain.signals import UNAUTHENTICATED
from app.domain.signing import KeyRing
from app.storage import decisions, events, seals
from app.storage.commands import CommandRow, find_row
from signoff.schemas.events import Event
from signoff.vocabulary import EventType

Verdict = Literal["authentic", "by_hand", "unauthenticated"]
# Actors that act on behalf of nobody.
OWN_ACTORS = frozenset({"signoff", "worker"})
MODEL_PREFIX = "model:"

_K, _E = CommandKind, EventType
_ANSWERED = frozenset({_E.TASK_COMPLETED, _E.TASK_SKIPPED, _E.TASK_FAILED, _E.DECISION_MADE})
# The event types that may report each kind of decision.
TELLS: dict[CommandKind, frozenset[EventType]] = {
    _K.GENERATE: frozenset({_E.PLAN_GENERATING, _E.DECISION_MADE}),
    _K.RETURN: frozenset({_E.PLAN_GENERATING, _E.PLAN_RETURNED, _E.DECISION_MADE}),
    _K.APPROVE: frozenset({_E.PLAN_APPROVED, _E.PHASE_APPROVED, _E.DECISION_MADE}),
    _K.CANCEL: frozenset({_E.RUN_CANCELLING, _E.PLAN_FAILED, _E.PROJECT_CANCELLED, _E.DECISION_MADE}),
    _K.PAUSE: frozenset({_E.RUN_PAUSED, _E.DECISION_MADE}),
    _K.RESUME: frozenset({_E.RUN_RESUMED, _E.DECISION_MADE}),
    _K.RETRY_RUN: frozenset({_E.RUN_STARTED, _E.DECISION_MADE}),
    _K.WITHDRAW: frozenset({_E.DECISION_MADE}),
    _K.DISCARD: frozenset({_E.PLAN_DISCARDED, _E.DECISION_MADE}),
    _K.REQUEST_CHANGES: frozenset({_E.PLAN_CHANGES_REQUESTED, _E.DECISION_MADE}),
    _K.REJECT: frozenset({_E.PLAN_REJECTED, _E.PROJECT_CANCELLED, _E.DECISION_MADE}),
    _K.EDIT: frozenset({_E.PLAN_APPROVED, _E.DECISION_MADE}),
    **dict.fromkeys((_K.ANSWER, _K.EXPIRE, _K.COMPLETE, _K.SKIP, _K.RETRY, _K.FAIL), _ANSWERED),
}
# Events that workers may write in a person's name without a decision, because they follow from one. Each needs one of these
# events, by the same person, before it or after it in the same edit.
FOLLOWS: dict[str, frozenset[EventType]] = {
    _E.PLAN_READY: frozenset({_E.PLAN_GENERATING, _E.PLAN_APPROVED, _E.DECISION_MADE}),
    _E.PLAN_SUPERSEDED: frozenset({_E.PLAN_GENERATING, _E.PLAN_APPROVED, _E.DECISION_MADE}),
    _E.TASK_CREATED: frozenset({_E.PLAN_APPROVED, _E.PLAN_GENERATING}),
    _E.RUN_STARTED: frozenset({_E.PLAN_APPROVED}),
    _E.PHASE_STARTED: frozenset({_E.PHASE_APPROVED}),
    _E.PHASE_SKIPPED: frozenset({_E.PROJECT_CANCELLED, _E.RUN_CANCELLING}),
    _E.TASK_CANCELLED: frozenset({_E.PROJECT_CANCELLED, _E.RUN_CANCELLING}),
    _E.TASK_SKIPPED: frozenset({_E.PROJECT_CANCELLED, _E.RUN_CANCELLING}),
    _E.PROJECT_CANCELLED: frozenset({_E.RUN_CANCELLING}),
}
_CAUSES = tuple(sorted({str(kind) for kinds in FOLLOWS.values() for kind in kinds}))
_OWN_DECISIONS = frozenset({_K.EXPIRE, _K.ANSWER, _K.APPROVE, _K.WITHDRAW})


class Judge:
    """Judges the events of one project, in order.

    Args:
        conn: an open transaction.
        project_id: the project's id.
        keys: the keys whose signatures are valid.
        sealed: the number of the last sealed event.
        signals_by_hand: whether signals sent directly through Temporal may decide. Otherwise they can only stop things.
    """

    def __init__(
        self, conn: Connection, project_id: str, keys: KeyRing, sealed: int, *, signals_by_hand: bool = False
    ) -> None:
        self._signals_by_hand = signals_by_hand
        self._conn = conn
        self._project_id = project_id
        self._keys = keys
        self._sealed = sealed
        self._causes: list[Event] | None = None

    def judge(self, batch: Sequence[tuple[Event, str | None]]) -> tuple[list[int], list[int]]:
        """Return the numbers of a batch's events that nobody is known to have requested, and of those sent through Temporal."""
        own = {event.seq for event, seal in batch if self._keys.verifies("event", content_of(event), seal)}
        verdicts = {event.seq: self._verdict(event, own) for event, _ in batch if self._decides(event)}
        caused = [event for event, _ in batch if event.seq in own or verdicts.get(event.seq) == "authentic"]
        for event, _ in batch:
            if event.seq not in verdicts:
                verdicts[event.seq] = self._verdict(event, own, caused)
        unauthenticated = [seq for seq, verdict in verdicts.items() if verdict == "unauthenticated"]
        return sorted(unauthenticated), sorted(seq for seq, verdict in verdicts.items() if verdict == "by_hand")

    @staticmethod
    def _decides(event: Event) -> bool:
        return bool(event.data.get("decision_id"))

    def _verdict(self, event: Event, own: set[int], caused: Sequence[Event] = ()) -> Verdict:
        try:
            return self._verdict_of(event, own, caused)
        except (ValueError, RecursionError):
            # A row that the verdict depends on was altered, and cannot be read.
            return "unauthenticated"

    def _verdict_of(self, event: Event, own: set[int], caused: Sequence[Event]) -> Verdict:
        if event.seq in own:
            return "authentic"
        if event.actor == UNAUTHENTICATED:
            return self._by_hand(event)
        if self._decides(event):
            return "authentic" if self._was_asked_for(event) else "unauthenticated"
        if event.actor in OWN_ACTORS:
            # Such an event needs a decision, and has none.
            return "unauthenticated" if event.type in _NEEDS_DECISION else "authentic"
        return "authentic" if self._follows(event, caused) else "unauthenticated"

    def _by_hand(self, event: Event) -> Verdict:
        """Judge an event that names nobody. Such an event may stop something. Whether it may decide anything is a setting."""
        if event.type in _STOPS or event.data.get("outcome") == Outcome.REFUSED:
            return "authentic"
        return "by_hand" if self._signals_by_hand else "unauthenticated"

    def _follows(self, event: Event, caused: Sequence[Event]) -> bool:
        causing_types = FOLLOWS.get(event.type, frozenset[EventType]())
        causes = [*self._earlier(), *caused] if causing_types else []
        return any(
            cause.type in causing_types
            and cause.actor == event.actor
            and cause.actor_id == event.actor_id
            and (_fits(event, cause) or self._makes_edits_first(event, cause))
            for cause in causes
        )

    def _makes_edits_first(self, event: Event, cause: Event) -> bool:
        """Whether a version has the edits that the request for the next version came with."""
        if event.type != EventType.PLAN_READY or cause.type != EventType.PLAN_GENERATING:
            return False
        version, following = event.data.get("plan_version"), cause.data.get("plan_version")
        if event.data.get("planner") != "hand" or not isinstance(version, int) or following != version + 1:
            return False
        decision = decisions.by_id(self._conn, self._project_id, str(cause.data.get("decision_id")))
        row = find_row(self._conn, self._project_id, decision.request_id) if decision is not None else None
        return row is not None and bool(row["payload"].get("edits"))

    def _earlier(self) -> list[Event]:
        if self._causes is None:
            found = events.of_types(self._conn, self._project_id, _CAUSES, up_to=self._sealed)
            doubtful = {seq for seal in seals.all_of(self._conn, self._project_id) for seq in seal.unauthenticated}
            self._causes = [event for event in found if event.seq not in doubtful]
        return self._causes

    def _was_asked_for(self, event: Event) -> bool:
        """Whether the event's actor asked for the decision that the event reports."""
        decision = decisions.by_id(self._conn, self._project_id, str(event.data["decision_id"]))
        if decision is None or decision.seal()["decision_hash"] != event.data.get("decision_hash"):
            return False
        if decision.sender != sender_of(event) or event.type not in TELLS[decision.kind]:
            return False
        if event.actor in OWN_ACTORS and decision.kind != _K.CANCEL:
            return decision.kind in _OWN_DECISIONS and (decision.kind != _K.APPROVE or self._approves_by_itself(event))
        if event.actor.startswith(MODEL_PREFIX):
            return decision.kind == _K.ANSWER
        row = find_row(self._conn, self._project_id, decision.request_id)
        return row is not None and commands_match(decision, row, self._keys) and _is_what_was_asked(event, row)

    def _approves_by_itself(self, event: Event) -> bool:
        """Whether the project was set to approve its plans automatically, according to the app's own events."""
        if event.type != EventType.PLAN_APPROVED:
            return False
        types = (str(EventType.PROJECT_CREATED), str(EventType.PROJECT_UPDATED))
        updates = events.of_types(self._conn, self._project_id, types, up_to=event.seq)
        settings = [one.data["auto_approve_plan"] for one in updates if "auto_approve_plan" in one.data]
        return bool(settings and settings[-1])


# What anyone who can reach Temporal may cause.
_STOPS = frozenset(
    {
        EventType.RUN_CANCELLING,
        EventType.RUN_PAUSED,
        EventType.PROJECT_CANCELLED,
        EventType.PLAN_FAILED,
        EventType.TASK_CANCELLED,
        EventType.PHASE_SKIPPED,
    }
)
_NEEDS_DECISION = frozenset(
    {
        EventType.PROJECT_CREATED,
        EventType.PROJECT_UPDATED,
        EventType.PLAN_APPROVED,
        EventType.PLAN_RETURNED,
        EventType.PLAN_DISCARDED,
        EventType.PLAN_CHANGES_REQUESTED,
        EventType.PLAN_REJECTED,
        EventType.PLAN_COMMENTED,
        EventType.PHASE_APPROVED,
        EventType.RUN_PAUSED,
        EventType.RUN_RESUMED,
        EventType.RUN_CANCELLING,
        EventType.DECISION_MADE,
        EventType.FILE_UPLOADED,
    }
)


_NAME_A_VERSION = frozenset({EventType.PLAN_DISCARDED, EventType.PLAN_CHANGES_REQUESTED, EventType.PLAN_REJECTED})


def command_content(row: CommandRow) -> dict[str, object]:
    """Return the part of a command that the app signs."""
    return without_empty_origin({name: value for name, value in row.items() if name != "seal"})


def commands_match(decision: CommandRecord, row: CommandRow, keys: KeyRing) -> bool:
    """Whether a decision matches its command, and the app stored that command."""
    if not keys.verifies("command", command_content(row), row["seal"]):
        return False
    expected = (decision.project_id, decision.request_id, decision.kind.value, decision.sender, decision.comment)
    sender = Sender(row["actor"], row["actor_id"], row["via"], row["address"], row["session_id"])
    if expected != (row["project_id"], row["request_id"], row["kind"], sender, row["comment"]):
        return False
    # An approval names the digest of what its sender saw. The decision compares it, and records that of the whole document.
    compared = (
        {"frozen_digest"} if decision.kind == CommandKind.APPROVE and decision.outcome == Outcome.ACCEPTED else ()
    )
    return all(decision.payload.get(name) == value for name, value in row["payload"].items() if name not in compared)


def _is_what_was_asked(event: Event, row: CommandRow) -> bool:
    """Whether an event has the plan, or the outputs, that its command names."""
    payload = row["payload"]
    if event.type in _NAME_A_VERSION or (event.type == EventType.PLAN_APPROVED and row["kind"] == CommandKind.APPROVE):
        version, digest = payload.get("plan_version"), payload.get("plan_digest")
        if version is not None and event.data.get("plan_version") != version:
            return False
        if digest is not None and event.data.get("plan_digest") != digest:
            return False
        return version is not None or digest is not None
    if event.type == EventType.PHASE_APPROVED:
        return payload.get("phase_id") in (None, event.data.get("phase_id"))
    if event.type == EventType.TASK_COMPLETED and row["kind"] == CommandKind.COMPLETE:
        return event.data.get("outputs_hash") == outputs_hash(payload.get("outputs") or {})
    return True


def _fits(event: Event, cause: Event) -> bool:
    """Whether a cause concerns the same plan or phase, as far as both state one."""
    if cause.type == EventType.DECISION_MADE:
        # Only an edit of a running plan makes a version, and it names that version.
        made = event.data.get("by" if event.type == EventType.PLAN_SUPERSEDED else "plan_version")
        return cause.data.get("kind") == CommandKind.EDIT and cause.data.get("plan_version") == made is not None
    names = (
        {"plan_digest", "phase_id"} if event.type in {EventType.RUN_STARTED, EventType.PHASE_STARTED} else set[str]()
    )
    if event.type == EventType.PLAN_READY:
        names = {"plan_version"}
    return all(event.data.get(name) == cause.data.get(name) for name in names if name in cause.data)
