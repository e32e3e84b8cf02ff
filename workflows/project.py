"""ProjectWorkflow: one workflow per project, under the project's id.

Signals determine the order of requests, and the database decides them: a request takes effect when a `decide` activity commits
it. The workflow plans, waits for the approval, and hands the approved run to `ProjectRun`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from app.domain.commands import CommandKind
    from app.domain.errors import ErrorInfo
    from app.domain.identity import isoformat
    from signoff.vocabulary import ProjectStatus, Stage
    from workflows import search_attributes
    from workflows.activity_types import PlanningActivities, RecordActivities
    from workflows.calls import LOCAL_RECORDS, execute
    from workflows.contracts import (
        WORKFLOW_TYPE,
        Decided,
        Delivery,
        EraseRequest,
        PlanRequest,
        ProjectInput,
        ProjectRef,
        ProjectResult,
        ProjectState,
        Snapshot,
    )
    from workflows.deliveries import as_text, command_in
    from workflows.options import planning_options, record_options
    from workflows.outcomes import Outcome
    from workflows.project_run import ProjectRun


# The SDK's sandbox imports this file again for each workflow, and compiles code for each step. That was a third of the worker's
# time, and all other files were exempt from the sandbox anyway.
@workflow.defn(name=WORKFLOW_TYPE, sandboxed=False)
class ProjectWorkflow:
    """Plans a project, waits until a person approves the plan, and executes it."""

    @workflow.init
    def __init__(self, start: ProjectInput) -> None:
        self._start = start
        self._inbox: deque[Delivery] = deque(start.requests)
        self._received = 0
        self._cancel_noticed = False
        self._state = ProjectState(project_id=start.project_id)
        self._stage_since = isoformat(workflow.now())
        self._current_run: ProjectRun | None = None
        # An accepted delete survives a continue-as-new between the cancel and the end of the run.
        self._erase_for = start.erase_for
        # So does the end of the time for its clean-up.
        self._clean_up_until = start.clean_up_until

    @workflow.run
    async def run(self, start: ProjectInput) -> ProjectResult:
        """Decide every request that arrives, until nothing is left to wait for."""
        body = asyncio.create_task(self._body())
        while not body.done():
            try:
                await asyncio.shield(body)
            except asyncio.CancelledError:
                # Temporal's own cancel is handled like the signal. The body sees it through `_has_request`.
                self._notice_cancel()
        if body.result() == Outcome.CONTINUE:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(
                start.model_copy(
                    update={
                        "requests": list(self._inbox),
                        "erase_for": self._erase_for,
                        "clean_up_until": self._clean_up_until,
                    }
                )
            )
        return ProjectResult(project_id=start.project_id, status=self._state.status, stage=self._state.stage)

    # Signal handlers accept any content and any number of values: a handler that raises would block the workflow.

    @workflow.signal
    def plan(self, *payload: object) -> None:
        """Make a plan, or a new version of it."""
        self._receive("plan", payload)

    @workflow.signal
    def approve(self, *payload: object) -> None:
        """Approve the plan, or the phase that waits at its gate."""
        self._receive("approve", payload)

    @workflow.signal
    def cancel(self, *payload: object) -> None:
        """Cancel the planning, the pending project or the run."""
        self._receive("cancel", payload)

    @workflow.signal
    def answer(self, *payload: object) -> None:
        """Answer a decision, or decide about a task that waits for a person."""
        self._receive("answer", payload)

    @workflow.signal
    def pause(self, *payload: object) -> None:
        """Start nothing more until resumed."""
        self._receive("pause", payload)

    @workflow.signal
    def resume(self, *payload: object) -> None:
        """Resume a paused run."""
        self._receive("resume", payload)

    @workflow.signal
    def retry(self, *payload: object) -> None:
        """Retry a finished run from what failed."""
        self._receive("retry", payload)

    @workflow.signal
    def edit(self, *payload: object) -> None:
        """Edit the plan during its run."""
        self._receive("edit", payload)

    @workflow.signal
    def discard(self, *payload: object) -> None:
        """Discard the edit of the run that waits for its approval."""
        self._receive("discard", payload)

    @workflow.signal
    def request_changes(self, *payload: object) -> None:
        """Request changes to the plan that waits for approval."""
        self._receive("request_changes", payload)

    @workflow.signal
    def reject(self, *payload: object) -> None:
        """Reject the plan that waits for approval."""
        self._receive("reject", payload)

    @workflow.query
    def snapshot(self) -> Snapshot:
        """Return the workflow's own view of its progress."""
        snapshot = Snapshot(
            project_id=self._start.project_id,
            stage=self._state.stage or Stage.DRAFT,
            since=self._stage_since,
            requests_waiting=len(self._inbox),
            history_events=workflow.info().get_current_history_length(),
        )
        if self._current_run is not None:
            self._current_run.describe(snapshot)
        return snapshot

    def _receive(self, name: str, payload: Sequence[object]) -> None:
        """Queue a signal as it arrived. The `decide` activity looks up what it asks for."""
        self._received += 1
        delivery = Delivery(
            project_id=self._start.project_id, name=name, id=f"{workflow.info().run_id}:{self._received}"
        )
        delivery.command = command_in(payload)
        if delivery.command is None and payload:
            delivery.content = as_text(payload)
        self._inbox.append(delivery)

    def _notice_cancel(self) -> None:
        if self._cancel_noticed:
            return
        self._cancel_noticed = True
        delivery = Delivery(
            project_id=self._start.project_id,
            origin="cancellation",
            name="cancel",
            id=f"cancellation:{workflow.info().run_id}",
            content=as_text([{"reason": workflow.cancellation_reason() or ""}]),
        )
        self._inbox.append(delivery)

    def _has_request(self) -> bool:
        # A cancel can be lost if something else completes in the same workflow task.
        if workflow.cancellation_reason() is not None:
            self._notice_cancel()
        return bool(self._inbox)

    async def _body(self) -> Outcome:
        ref = ProjectRef(project_id=self._start.project_id)
        self._take(await execute(RecordActivities.load_project, ref, record_options("Load the project"), local=True))
        while self._state.status is not None:
            if self._state.stage == Stage.PLANNING:
                await self._plan()
            elif self._state.status == ProjectStatus.RUNNING and self._state.run is not None:
                if await self._execute() == Outcome.CONTINUE:
                    return Outcome.CONTINUE
            elif self._has_request():
                decided = await self._decide_next()
                if decided.accepted and decided.kind == CommandKind.EDIT:
                    self._approve_where_automatic()
            elif workflow.info().is_continue_as_new_suggested():
                return Outcome.CONTINUE
            elif self._state.stage in {Stage.AWAITING_APPROVAL, Stage.CHANGES_REQUESTED}:
                await workflow.wait_condition(self._has_request)
            else:
                break
        return Outcome.ENDED

    async def _decide_next(self) -> Decided:
        """Decide the oldest delivery."""
        delivery = self._inbox.popleft()
        options = record_options(f"Decide: {delivery.name}")
        decided = await execute(RecordActivities.decide, delivery, options, local=True)
        self._take(decided.state)
        # A cancel is refused only if there was nothing left to cancel. The project must be deleted anyway.
        if _asks_to_erase(delivery, decided):
            await self._erase_unless_running(delivery.command or "")
        return decided

    async def _erase_unless_running(self, command: str) -> None:
        """Delete the project now. If a run must be stopped first, delete it after that run has ended."""
        if self._state.status == ProjectStatus.RUNNING:
            self._erase_for = command
            return
        request = EraseRequest(project_id=self._start.project_id, command=command)
        try:
            self._take(await execute(RecordActivities.erase_project, request, record_options("Delete the project")))
        except ActivityError as error:
            # Refused, or a task that was told to stop still sends heartbeats. The app reports this to the person who deletes.
            workflow.logger.warning("the project is not deleted: %s", error.cause)

    async def _plan(self) -> None:
        """Run the planner. Requests that arrive meanwhile are decided at once, and a cancel stops the planner."""
        request = PlanRequest(project_id=self._start.project_id, version=self._state.generating or 0)
        options = planning_options("Make the plan")
        planner = asyncio.ensure_future(
            execute(PlanningActivities.make_plan, request, options, local=self._state.quick_plan)
        )
        while not planner.done():
            await workflow.wait_condition(lambda: planner.done() or self._has_request())
            if not planner.done():
                await self._decide_next()
                if self._state.stage != Stage.PLANNING:
                    planner.cancel()
                    await asyncio.gather(planner, return_exceptions=True)
                    # The plan is ready if it was made in a workflow task that was lost.
                    if self._state.plan_version == request.version and workflow.patched(LOCAL_RECORDS):
                        self._approve_where_automatic()
                    return
        try:
            self._take(planner.result())
        except ActivityError as error:
            self._take(await self._fail_planning(request, error))
        # If planning failed, the previous plan remains, which somebody has sent back.
        if self._state.plan_version == request.version:
            self._approve_where_automatic()

    async def _fail_planning(self, request: PlanRequest, error: ActivityError) -> ProjectState:
        message = f"The planner could not finish: {error.cause or error}"
        failure = ErrorInfo(status=503, code="planner_failed", message=message[:500])
        failed = request.model_copy(update={"error": failure})
        options = record_options("Record that planning failed")
        return await execute(RecordActivities.fail_plan, failed, options, local=True)

    def _approve_where_automatic(self) -> None:
        """Queue the automatic approval of a plan that has just been made or refined, if the project is set to it."""
        if not self._state.auto_approve_plan or self._state.stage != Stage.AWAITING_APPROVAL:
            return
        delivery = Delivery(
            project_id=self._start.project_id,
            origin="plan_ready",
            name="approve",
            id=f"auto:{self._state.plan_version}",
        )
        self._inbox.appendleft(delivery)

    async def _execute(self) -> Outcome:
        self._current_run = ProjectRun(
            self._state,
            self._start.thresholds,
            has_request=self._has_request,
            decide_next=self._decide_next,
            take=self._take,
            clean_up_until=self._clean_up_until,
        )
        outcome = await self._current_run.run()
        self._clean_up_until = self._current_run.clean_up.until if outcome == Outcome.CONTINUE else None
        self._current_run = None
        if outcome == Outcome.ENDED and self._erase_for is not None:
            await self._erase_unless_running(self._erase_for)
        return outcome

    def _take(self, state: ProjectState) -> None:
        """Adopt a state from the database, unless a newer one is known, and show it in Temporal's lists."""
        if state.status is not None and state.seq < self._state.seq:
            return
        former, self._state = self._state, state
        if state.status is None:
            return
        if (state.status, state.stage) != (former.status, former.stage):
            self._stage_since = isoformat(workflow.now())
            workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType] - the SDK leaves a type open
                [
                    search_attributes.STATUS.value_set(state.status),
                    search_attributes.STAGE.value_set(state.stage or ""),
                    search_attributes.STRATEGY.value_set(state.strategy),
                    search_attributes.AGENT.value_set(state.agent_id or "default"),
                ]
            )
            if self._current_run is None:
                workflow.set_current_details(f"**{state.name}**: {state.status}, {state.stage}")


def _asks_to_erase(delivery: Delivery, decided: Decided) -> bool:
    if decided.erase is not None:
        return decided.erase
    # Decided by a version without commands, whose signals carried the request themselves.
    return decided.kind == CommandKind.CANCEL and '"delete":true' in (delivery.content or "")
