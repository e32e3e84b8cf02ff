"""The activities that the workflow calls. The classes in `activities/` implement them.

The name of an activity is the name of its method. The activities that execute tasks are not here: there is one for each action,
with the name of the action.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from workflows.contracts import (
    AdviceRequest,
    Decided,
    Delivery,
    EraseRequest,
    LostAttempt,
    LostOutcome,
    OpenTask,
    PhaseEnd,
    PhaseEnded,
    PhaseRef,
    PhaseWork,
    PlanRequest,
    ProjectRef,
    ProjectState,
    RunEnd,
    Settled,
    SettlePhase,
    SkipTasks,
    TaskInput,
    TaskResult,
)


class RecordActivities(ABC):
    """Activities that read and write the database. Each is one transaction, and each is safe to repeat."""

    @abstractmethod
    async def load_project(self, ref: ProjectRef) -> ProjectState:
        """Load the current state of a project."""

    @abstractmethod
    async def decide(self, delivery: Delivery) -> Decided:
        """Decide what reached the workflow, based on the database. A repeated call returns the first outcome."""

    @abstractmethod
    async def fail_plan(self, request: PlanRequest) -> ProjectState:
        """Record that planning failed."""

    @abstractmethod
    async def begin_phase(self, ref: PhaseRef) -> PhaseWork:
        """Start a phase or open its gate. If the phase may start, load a page of its tasks."""

    @abstractmethod
    async def end_phase(self, end: PhaseEnd) -> PhaseEnded:
        """Close a phase, unless a task was just added to it."""

    @abstractmethod
    async def open_task(self, opened: OpenTask) -> TaskResult:
        """Let a task wait for a person or a timer, or ask for its decision."""

    @abstractmethod
    async def close_task(self, closed: TaskInput) -> TaskResult:
        """Complete a task that has no attempts: a milestone, or a timer that has expired."""

    @abstractmethod
    async def skip_tasks(self, skip: SkipTasks) -> ProjectState:
        """Skip tasks that can never start. If the plan was edited meanwhile, do nothing; the workflow checks again."""

    @abstractmethod
    async def settle_phase(self, settle: SettlePhase) -> Settled:
        """Skip the tasks of a phase that will never start, because of how the tasks that they depend on have ended."""

    @abstractmethod
    async def lose_attempt(self, lost: LostAttempt) -> LostOutcome:
        """Return the recorded outcome of an attempt whose worker was lost, or else apply the task's `on_crash`."""

    @abstractmethod
    async def finish_run(self, end: RunEnd) -> ProjectState:
        """End a run. If a cancel was accepted meanwhile, the run ends as cancelled regardless of the workflow's result.

        The run does not end if a phase was just added. The returned state then says that it is running.
        """

    @abstractmethod
    async def erase_project(self, request: EraseRequest) -> ProjectState:
        """Delete a project that is not live, and the workspace made for it, on behalf of a stored command."""


class PlanningActivities(ABC):
    """The activity that makes a plan."""

    @abstractmethod
    async def make_plan(self, request: PlanRequest) -> ProjectState:
        """Make the plan for a plan version. If that is not possible, record that planning failed."""


class AdviceActivities(ABC):
    """The activity in which a model answers an open decision."""

    @abstractmethod
    async def advise(self, request: AdviceRequest) -> Decided:
        """Answer the task's open decision with the model. The result is not accepted if the decision is left to a person."""
