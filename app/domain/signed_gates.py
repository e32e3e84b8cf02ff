"""What a person's device signs at the gate of a phase, a task, a retry or a change: which gate it is, and which opening of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from app.domain.command_payload import CommandPayload
from app.domain.commands import CommandKind
from app.domain.decisions import RUN_AS_IT_IS
from app.domain.replay import outputs_hash
from app.domain.unseen import READ
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import GateKind


class SignedGate(BaseModel):
    """A gate during a run or after it, and the answer that a device signs.

    Attributes:
        kind: what waits.
        answer: the kind of the decision that the device signs.
        run_id: the run that waits or, for a retry, the run that is retried.
        opening: how often the gate has been opened, with this time.
        phase_id: the phase that waits.
        task_id: the task that waits.
        attempt: how many attempts the task has had.
        decision_id: the question that the answer is for.
        tasks_digest: SHA-256 of the ids of the tasks that a retry runs again, one per line.
        outputs_digest: SHA-256 of the outputs that the answer gives to the task.
        frozen_digest: the digest of the files and settings that the approval of the plan froze.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: GateKind
    answer: CommandKind
    run_id: str | None
    opening: int
    phase_id: str | None = None
    task_id: str | None = None
    attempt: int | None = None
    decision_id: str | None = None
    tasks_digest: str | None = None
    outputs_digest: str | None = None
    frozen_digest: str | None = None

    @property
    def content(self) -> JsonObject:
        """What the challenge contains: the values that are set."""
        return self.model_dump(mode="json", exclude_none=True)

    def mismatch(self, kind: CommandKind, payload: CommandPayload) -> str | None:
        """Why this is not the gate that a decision answers, as a sentence; None if it may be."""
        if self.answer != kind:
            return "The passkey has signed another answer."
        task, decision = payload.get("task_id") or payload.get("task"), payload.get("decision")
        if self.kind == GateKind.PHASE and payload.get("phase_id") != self.phase_id:
            return "The passkey has signed for another phase."
        if self.kind == GateKind.TASK and (task != self.task_id or digest_of(payload) != self.outputs_digest):
            return "The passkey has signed for another task, or for other outputs."
        if self.kind == GateKind.CHANGE and (decision != self.decision_id or payload.get("answer") != RUN_AS_IT_IS):
            return "The passkey has signed another answer, or the answer to another question."
        told = payload.get("gate")
        if told is not None and told.get("kind") != self.kind:
            return "The passkey has signed at a gate of another kind."
        return None


def digest_of(payload: CommandPayload) -> str | None:
    """The digest of the outputs that an answer gives. The checksums of what was read are not among them."""
    outputs: JsonObject = payload.get("outputs") or {}
    return outputs_hash({name: value for name, value in outputs.items() if name != READ})


def digest_of_tasks(ids: Sequence[str]) -> str:
    """The digest of the ids of the tasks that a retry runs again."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
