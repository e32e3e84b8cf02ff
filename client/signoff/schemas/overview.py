"""Figures over all projects that the reader may see."""

from __future__ import annotations

from pydantic import BaseModel, Field

from signoff.vocabulary import InboxKind, ProjectStatus


class RunningNow(BaseModel):
    """A project that is running."""

    project_id: str
    project_name: str
    template: str | None
    started_at: str
    page: str = Field(description="Where the web page shows it, below the server's address.")


class WaitingKind(BaseModel):
    """How much of one kind waits, and since when the oldest of it does."""

    count: int
    since: str


class WaitingNow(BaseModel):
    """Something that waits for a person, whoever that is."""

    kind: InboxKind
    project_id: str
    project_name: str
    title: str = Field(
        description="The changes that were requested, the phase, the task, or the question; empty for a plan."
    )
    since: str
    expires_at: str | None
    page: str = Field(description="Where the web page shows it, below the server's address.")


class RunFigures(BaseModel):
    """Runs by how they ended, and what calls to models have cost.

    `success_rate` is the share of completed runs among those that were completed or failed, and `mean_ms` the average time in
    milliseconds from start to end of a completed run, including the time in which it waited for people. Both are null if there
    is no such run. `cost_usd` is the sum of the known costs; `unpriced_calls` counts the calls whose price is unknown.
    """

    completed: int
    failed: int
    cancelled: int
    success_rate: float | None
    mean_ms: int | None
    tokens: int
    cost_usd: float
    unpriced_calls: int


class TemplateFigures(RunFigures):
    """The figures of the projects that started from one template. Null: those that started from none."""

    template: str | None


class WeekFigures(RunFigures):
    """The figures of a week, which begins on this Monday in UTC."""

    week: str


class SlowestStep(BaseModel):
    """A task whose attempts have run for long. Time in which it waited is no part of it."""

    project_id: str
    project_name: str
    template: str | None
    task_id: str
    key: str
    title: str
    week: str
    duration_ms: int
    page: str = Field(description="Where the web page shows it, below the server's address.")


class Overview(BaseModel):
    """What runs and waits now, and what was done in the last weeks, over all projects that the reader may see.

    Figures of weeks belong to the week in which the run, or the call to a model, has ended. They include deleted projects.
    """

    since: str = Field(description="The Monday with which the first week begins.")
    status_counts: dict[ProjectStatus, int] = Field(description="Projects by status, without the archive.")
    running: list[RunningNow] = Field(description="Those that have run longest; `status_counts` has their number.")
    waiting_counts: dict[InboxKind, WaitingKind]
    waiting: list[WaitingNow] = Field(description="What has waited longest; `waiting_counts` has how much there is.")
    templates: list[TemplateFigures] = Field(description="Those with most runs first, at most 50.")
    weeks: list[WeekFigures] = Field(description="Each week, oldest first.")
    slowest: list[SlowestStep] = Field(description="The slowest steps. A step of a template is listed once.")
