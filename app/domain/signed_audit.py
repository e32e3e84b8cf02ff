"""Audits the values that an approval froze: whether they match the seal, and whether they match what ran."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from app.domain.audit import AuditedRow, Found
from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.decisions import RUN_AS_IT_IS
from app.domain.frozen import Frozen
from app.domain.integrity import altered

_FREEZING = frozenset({CommandKind.APPROVE, CommandKind.EDIT})


def check_frozen(versions: Sequence[AuditedRow], decisions: Sequence[CommandRecord]) -> Iterator[Found]:
    """Find plan versions whose frozen values differ from the sealed ones, and texts that differ from the signed files."""
    sealed: dict[int | None, str | None] = {
        decision.plan_version: decision.payload.get("frozen_digest")
        for decision in decisions
        if decision.outcome == Outcome.ACCEPTED and decision.kind in _FREEZING and _begins_or_extends(decision)
    }
    for row in versions:
        frozen = _frozen(row.frozen)
        if (frozen.digest() if frozen is not None else None) != sealed.get(row.version) or (
            frozen is None and row.frozen is not None
        ):
            yield altered(
                "plan_altered", f"The frozen values of plan version {row.version} differ from what was sealed."
            )
        files = frozen.files if frozen is not None else {}
        texts: dict[str, object] = row.signed_texts or {}
        for path, text in texts.items():
            if path not in files or hashlib.sha256(str(text).encode()).hexdigest() != files[path].sha256:
                message = f"The stored text of {path} in plan version {row.version} differs from the signed file."
                yield altered("plan_altered", message)


def _begins_or_extends(decision: CommandRecord) -> bool:
    """Whether a decision approved a plan (not a phase), or edited an approved plan (not a draft)."""
    if decision.kind == CommandKind.APPROVE:
        return "run_id" in decision.payload
    return decision.payload.get("frozen_digest") is not None


def _frozen(value: object) -> Frozen | None:
    try:
        return Frozen.model_validate(value) if value is not None else None
    except ValidationError:
        return None


def check_unsigned(decisions: Sequence[CommandRecord]) -> Iterator[Found]:
    """Find tasks that ran with unsigned changes because a person accepted them."""
    for decision in decisions:
        changed = decision.payload.get("changed")
        if decision.outcome != Outcome.ACCEPTED or decision.payload.get("answer") != RUN_AS_IT_IS or not changed:
            continue
        names = ", ".join(f"{item['what']} {item['name']}" for item in changed[:10])
        yield Found(
            "medium",
            "ran_unsigned",
            f"Task '{decision.payload.get('key')}' ran with unsigned changes ({names}), accepted by {decision.actor}.",
            "Check the difference that the decision shows.",
            decision.payload.get("task_id"),
        )
