"""What an approval froze. It is bound into the decision, stored with the plan version, and read by tasks and by reviewers."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from app.domain.command_payload import CommandPayload
from app.domain.commands import CommandRecord
from app.domain.errors import Conflict
from app.domain.frozen import Captured, Frozen
from app.storage.plan_versions import PlanRow
from app.storage.tables import plans


def take_captured(decision: CommandRecord) -> Captured | None:
    """Remove the captured material from a decision and return it. The decision then stores only its digest."""
    payload: CommandPayload = {**decision.payload}
    captured = payload.pop("captured", None)
    decision.payload = payload
    return captured


def bind(decision: CommandRecord, captured: Captured | None, earlier: PlanRow | None = None) -> Captured | None:
    """Put the digest of what this decision freezes into the decision. Returns None if nothing is frozen.

    Args:
        decision: an approval of a plan, or an edit of a project that approves its plans automatically.
        captured: what was captured, if anything.
        earlier: the version that an edit starts from. What it has frozen stays frozen.

    Raises:
        Conflict: `surroundings_changed`: the approver saw something else.
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


def seen(captured: Captured | None) -> str | None:
    """Return the digest of what an approver can see beside the plan; None if nothing is frozen."""
    return captured.frozen.seen_digest() if captured is not None else None


def check_seen(decision: CommandRecord, plan: PlanRow) -> None:
    """Make sure that the approver of a phase has seen what was frozen with the plan.

    Raises:
        Conflict: `surroundings_changed`.
    """
    if plan.frozen is not None:
        _check(decision, Frozen.model_validate(plan.frozen))


def _check(decision: CommandRecord, frozen: Frozen) -> None:
    seen, found = decision.payload.get("frozen_digest"), frozen.seen_digest()
    if seen is None and decision.payload.get("passkey") is not None:
        message = (
            "The passkey has signed the plan, but not the files and settings that it relies on. Name `frozen_digest` in the "
            "request for the challenge and in the approval."
        )
        raise Conflict(message, code="surroundings_changed", context={"frozen_digest": found})
    if seen is not None and seen != found:
        message = (
            "A file that the plan names, or something else it relies on, has changed since you looked. Review it again."
        )
        raise Conflict(message, code="surroundings_changed", context={"frozen_digest": found})


def keep(conn: Connection, project_id: str, version: int | None, captured: Captured | None) -> None:
    """Store what was frozen with its plan version."""
    if captured is not None:
        values = {"frozen": captured.frozen.model_dump(mode="json"), "signed_texts": captured.texts}
        conditions = (plans.c.project_id == project_id, plans.c.version == version)
        conn.execute(update(plans).where(*conditions).values(**values))


def text_of(conn: Connection, project_id: str, version: int | None, path: str) -> str | None:
    """Return the text of an approved file, or None if it was not stored."""
    query = select(plans.c.signed_texts).where(plans.c.project_id == project_id, plans.c.version == version)
    texts: dict[str, str] | None = conn.execute(query).scalar_one_or_none()
    return (texts or {}).get(path)
