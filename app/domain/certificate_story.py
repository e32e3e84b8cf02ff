"""What a record's events tell about one plan version: its approval, and what came of it until another version took its place."""

from __future__ import annotations

from typing import NamedTuple

from app.domain.replay import Replay
from signoff.schemas.event_data import PlanApproved, PlanReady, ProjectCreated, RunStarted
from signoff.schemas.events import Event
from signoff.vocabulary import ProjectStatus


class Told(NamedTuple):
    """Where a decision is reported first: the number of the event, and the hash that it has of the decision."""

    event: int
    hash: str


class Story:
    """Takes the events of a record in order, and stops where the version's story ends.

    Args:
        version: the plan version.
        last: the number of the last event to take.

    Attributes:
        replay: the project at the end of the story.
        created_as: the name that the project was created with.
        approved_at: the number of the event that approved the version first; None if it was not approved.
        decided: the decisions that events report, by id, in order.
    """

    def __init__(self, version: int, last: int) -> None:
        self.replay = Replay()
        self.created_as = ""
        self.approved_at: int | None = None
        self.decided: dict[str, Told] = {}
        self._version = version
        self._last = last
        self._over = False

    def take(self, event: Event) -> None:
        """Take the next event. Those after the end of the story change nothing."""
        if self._over or event.seq > self._last:
            return
        data = event.payload
        if self._ends(data):
            self._over = True
            return
        if isinstance(data, ProjectCreated):
            self.created_as = str(data.name)
        if isinstance(data, PlanApproved) and data.plan_version == self._version and self.approved_at is None:
            self.approved_at = event.seq
        decision_id, digest = event.data.get("decision_id"), event.data.get("decision_hash")
        if isinstance(decision_id, str) and isinstance(digest, str):
            self.decided.setdefault(decision_id, Told(event.seq, digest))
        self.replay.take(event)

    def _ends(self, data: object) -> bool:
        """Whether an event belongs to another version, which takes the place of this one."""
        if self.approved_at is None:
            return False
        match data:
            case PlanApproved() | RunStarted():
                return data.plan_version != self._version
            case PlanReady():
                # An edit of a run makes a version that waits. The run continues with the one that was approved.
                return self.replay.state.status != ProjectStatus.RUNNING
            case _:
                return False
