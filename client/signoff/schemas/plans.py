"""Plans: their versions, content and differences."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, StrictBool, StrictFloat, StrictInt, StrictStr

from signoff.schemas.json_value import JsonObject
from signoff.schemas.senders import SentBy
from signoff.schemas.tasks import AnswerEffect, Phase, Task
from signoff.vocabulary import DecisionMode, ParameterType, PlanStatus, Strategy

ParameterValue = StrictStr | StrictBool | StrictInt | StrictFloat


class PlanParameter(BaseModel):
    """What a plan asks for before it is made. A command sees `value` as the environment variable `variable`.

    `pattern` is a regular expression for the whole value, and `choices` are the values of the type `choice`. A parameter without
    a `default` must be given. `value` is null in a preview, unless the description has it.
    """

    name: str
    variable: str
    type: ParameterType
    description: str
    pattern: str | None
    choices: list[str]
    default: ParameterValue | None
    value: ParameterValue | None


class PlanPhase(Phase):
    """A phase of a plan with its tasks."""

    tasks: list[Task]


class NextPlan(BaseModel):
    """The plan version that is being generated."""

    version: int
    status: PlanStatus


class PlanStats(BaseModel):
    """Statistics of a plan. `critical_path` has the keys of the tasks on the longest path, measured in tasks."""

    tasks: int
    phases: int
    max_width: int
    critical_path: list[str]


class Usage(BaseModel):
    """The models that were called, the number of calls, and their use; `cost_usd` is null if a price is unknown."""

    models: list[str]
    calls: int
    tokens: dict[Literal["input", "output"], int]
    cost_usd: float | None


class FrozenFileInfo(BaseModel):
    """A workspace file that the plan names: as it was at the time `at` of the approval or, if `at` is null, as it is now."""

    sha256: str
    size: int
    at: str | None


class FrozenActionInfo(BaseModel):
    """The package that provides an action. `version` is set for plug-ins; `defaults` apply to fields that a task omits."""

    package: str
    version: str
    defaults: JsonObject


class FrozenInfo(BaseModel):
    """What an approval freezes besides the plan itself: the files that it names, and its environment.

    `digest` can be sent with an approval to bind it to this content; `sealed` is set once an approval has frozen it. `unhashed`
    gives the reason why a file was not read, by path. `unknown` lists, by task, the names that are known only during the run.
    `outside` lists files outside the workspace that are run or read. `unread` lists the tasks whose command could not be parsed
    completely. `programs` is null until a worker has looked for them. `task_limits` has the limits for tasks that do not set
    their own, in bytes, seconds or numbers; 0 means no limit.
    """

    digest: str
    sealed: str | None
    at: str | None
    files: dict[str, FrozenFileInfo]
    unhashed: dict[str, str]
    outside: list[str]
    unknown: dict[str, list[str]]
    unread: list[str]
    programs: dict[str, str] | None
    agents: dict[str, JsonObject]
    actions: dict[str, FrozenActionInfo]
    retries: dict[str, int]
    limits: JsonObject
    task_limits: dict[str, int] | None
    http_allow: list[str] | None
    app_url: str | None
    sandbox: JsonObject


class PlanQuestion(BaseModel):
    """What the planner wants to know. The question is open as long as `answer` is null."""

    question: str
    answer: str | None


class PlanSettings(BaseModel):
    """The settings of the run, as far as an approval covers them.

    `workspace` is the folder in which the tasks work. It is null for an older version that worked in another one. The project's
    name and description are set if a task reads them.
    """

    strategy: Strategy
    decision_mode: DecisionMode
    auto_approve_phases: bool
    path: str | None
    workspace: str | None
    agent_id: str | None
    project_name: str | None
    project_description: str | None


class Plan(BaseModel):
    """A plan version. `frozen` is null if it is neither approved nor current, and in the answer to the edit that created it.

    `answers` says for each decision, by the key of its task, what follows from each answer. `kept` has the ids of the tasks that
    an approval of this version does not run again: they are done, and the version did not change them. `creator` is who made the
    version or had it made; the decisions of its gate say the same of each approval.
    """

    project_id: str
    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str
    warnings: list[str]
    assumptions: list[str] = []
    questions: list[PlanQuestion] = []
    usage: Usage | None
    created_at: str
    created_by: str
    creator: SentBy | None = None
    approved_at: str | None
    approved_by: str | None
    settings: PlanSettings
    parameters: list[PlanParameter]
    phases: list[PlanPhase]
    answers: dict[str, list[AnswerEffect]]
    stats: PlanStats
    next: NextPlan | None
    kept: list[str] = []
    frozen: FrozenInfo | None = None


class PlanInfo(BaseModel):
    """A short description of a project's current plan."""

    version: int
    digest: str
    status: PlanStatus
    planner: str
    summary: str


class PlanVersion(BaseModel):
    """One version in the history of a plan."""

    version: int
    digest: str | None
    status: PlanStatus
    planner: str
    summary: str
    created_at: str
    created_by: str
    creator: SentBy | None = None
    approved_at: str | None
    approved_by: str | None


class PlanList(BaseModel):
    """All versions of a project's plan, newest first. `current` is the number of the version in force."""

    plans: list[PlanVersion]
    total: int
    current: int | None


class FieldChange(BaseModel):
    """The values of a changed field before and after the change."""

    field: str
    before: Any
    after: Any


class Changed(BaseModel):
    """A phase or task whose fields changed, identified by its key."""

    key: str
    changes: list[FieldChange]


class Differences(BaseModel):
    """The phases or tasks that were added, removed or changed, by key."""

    added: list[str]
    removed: list[str]
    changed: list[Changed]


class PlanDiff(BaseModel):
    """The differences between two plan versions. An assumption or a question is its own key."""

    project_id: str
    before: int
    after: int
    assumptions: Differences
    questions: Differences
    phases: Differences
    tasks: Differences
    parameters: list[FieldChange]
    settings: list[FieldChange]
