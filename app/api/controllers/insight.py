"""Metrics of a project, and its audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest
from typing import Literal

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.controllers.auditing import audit
from app.api.http.bodies import NoFields
from app.api.http.permission import SCOPE
from app.api.http.remembered import encoded, response_of
from app.api.http.services import Services
from app.api.views import present
from app.database.remembered_reads import Encoded
from app.storage import metrics, model_steps, projects, runs, task_graph
from app.storage.task_graph import GraphTask
from signoff.schemas.insight import (
    AttemptNumbers,
    Audit,
    Durations,
    Metrics,
    ModelUse,
    Parallelism,
    PartUse,
    PhaseNumbers,
    SlowTask,
    TaskNumbers,
)
from signoff.vocabulary import PhaseStatus, Scope, TaskStatus

_SLOWEST = 5
_ACTIVE = frozenset({PhaseStatus.RUNNING, PhaseStatus.AWAITING_APPROVAL})


class InsightController(Controller):
    """Metrics and audit of one project."""

    path = "/api/projects/{project_id:str}"
    tags = ("insight",)

    @get("/metrics", operation_id="getMetrics", opt={SCOPE: Scope.READ}, summary="Get the project's metrics")
    async def get_metrics(self, services: NamedDependency[Services], project_id: FromPath[str]) -> Response[Metrics]:
        """Metrics cover all runs. Times are in milliseconds."""

        def work(conn: Connection) -> Encoded | Metrics:
            until = metrics.Until()
            found = _metrics(conn, project_id, until)
            return found if until.grows else encoded(found)

        found = await services.remembered_reads.read(("metrics", project_id), work)
        return response_of(found) if isinstance(found, Encoded) else Response(found)

    @post(
        "/audit",
        operation_id="auditProject",
        opt={SCOPE: Scope.READ},
        summary="Audit plan, run and record",
        status_code=200,
    )
    async def audit_project(
        self, services: NamedDependency[Services], project_id: FromPath[str], data: JSONBody[NoFields]
    ) -> Audit:
        """Reports what to review before approval, what went wrong, and whether the record is intact. Changes nothing."""
        del data
        return await audit(services, project_id)


def _metrics(conn: Connection, project_id: str, until: metrics.Until) -> Metrics:
    project = projects.get(conn, project_id)
    rows = task_graph.tasks_of(conn, project_id)
    by_status = Counter(str(row.status) for row in rows)
    phases = Counter(str(row.status) for row in runs.phases_of(conn, project_id))
    activity = metrics.attempts_of(conn, project_id, until)
    durations = [metrics.duration_ms(row, until) for row in rows]
    timed = [(time, number) for number, time in enumerate(durations) if time is not None]
    used = model_steps.usage(conn, model_steps.of_project(project_id))
    slowest = [(time, rows[number]) for time, number in nsmallest(_SLOWEST, timed, key=lambda one: (-one[0], one[1]))]
    return Metrics(
        project_id=project_id,
        phases=PhaseNumbers(
            total=sum(phases.values()),
            completed=phases[PhaseStatus.COMPLETED],
            active=sum(phases[status] for status in _ACTIVE),
            pending=phases[PhaseStatus.PENDING],
        ),
        tasks=TaskNumbers(total=len(rows), **{str(status): by_status[status] for status in TaskStatus}),
        completion_percentage=present.percent_completed(by_status[TaskStatus.COMPLETED], len(rows)),
        tokens_used=used.input_tokens + used.output_tokens,
        cost_usd=used.cost_usd if used.calls else 0.0,
        models=_model_use(conn, project_id, used, rows),
        durations=Durations(
            wall_ms=metrics.wall_ms(runs.all_of(conn, project_id), until),
            busy_ms=activity.busy_ms,
            awaiting_approval_ms=metrics.awaiting_approval_ms(conn, project, until),
            critical_path_ms=metrics.critical_path_ms(rows, durations),
        ),
        parallelism=Parallelism(mean=activity.mean, peak=activity.peak),
        attempts=AttemptNumbers(total=activity.total, retried=activity.retried, lost=activity.lost),
        slowest=[SlowTask(id=row.id, key=row.key, title=row.title, duration_ms=time) for time, row in slowest],
    )


def _model_use(conn: Connection, project_id: str, total: model_steps.Usage, rows: Sequence[GraphTask]) -> ModelUse:
    by_task = model_steps.tokens_by_task(conn, project_id)
    parts: dict[str, dict[str, tuple[int, int, float | None]]] = {}
    for row in rows:
        if row.id in by_task:
            parts.setdefault(row.phase_id, {})[row.key] = by_task[row.id]
    phases = {row.id: row.key for row in runs.phases_of(conn, project_id)} if parts else {}
    # Where no call is, none is of a decision or a plan.
    decisions = model_steps.usage(conn, model_steps.of_decisions(project_id)) if total.calls else total
    planning = model_steps.usage(conn, model_steps.of_plans(project_id)) if total.calls else total
    return ModelUse(
        total=present.usage(total),
        decisions=present.usage(decisions),
        planning=present.usage(planning),
        phases=[_part(phase, phases[phase], list(used.values())) for phase, used in parts.items()],
        tasks=[_part(row.id, row.key, [by_task[row.id]]) for row in rows if row.id in by_task],
    )


def _part(part_id: str, key: str, used: Sequence[tuple[int, int, float | None]]) -> PartUse:
    costs = [cost for _, _, cost in used]
    tokens: dict[Literal["input", "output"], int] = {
        "input": sum(item[0] for item in used),
        "output": sum(item[1] for item in used),
    }
    return PartUse(
        id=part_id, key=key, tokens=tokens, cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs)
    )
