"""Computes the preview of an outline's plan, from the text to the complete answer as JSON.

For thousands of tasks this takes seconds of CPU time, so it runs in a separate process (`preview_process`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.api.views import conditions
from app.api.views.parameters import parameters
from app.api.views.plan_stats import stats
from app.api.views.preview_order import PreviewOrder
from app.domain.actions import Actions
from app.domain.agents import AgentEntry
from app.domain.audit import check_plan, worst_first
from app.domain.conditions import effects_of, stops_of
from app.domain.errors import Invalid
from app.domain.model_audit import check_deciders
from app.domain.parameters import bind_what_fits, values_of
from app.domain.plan import PhaseDraft, PlanDraft
from app.domain.policies import Document, Signing, in_words, matching
from app.domain.releasing import deciders_of
from app.domain.unseen import check_unseen, find_unseen, steps_of
from app.domain.validation import (
    Agents,
    Objection,
    check_draft,
    effective_dependencies,
    for_project,
    has_model,
    retries_of,
)
from app.planning.outline.reader import first_heading, read_outline, read_with_parameters
from app.planning.render import to_markdown
from app.workspace.private_places import objection_to_grants
from signoff.schemas.json_value import JsonObject
from signoff.schemas.outline import OutlineFinding, OutlinePhase, OutlinePreview, OutlineTask
from signoff.schemas.policies import MatchingPolicy
from signoff.schemas.problems import Problem
from signoff.vocabulary import DecidedBy, GateKind, RunsOn


class _Row(NamedTuple):
    """A task in the form that an audit checks. It has no id yet, so its key replaces the id."""

    id: str
    key: str
    action: JsonObject
    agent_id: str | None
    timeout_seconds: float | None


def preview(order: PreviewOrder, actions: Actions) -> bytes:
    """Compute the preview, an `OutlinePreview` as JSON. If the description does not make a plan, it says why.

    If only values of parameters are missing or wrong, it also has the plan, with the values that are right.
    """
    agents = {name: AgentEntry(kind=kind) for name, kind in order.agents.items()}
    objection = objection_to_grants(order.private)
    try:
        draft = read_outline(order.description, has_model=has_model(agents, order.agent_id), objection=objection)
        check_draft(draft, actions, for_project(agents, order.agent_id), objection=objection)
    except Invalid as error:
        answer = _answer(PlanDraft()).model_copy(update={"valid": False, "problems": error.info.details})
        answer.markdown = _with_parameters(order, actions, agents, objection)
    else:
        problems: list[Problem] = []
        if order.parameters is not None:
            draft.parameters, problems = bind_what_fits(draft.parameters, order.parameters)
        answer = _answer(draft).model_copy(update={"valid": not problems, "problems": problems})
        answer.markdown = to_markdown(draft, first_heading(order.description) or "Plan")
        answer.phases = [_phase(draft, phase, actions) for phase in draft.phases]
        answer.findings = list(_findings(draft, answer.phases, for_project(agents, order.agent_id)))
        answer.policies = _policies(order, draft, agents)
    answer.labels = order.labels
    return answer.model_dump_json().encode()


def _policies(order: PreviewOrder, draft: PlanDraft, agents: dict[str, AgentEntry]) -> list[MatchingPolicy]:
    """The policies that say who must sign the plan."""
    document = Document(GateKind.PLAN, order.labels, order.agent_id, draft.phases, {**values_of(draft.parameters)})
    found = matching(Signing(order.policies, agents), document)
    return [MatchingPolicy(name=policy.name, demands=in_words(policy)) for policy in found]


def _with_parameters(order: PreviewOrder, actions: Actions, agents: Agents, objection: Objection) -> str:
    """The plan of a description whose only problems are placeholders, as Markdown. Empty if it has others."""
    try:
        draft = read_with_parameters(
            order.description, has_model=has_model(agents, order.agent_id), objection=objection
        )
        if draft is None:
            return ""
        check_draft(draft, actions, for_project(agents, order.agent_id), objection=objection)
    except Invalid:
        return ""
    return to_markdown(draft, first_heading(order.description) or "Plan")


def _answer(draft: PlanDraft) -> OutlinePreview:
    return OutlinePreview(
        valid=True,
        planner="outline",
        markdown="",
        summary=draft.summary,
        warnings=draft.warnings,
        problems=[],
        stats=stats(draft),
        parameters=parameters(draft.parameters),
        phases=[],
        answers=conditions.answers(effects_of(draft, stops_of(draft))),
        findings=[],
    )


def _phase(draft: PlanDraft, phase: PhaseDraft, actions: Actions) -> OutlinePhase:
    tasks = [
        OutlineTask(
            key=task.key,
            title=task.title,
            description=task.description,
            action=task.action.model_dump(mode="json"),
            agent_id=task.agent_id,
            depends_on=needed,
            inputs=task.inputs,
            expected_files=task.expected_files,
            retries=retries_of(task, actions),
            timeout_seconds=task.timeout_seconds,
            on_crash=task.on_crash,
            after_failure=task.after_failure,
            reads=task.reads,
            writes=task.writes,
            limits=task.limits,
            condition=conditions.drafted(task, draft.parameters),
            requires_approval=task.requires_approval,
        )
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True)
    ]
    return OutlinePhase(
        key=phase.key,
        name=phase.name,
        description=phase.description,
        strategy=phase.strategy,
        requires_approval=phase.requires_approval,
        condition=conditions.drafted(phase, draft.parameters),
        runs_on=RunsOn(phase.runs_on),
        tasks=tasks,
    )


def _findings(draft: PlanDraft, phases: list[OutlinePhase], agents: Agents) -> Iterator[OutlineFinding]:
    rows = [
        _Row(task.key, task.key, task.action, task.agent_id, task.timeout_seconds)
        for phase in phases
        for task in phase.tasks
    ]
    answered = [key for key, by in deciders_of(draft).items() if by == DecidedBy.MODEL]
    models = check_deciders(draft, answered, {row.key: row.key for row in rows})
    unseen = check_unseen(find_unseen(steps_of(draft), agents))
    for finding in worst_first([*check_plan(rows, agents), *models, *unseen]):
        yield OutlineFinding(
            severity=finding.severity,
            code=finding.code,
            message=finding.message,
            suggestion=finding.suggestion,
            task_key=finding.task_id,
        )
