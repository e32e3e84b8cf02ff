"""Audits what models decide: which answers would let something run that cannot be taken back, and which ones did. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from pydantic import ValidationError

from app.domain.audit import AuditedRow, Found
from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.decisions import MODEL_ACTOR
from app.domain.lasting import lasting_effect
from app.domain.plan import PlanDraft
from app.domain.releasing import Released, Releases, deciders_of, listed
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import DecidedBy, DecisionMode

# A plan with more decisions of models is odd enough with these.
_MAX_EXAMINED = 100


def plan_in_force(versions: Sequence[AuditedRow], version: int | None) -> tuple[PlanDraft, list[str]]:
    """The draft of a project's current plan version, and the keys of the decisions that a model answers first.

    An empty plan if there is none, or if it cannot be read.
    """
    row = next((row for row in versions if row.version == version and row.draft is not None), None)
    try:
        draft = PlanDraft.model_validate(row.draft) if row is not None else PlanDraft()
    except ValidationError:
        return PlanDraft(), []
    deciders = deciders_of(draft)
    # Before plans said who decides, the project did.
    frozen: JsonObject | None = row.frozen if row is not None else None
    settings: JsonObject = (row.settings if row is not None else None) or {}
    is_old = frozen is not None and frozen.get("deciders") is None
    by_mode = is_old and settings.get("decision_mode") == DecisionMode.AGENT
    unsaid = {task.key for task in draft.tasks() if "by" not in task.action.fields()} if by_mode else set[str]()
    return draft, [key for key, by in deciders.items() if by == DecidedBy.MODEL or key in unsaid]


def check_deciders(draft: PlanDraft, answered: Collection[str], ids: Mapping[str, str]) -> Iterator[Found]:
    """Find decisions that a model answers first, although something that cannot be taken back depends on them.

    Args:
        draft: the plan.
        answered: the keys of the decisions that a model answers first.
        ids: the ids of the tasks, by key.
    """
    releases = Releases(draft) if answered else None
    for key in islice(answered, _MAX_EXAMINED):
        released = releases.by(key) if releases is not None else []
        if released:
            yield Found(
                "high",
                "model_decides",
                f"A model answers '{key}' first, and its answer leads to {listed(released)}.",
                "Leave the decision to a person: remove by=model. Otherwise, a person is asked to confirm the model's answer.",
                ids.get(key),
            )


def check_answers(draft: PlanDraft, rows: Sequence[AuditedRow], decisions: Sequence[CommandRecord]) -> Iterator[Found]:
    """Find what ran although it cannot be taken back, and although only a model had answered before it."""
    started = {row.key for row in rows if row.started_at is not None}
    by_key = {row.key: row for row in rows}
    made = [item for item in decisions if item.outcome == Outcome.ACCEPTED and item.actor.startswith(MODEL_ACTOR)]
    releases = Releases(draft) if made else None
    for decision in islice(made, _MAX_EXAMINED):
        key, effect = str(decision.payload.get("key")), decision.payload.get("effect")
        released = releases.by(key) if releases is not None else []
        if effect == CommandKind.RETRY:
            row = by_key.get(key)
            lasting = lasting_effect(row.action, row.on_crash) if row is not None else None
            released = [Released(key, lasting)] if lasting is not None else []
        elif effect not in {CommandKind.COMPLETE, CommandKind.SKIP}:
            continue
        ran = [item for item in released if item.key in started]
        if ran:
            yield Found(
                "high",
                "model_approved",
                f"The answer '{decision.payload.get('answer')}' of {decision.actor} to '{key}' let {listed(ran)} run.",
                "Check what it did. Leave such decisions to a person: remove by=model, or set decision_mode to human.",
                decision.payload.get("task_id"),
            )
