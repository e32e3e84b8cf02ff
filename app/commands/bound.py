"""Refuses decisions about another version of the plan than the one that waits."""

from __future__ import annotations

from app.domain.command_payload import CommandPayload
from app.domain.errors import Conflict
from app.storage.plans import PlanRow


def check_bound(plan: PlanRow, payload: CommandPayload) -> None:
    """Refuse a decision whose sender has read another version.

    Raises:
        Conflict: `plan_superseded`.
    """
    version, digest = payload.get("plan_version"), payload.get("plan_digest")
    if (version is not None and version != plan.version) or (digest is not None and digest != plan.digest):
        raise superseded(plan)


def superseded(plan: PlanRow) -> Conflict:
    """Return the error that names the version that waits."""
    return Conflict(
        f"The plan has changed: version {plan.version} is the current one. Read it, then decide about that version.",
        code="plan_superseded",
        context={"plan_version": plan.version, "plan_digest": plan.digest},
    )
