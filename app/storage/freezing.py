"""What an approval froze: bound into the decision, kept with the plan version, and read by tasks and by those who look."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from app.domain.decisions import Decision
from app.domain.errors import Conflict
from app.domain.frozen import Captured, Frozen
from app.storage.plans import PlanRow
from app.storage.tables import plans


def take_captured(decision: Decision) -> Captured | None:
    """Take what was captured out of a decision, so that the decision keeps the digest of it alone."""
    captured: Captured | None = decision.payload.get("captured")
    decision.payload = {name: value for name, value in decision.payload.items() if name != "captured"}
    return captured


def bind(decision: Decision, captured: Captured | None, earlier: PlanRow | None = None) -> Captured | None:
    """What this decision freezes, with its digest in the decision; None where nothing is frozen.

    Args:
        decision: an approval of a plan, or an edit that approves itself.
        captured: what was found, if anything.
        earlier: the version that an edit starts from; what that has frozen stays.

    Raises:
        Conflict: `surroundings_changed`: it is not what the one who approves has seen.
    """
    if captured is None or (earlier is not None and earlier.frozen is None):
        return None
    if earlier is not None:
        former: dict[str, str] = earlier.signed_texts or {}
        texts = {**captured.texts, **former}
        captured = Captured(captured.frozen.extended(Frozen.model_validate(earlier.frozen)), texts)
    _check(decision, captured.frozen)
    decision.payload = {**decision.payload, "frozen_digest": captured.frozen.digest()}
    return captured


def check_seen(decision: Decision, plan: PlanRow) -> None:
    """Make sure that an approval of a phase means what was frozen with the plan.

    Raises:
        Conflict: `surroundings_changed`.
    """
    if plan.frozen is not None:
        _check(decision, Frozen.model_validate(plan.frozen))


def _check(decision: Decision, frozen: Frozen) -> None:
    seen, found = decision.payload.get("frozen_digest"), frozen.seen_digest()
    if seen is not None and seen != found:
        message = (
            "A file that the plan names, or something else around it, has changed since you looked; read it again."
        )
        raise Conflict(message, code="surroundings_changed", context={"frozen_digest": found})


def keep(conn: Connection, project_id: str, version: int | None, captured: Captured | None) -> None:
    """Keep what was frozen with its plan version."""
    if captured is not None:
        values: dict[str, Any] = {"frozen": captured.frozen.model_dump(mode="json"), "signed_texts": captured.texts}
        mine = (plans.c.project_id == project_id, plans.c.version == version)
        conn.execute(update(plans).where(*mine).values(**values))


def of_plan(conn: Connection, project_id: str, version: int | None) -> Frozen | None:
    """What was frozen with a plan version; None for versions from before that, or not approved."""
    query = select(plans.c.frozen).where(plans.c.project_id == project_id, plans.c.version == version)
    value = conn.execute(query).scalar_one_or_none()
    return Frozen.model_validate(value) if value is not None else None


def text_of(conn: Connection, project_id: str, version: int | None, path: str) -> str | None:
    """The text of a signed file, where it was kept."""
    query = select(plans.c.signed_texts).where(plans.c.project_id == project_id, plans.c.version == version)
    texts: dict[str, str] | None = conn.execute(query).scalar_one_or_none()
    return (texts or {}).get(path)
