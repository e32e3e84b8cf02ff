"""The base class of actions, shared by the built-in actions and by plug-ins.

A plug-in is a class in a user's package, registered in the entry point group `signoff.actions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from app.domain import references
from app.domain.limits import TaskLimits
from app.domain.parameters import Value
from app.domain.references import LookUp
from signoff.schemas.json_value import JsonObject, JsonValue


class Mode(StrEnum):
    """What executes a task: a worker, a person, a decision, a timer or nothing."""

    ACTIVITY = "activity"
    PERSON = "person"
    DECISION = "decision"
    TIMER = "timer"
    MILESTONE = "milestone"


class Repeat(NamedTuple):
    """How a task is repeated until it succeeds: the seconds between two attempts, and those after which it has failed."""

    every_seconds: float
    until_seconds: float

    @property
    def retries(self) -> int:
        """The largest number of attempts after the first."""
        return ceil(self.until_seconds / self.every_seconds)


class Fields(BaseModel):
    """Base class for the fields of an action. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Log(Protocol):
    """The log of one attempt. It has its own size limit and masks secrets."""

    def write(self, data: bytes) -> None:
        """Append `data` to the log."""
        ...

    def mask(self, value: JsonValue) -> JsonValue:
        """Return a JSON value in which every secret is replaced by `***`."""
        ...


@dataclass(frozen=True)
class TaskContext:
    """Everything that an action receives when it runs."""

    project_id: str
    project_name: str
    task_id: str
    key: str
    attempt: int
    workspace: Path
    # The action's model of its fields: an instance of its class `Fields`.
    fields: Any
    inputs: JsonObject
    log: Log
    # The values of the plan's parameters, by name.
    parameters: Mapping[str, Value] = field(default_factory=dict[str, Value])
    timeout_seconds: float | None = None
    kill_grace: float = 2.0
    # Folders in which a command looks for programs first.
    task_path: list[str] = field(default_factory=list[str])
    http_allow: list[str] = field(default_factory=list[str])
    app_url: str = ""
    # The sandbox for the task's commands, in the form that `run_guarded` takes; None: no sandbox.
    sandbox: Mapping[str, Any] | None = None
    limits: TaskLimits = field(default_factory=TaskLimits)
    # Files that the task must make, or else it fails. Empty if the plan was approved before tasks failed for this.
    expected_files: tuple[str, ...] = ()
    # For Signoff's own use: an `app.llm.agent_context.AgentContext`, needed by the action that calls a model.
    agent_context: Any = None


class TaskFailed(Exception):
    """The task itself failed. The failure counts against the task's retries.

    Args:
        kind: short name of the failure, such as `exit_code` or `timeout`.
        message: one sentence for people.
        outputs: what the task produced before it failed.
        exit_code: exit code of the command, if there was one.
        retryable: False if another attempt cannot succeed.
        asks: True if a person must decide what happens next, regardless of the plan's failure settings.
        retry_after: seconds before which another attempt cannot succeed; at most an hour of it is waited.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        outputs: JsonObject | None = None,
        exit_code: int | None = None,
        retryable: bool = True,
        asks: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.asks = asks
        self.message = message
        self.outputs = outputs or {}
        self.exit_code = exit_code
        self.retryable = retryable
        self.retry_after = retry_after


class PersonAsked(Exception):
    """The task has a question for a person. It waits for the answer, then continues in a new attempt.

    Args:
        question: the question to ask.
        options: the answers to choose from; empty: any text is accepted.
        reference: the action's own name for the question. The next attempt receives the answer under this name.
    """

    def __init__(self, question: str, options: list[str], reference: str) -> None:
        super().__init__(question)
        self.question = question
        self.options = options
        self.reference = reference


class Action(ABC):
    """One thing that a task can do.

    Attributes:
        type: the name that plans use.
        mode: what executes the task; only `ACTIVITY` uses `run`.
        fields_model: the pydantic model of its fields.
        resolves_fields: whether its fields may contain `${{ … }}`, in addition to the task's inputs.
        takes_secrets: whether its inputs may contain `${{ secrets.… }}`.
        exit_code_of_success: the exit code that a completed task shows, for actions that run commands.
        reads_project_name: whether `run` uses `context.project_name`; if so, the name is part of what is signed.
        reads_project_description: the same for the project's description.
        sends_requests: whether `run` may send requests to the hosts in `context.http_allow`.
        calls_model: whether `run` uses the conversation in `context.agent_context`; for Signoff's own use.
        one_of: alternative fields. A task must set exactly one of them.
        rare: fields that few plans need; they are hidden from a model that makes a plan.
    """

    type: ClassVar[str]
    mode: ClassVar[Mode] = Mode.ACTIVITY
    fields_model: ClassVar[type[BaseModel]] = Fields
    resolves_fields: ClassVar[bool] = False
    takes_secrets: ClassVar[bool] = True
    exit_code_of_success: ClassVar[int | None] = None
    reads_project_name: ClassVar[bool] = True
    reads_project_description: ClassVar[bool] = False
    sends_requests: ClassVar[bool] = True
    calls_model: ClassVar[bool] = False
    one_of: ClassVar[tuple[str, ...]] = ()
    rare: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def default_retries(cls, fields: JsonObject) -> int:
        """Number of retries for a failed task of this action, if the plan does not set it."""
        del fields
        return 0

    @classmethod
    def output_names(cls, fields: JsonObject) -> Collection[str] | None:
        """The names of the outputs that a task with these fields can have; None if they are not known before it runs."""
        del fields
        return None

    @classmethod
    def repeat(cls, fields: JsonObject) -> Repeat | None:
        """How a task is repeated until it succeeds; None if only its retries say so."""
        del fields

    @classmethod
    def fill_fields(cls, fields: JsonObject, look_up: LookUp) -> JsonObject:
        """The fields with each reference replaced by its value. Called only if `resolves_fields` is set.

        An action whose fields have their own syntax must insert each value so that it cannot change that syntax.

        Raises:
            ReferenceMisplaced: a reference is in a place where a value cannot be inserted.
        """
        return references.resolved_fields(fields, look_up)

    @classmethod
    def misplaced(cls, fields: JsonObject) -> Iterator[tuple[str, str]]:
        """References in places where a value cannot be inserted safely: the field, and a sentence for the planner."""
        del fields
        yield from ()

    @abstractmethod
    async def run(self, context: TaskContext) -> JsonObject:
        """Execute the task and return its outputs.

        A cancel arrives as `asyncio.CancelledError`. Stop everything that the task started before returning from it.

        Raises:
            TaskFailed: the task itself failed.
        """

    def left_over(self, context: TaskContext) -> JsonObject:
        """The outputs that exist when `run` was interrupted by the task's time limit."""
        del context
        return {}


class Unattended(Action):
    """Base class for actions without an activity: the workflow itself waits for them."""

    reads_project_name: ClassVar[bool] = False
    sends_requests: ClassVar[bool] = False

    @classmethod
    def output_names(cls, fields: JsonObject) -> Collection[str]:
        """None: it has no outputs that a plan can rely on."""
        del fields
        return ()

    async def run(self, context: TaskContext) -> JsonObject:
        """Never called: the workflow schedules no activity for these modes."""
        raise TaskFailed("not_runnable", f"A worker cannot execute {self.type} tasks.", retryable=False)


Actions = dict[str, type[Action]]
