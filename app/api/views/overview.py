"""Converts the figures over all projects to the API's answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from app.api.views.inbox import page_of
from app.storage.inbox import Waiting
from app.storage.overview import RunningProject, WeekTotals
from app.storage.slow_steps import SlowStep
from signoff.schemas.overview import RunningNow, SlowestStep, TemplateFigures, WaitingNow, WeekFigures

MAX_TEMPLATES = 50


class _Figures(TypedDict):
    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    mean_ms: int | None
    tokens: int
    cost_usd: float
    unpriced_calls: int


def templates(rows: Sequence[WeekTotals]) -> list[TemplateFigures]:
    """Return the figures of each template, those with most runs first."""
    groups: defaultdict[str | None, list[WeekTotals]] = defaultdict(list)
    for row in rows:
        groups[row.template].append(row)
    found = [TemplateFigures(template=template, **_sum(group)) for template, group in groups.items()]
    # What was moved to another template leaves nothing behind.
    found = [one for one in found if one.completed or one.failed or one.cancelled or one.tokens]
    found.sort(key=lambda one: (-one.completed - one.failed - one.cancelled, one.template is None, one.template))
    return found[:MAX_TEMPLATES]


def weeks(rows: Sequence[WeekTotals], mondays: Sequence[date]) -> list[WeekFigures]:
    """Return the figures of each week, including those in which nothing happened."""
    groups: defaultdict[str, list[WeekTotals]] = defaultdict(list)
    for row in rows:
        groups[row.week].append(row)
    return [WeekFigures(week=str(monday), **_sum(groups[str(monday)])) for monday in mondays]


def running(rows: Sequence[RunningProject]) -> list[RunningNow]:
    """Return what runs."""
    return [
        RunningNow(
            project_id=row.id,
            project_name=row.name,
            template=row.template,
            started_at=row.started_at,
            page=page_of(row.id),
        )
        for row in rows
    ]


def waiting(rows: Sequence[Waiting]) -> list[WaitingNow]:
    """Return what waits."""
    return [
        WaitingNow(
            kind=row.kind,
            project_id=row.project_id,
            project_name=row.project_name,
            title=row.title,
            since=row.since,
            expires_at=row.expires_at,
            page=page_of(row.project_id),
        )
        for row in rows
    ]


def slowest(rows: Sequence[SlowStep]) -> list[SlowestStep]:
    """Return the slowest steps."""
    return [
        SlowestStep(
            project_id=row.project_id,
            project_name=row.project_name,
            template=row.template,
            task_id=row.task_id,
            key=row.key,
            title=row.title,
            week=row.week,
            duration_ms=row.duration_ms,
            page=f"{page_of(row.project_id)}?task={row.task_id}",
        )
        for row in rows
    ]


def _sum(rows: Sequence[WeekTotals]) -> _Figures:
    completed, failed = sum(row.completed for row in rows), sum(row.failed for row in rows)
    took = sum(row.completed_ms for row in rows)
    return {
        "completed": completed,
        "failed": failed,
        "cancelled": sum(row.cancelled for row in rows),
        "success_rate": round(completed / (completed + failed), 4) if completed + failed else None,
        "mean_ms": round(took / completed) if completed else None,
        "tokens": sum(row.tokens for row in rows),
        "cost_usd": round(sum(row.cost_usd for row in rows), 6),
        "unpriced_calls": sum(row.unpriced for row in rows),
    }
