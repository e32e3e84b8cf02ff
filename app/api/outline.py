"""What an outline would make, while it is being written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from app.api import present
from app.api.bodies import PreviewOutline
from app.api.models.outline import OutlineFinding, OutlinePhase, OutlinePreview, OutlineTask
from app.api.projects import check_named
from app.api.services import Services
from app.domain.actions import Actions
from app.domain.audit import check_plan, worst_first
from app.domain.errors import Invalid
from app.domain.plan import PhaseDraft, PlanDraft
from app.domain.validation import Agents, check_draft, effective_dependencies, for_project, has_model, retries_of
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief


class OutlineController(Controller):
    """Plans that are not stored."""

    path = "/api/outline"
    tags = ("plans",)

    @post(
        "/",
        operation_id="previewOutline",
        summary="What a description would make, with nothing stored",
        status_code=200,
        responses={200: ResponseSpec(OutlinePreview, description="The plan, or why the description makes none.")},
    )
    async def preview_outline(
        self, services: NamedDependency[Services], data: JSONBody[PreviewOutline]
    ) -> Response[Any]:
        """As generate-plan with the planner `outline` would make it, with what an audit would point at.

        It is asked while people write, so a description that makes no plan is no error: `valid` is false, and each of
        `problems` has its line and column.
        """
        check_named(services, {"agent_id": data.agent_id})
        brief = Brief(
            name=data.name,
            description=data.description,
            strategy=data.strategy,
            agent_id=data.agent_id,
            has_model=has_model(services.agents, data.agent_id),
        )
        try:
            draft = await OutlinePlanner().plan(brief)
            # Thousands of tasks take their time here too, and others are not to wait for them.
            answer = await asyncio.to_thread(_checked, draft, services.actions, services.agents, data.agent_id)
        except Invalid as error:
            answer = _answer(PlanDraft()).model_copy(update={"valid": False, "problems": error.info.details})
            return Response(answer)
        return Response(answer, media_type="application/json")


class _Row(NamedTuple):
    """A task as an audit looks at it; in place of an id, which it has none of yet, its key."""

    id: str
    key: str
    action: dict[str, Any]
    agent_id: str | None
    timeout_seconds: float | None


def _checked(draft: PlanDraft, actions: Actions, agents: Agents, agent_id: str | None) -> bytes:
    """The whole answer as JSON.

    Raises:
        Invalid: the plan cannot be carried out.
    """
    check_draft(draft, actions, for_project(agents, agent_id))
    answer = _answer(draft)
    answer.phases = [_phase(phase, actions) for phase in draft.phases]
    answer.findings = list(_findings(answer.phases, agents))
    return answer.model_dump_json().encode()


def _answer(draft: PlanDraft) -> OutlinePreview:
    return OutlinePreview(
        valid=True,
        planner="outline",
        summary=draft.summary,
        warnings=draft.warnings,
        problems=[],
        stats=present.stats(draft),
        phases=[],
        findings=[],
    )


def _phase(phase: PhaseDraft, actions: Actions) -> OutlinePhase:
    tasks = [
        OutlineTask(
            key=task.key, title=task.title, description=task.description, action=task.action.model_dump(mode="json"),
            agent_id=task.agent_id, depends_on=needed, inputs=task.inputs, expected_files=task.expected_files,
            retries=retries_of(task, actions), timeout_seconds=task.timeout_seconds, on_crash=task.on_crash,
            after_failure=task.after_failure, reads=task.reads, writes=task.writes, limits=task.limits,
        )
        for task, needed in zip(phase.tasks, effective_dependencies(phase), strict=True)
    ]  # fmt: skip
    return OutlinePhase(
        key=phase.key, name=phase.name, description=phase.description, strategy=phase.strategy,
        requires_approval=phase.requires_approval, tasks=tasks,
    )  # fmt: skip


def _findings(phases: list[OutlinePhase], agents: Agents) -> Iterator[OutlineFinding]:
    rows = [
        _Row(task.key, task.key, task.action, task.agent_id, task.timeout_seconds)
        for phase in phases
        for task in phase.tasks
    ]
    for found in worst_first(check_plan(rows, agents)):
        yield OutlineFinding(
            severity=found.severity, code=found.code, message=found.message, suggestion=found.suggestion,
            task_key=found.task_id,
        )  # fmt: skip
