"""What a run asks of the record: each call is one activity, and a refusal ends the workflow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from signoff.schemas.json_value import JsonObject

with workflow.unsafe.imports_passed_through():
    from signoff.vocabulary import ProjectStatus
    from workflows.activity_types import RecordActivities
    from workflows.calls import execute
    from workflows.contracts import (
        PhaseEnd,
        PhaseEnded,
        PhaseRef,
        PhaseWork,
        ProjectState,
        RunEnd,
        RunState,
        Settled,
        SettlePhase,
        SkipTasks,
    )
    from workflows.options import record_options

A = TypeVar("A")
T = TypeVar("T")


class RunRecord:
    """The record of one project's runs.

    Each call raises `ApplicationError` of type `RecordRefused` if the record refuses it.
    """

    def __init__(self, project_id: str) -> None:
        self._project_id = project_id

    async def begin_phase(self, run: RunState, position: int) -> PhaseWork:
        """Open a phase and load all of its tasks. If `run` of the answer is set, the plan was edited meanwhile."""
        ref = PhaseRef(
            project_id=self._project_id,
            run_id=run.run_id,
            position=position,
            plan_version=run.plan_version,
            plan_digest=run.plan_digest,
        )
        work = await _call(RecordActivities.begin_phase, ref, f"Begin phase: {run.phases[position]}", local=True)
        while work.open and work.run is None and len(work.tasks.keys) < work.total:
            ref = ref.model_copy(update={"offset": len(work.tasks.keys)})
            # Not local: the results of one step go to the server in one message, which may have 4 MB.
            more = await _call(RecordActivities.begin_phase, ref, f"Load more of phase: {work.name}")
            work.tasks.extend(more.tasks)
            work.run = more.run
        return work

    async def end_phase(self, run: RunState, work: PhaseWork, *, failed: bool) -> PhaseEnded:
        """Close a phase, unless something was added to it at the last moment."""
        end = PhaseEnd(project_id=self._project_id, run_id=run.run_id, phase_id=work.phase_id, failed=failed)
        return await _call(RecordActivities.end_phase, end, f"End phase: {work.name}")

    async def skip(self, run: RunState, keys: Sequence[str]) -> None:
        """Skip tasks whose dependencies have failed, if there are any."""
        if not keys:
            return
        skip = SkipTasks(
            project_id=self._project_id,
            run_id=run.run_id,
            tasks=list(keys),
            reason="dependency_failed",
            plan_version=run.plan_version,
        )
        await _call(RecordActivities.skip_tasks, skip, f"Skip {len(keys)} tasks: a dependency failed")

    async def settle(self, run: RunState, work: PhaseWork) -> Settled:
        """Learn which tasks of a phase are skipped, and whether an answer has ended the run."""
        settle = SettlePhase(
            project_id=self._project_id, run_id=run.run_id, phase_id=work.phase_id, plan_version=run.plan_version
        )
        return await _call(RecordActivities.settle_phase, settle, f"See what follows: {work.name}")

    async def finish(self, run: RunState, status: ProjectStatus, failure: JsonObject | None) -> ProjectState:
        """End the run. It is still running if a phase was added after the last one at the last moment."""
        end = RunEnd(project_id=self._project_id, run_id=run.run_id, status=status, failure=failure)
        return await _call(RecordActivities.finish_run, end, f"End the run: {status}")


async def _call(method: Callable[[Any, A], Awaitable[T]], argument: A, title: str, *, local: bool = False) -> T:
    try:
        return await execute(method, argument, record_options(title), local=local)
    except ActivityError as error:
        raise ApplicationError(f"{title}: {error.cause or error}", type="RecordRefused", non_retryable=True) from error
