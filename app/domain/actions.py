"""What an action is: the base class that built-in actions and plug-ins share.

A plug-in is a class in a user's package, registered under the entry point group `signoff.actions`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from app.domain import references
from app.domain.limits import TaskLimits
from app.domain.references import LookUp


class Mode(StrEnum):
    """Who carries a task out."""

    ACTIVITY = "activity"
    PERSON = "person"
    DECISION = "decision"
    TIMER = "timer"
    MILESTONE = "milestone"


class Fields(BaseModel):
    """Base of an action's fields: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")


class Log(Protocol):
    """The log of one attempt; it has a size limit of its own and masks secrets."""

    def write(self, data: bytes) -> None:
        """Append `data`."""
        ...

    def mask(self, value: Any) -> Any:
        """A JSON value with every secret in its texts replaced by `***`."""
        ...


@dataclass(frozen=True)
class TaskContext:
    """What an action gets to work with."""

    project_id: str
    project_name: str
    task_id: str
    key: str
    attempt: int
    workspace: Path
    fields: Any
    inputs: dict[str, Any]
    log: Log
    timeout_seconds: float | None = None
    kill_grace: float = 2.0
    # Folders that a command finds programs in, before all others.
    task_path: list[str] = field(default_factory=list[str])
    http_allow: list[str] = field(default_factory=list[str])
    app_url: str = ""
    # What confines the commands of the task, as `run_guarded` takes it; None: nothing.
    sandbox: Mapping[str, Any] | None = None
    limits: TaskLimits = field(default_factory=TaskLimits)
    # Of Signoff's own: an `app.models.desk.Desk`, for the action that asks a model.
    desk: Any = None


class TaskFailed(Exception):
    """The task's own failure: it counts against the task's retries.

    Args:
        kind: short name of what went wrong, such as `exit_code` or `timeout`.
        message: one sentence for people.
        outputs: what the task produced all the same.
        exit_code: of a command.
        retryable: False where another attempt cannot do better.
        asks: True where a person is to say what now, whatever the plan says of failures.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        outputs: dict[str, Any] | None = None,
        exit_code: int | None = None,
        retryable: bool = True,
        asks: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.asks = asks
        self.message = message
        self.outputs = outputs or {}
        self.exit_code = exit_code
        self.retryable = retryable


class PersonAsked(Exception):
    """The task has a question for a person; it waits for the answer, and then goes on in a new attempt.

    Args:
        question: what is asked.
        options: the answers to choose from; none: any text.
        reference: the action's own name for the question, under which the next attempt gets the answer.
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
        mode: who carries it out; only `ACTIVITY` has a `run`.
        fields_model: the pydantic model of its fields.
        resolves_fields: whether `${{ … }}` may stand in its fields too, not only in the task's inputs.
        takes_secrets: whether its inputs may hold `${{ secrets.… }}`.
        exit_code_of_success: the exit code that a completed task shows, for actions that run commands.
        reads_project_name: whether `run` uses `context.project_name`; the name is then part of what is signed.
        sends_requests: whether `run` may reach the hosts that `context.http_allow` names.
        one_of: fields of which exactly one is given.
        rare: fields that few plans need; a model that makes a plan is not shown them.
    """

    type: ClassVar[str]
    mode: ClassVar[Mode] = Mode.ACTIVITY
    fields_model: ClassVar[type[BaseModel]] = Fields
    resolves_fields: ClassVar[bool] = False
    takes_secrets: ClassVar[bool] = True
    exit_code_of_success: ClassVar[int | None] = None
    reads_project_name: ClassVar[bool] = True
    sends_requests: ClassVar[bool] = True
    one_of: ClassVar[tuple[str, ...]] = ()
    rare: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def default_retries(cls, fields: dict[str, Any]) -> int:
        """How often a failed task of this action is tried again if its plan does not say."""
        del fields
        return 0

    @classmethod
    def fill_fields(cls, fields: dict[str, Any], look_up: LookUp) -> dict[str, Any]:
        """The fields with the values of their references; only called where `resolves_fields`.

        An action whose fields have a syntax of their own puts each value in so that it cannot change that syntax.

        Raises:
            ReferenceMisplaced: a value cannot stand where its reference does.
        """
        return references.resolve(fields, look_up)

    @classmethod
    def misplaced(cls, fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """References that stand where no value can be put in safely: the field and a sentence, for the planner."""
        del fields
        yield from ()

    @abstractmethod
    async def run(self, context: TaskContext) -> dict[str, Any]:
        """Do it and return the outputs.

        Cancelled through `asyncio.CancelledError`: on return from that, nothing of it may still be running.

        Raises:
            TaskFailed: where the task itself failed.
        """

    def left_over(self, context: TaskContext) -> dict[str, Any]:
        """The outputs that there are when `run` was interrupted because its time was over."""
        del context
        return {}


class Unattended(Action):
    """Base of the actions that no activity carries out: the workflow waits for them itself."""

    reads_project_name: ClassVar[bool] = False
    sends_requests: ClassVar[bool] = False

    async def run(self, context: TaskContext) -> dict[str, Any]:
        """Never called: the workflow schedules no activity for these modes."""
        raise TaskFailed("not_runnable", f"{self.type} tasks are not carried out by a worker.", retryable=False)


Actions = dict[str, type[Action]]
