"""Gates: what waits for people's approval, who has approved, and who is missing."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signoff.vocabulary import GateKind


class GivenApproval(BaseModel):
    """An approval on record, and who gave it."""

    name: str
    id: str | None
    at: str
    decision_id: str
    link_made_by: str | None = Field(
        default=None, description="If it was given through a link: who made the link, and so vouches for its person."
    )
    link_requested_by: str | None = Field(
        default=None, description="Who asked for the link, if the server sent it because somebody asked."
    )


class GateApprovals(BaseModel):
    """The approvals at a gate. `needed` is the smallest number with which it opens; `missing` says in words what it lacks."""

    given: int
    needed: int
    by: list[GivenApproval] = Field(default_factory=list[GivenApproval])
    missing: list[str] = Field(default_factory=list[str])


class Gate(BaseModel):
    """What waits for approval: a plan, a phase, a task, an edit of a run, a retry, or a change of what was signed.

    `id` is null if no policy is about it: one approval by anybody who may approve is then enough. `demands` says in words what
    each policy demands, and `why_not` why the reader may not approve. `may_approve` and `why_not` are null in exports. With
    `passkey`, an approval counts only if a device of the approver has signed it. With `undo_until`, all approvals are there: it
    opens at that time, and until it has, whoever gave the last approval can withdraw it. `may_undo` says whether the reader can.
    """

    kind: GateKind
    id: str | None = None
    plan_version: int | None = None
    phase_id: str | None = None
    task_id: str | None = None
    since: str
    expires_at: str | None = None
    approvals: GateApprovals
    demands: list[str] = Field(default_factory=list[str])
    passkey: bool = False
    may_approve: bool | None = None
    why_not: str | None = None
    undo_until: str | None = None
    may_undo: bool | None = None
