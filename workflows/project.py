"""ProjectWorkflow: one for each project, under the project's id.

Signals order what people ask for, the database decides it: each request becomes effective when a `decide` activity commits it.
The workflow plans, waits for the approval, and hands an approved run to `Execution`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from app.domain.decisions import DecisionKind
    from app.domain.errors import ErrorInfo
    from app.domain.identity import isoformat
    from app.domain.states import ProjectStatus, Stage
    from workflows import search_attributes
    from workflows.calls import execute_record
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
    from workflows.execution import Execution, Outcome
    from workflows.options import planning_options, record_options


@workflow.defn(name=WORKFLOW_TYPE)
class ProjectWorkflow:
    """Plans a project, waits until a person signs the plan off, and carries it out."""

    @workflow.init
    def __init__(self, start: ProjectInput) -> None:
        self._start = start
        self._inbox: deque[Delivery] = deque(start.requests)
        self._received = 0
        self._cancel_noticed = False
        self._state = ProjectState(project_id=start.project_id)
        self._stage_since = isoformat(workflow.now())
        self._execution: Execution | None = None
        # An accepted delete outlives a continue-as-new between the cancel and the run's end.
        self._erase_for = start.erase_for

    @workflow.run
    async def run(self, start: ProjectInput) -> ProjectResult:
        """Decide every request that comes until nothing is left to wait for."""
        body = asyncio.create_task(self._body())
        while not body.done():
            try:
                await asyncio.shield(body)
            except asyncio.CancelledError:
                # Temporal's own cancel takes the way of the signal; the body sees it through `_has_request`.
                self._notice_cancel()
        if body.result() == Outcome.CONTINUE:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(
                start.model_copy(update={"requests": list(self._inbox), "erase_for": self._erase_for})
            )
        return ProjectResult(project_id=start.project_id, status=self._state.status, stage=self._state.stage)

    # Whatever a signal carries, and however many values, is taken: a handler that raises would hold up the workflow.

    @workflow.signal
    def plan(self, *payload: Any) -> None:
        """Make a plan, or a new one."""
        self._receive("plan", payload)

    @workflow.signal
    def approve(self, *payload: Any) -> None:
        """Approve the plan, or the phase gate that waits."""
        self._receive("approve", payload)

    @workflow.signal
    def cancel(self, *payload: Any) -> None:
        """Cancel the planning, the pending project or the run."""
        self._receive("cancel", payload)

    @workflow.signal
    def answer(self, *payload: Any) -> None:
        """A person's word on a task that waits for one, or on a decision."""
        self._receive("answer", payload)

    @workflow.signal
    def pause(self, *payload: Any) -> None:
        """Start nothing more until resumed."""
        self._receive("pause", payload)

    @workflow.signal
    def resume(self, *payload: Any) -> None:
        """Continue after a pause."""
        self._receive("resume", payload)

    @workflow.signal
    def retry(self, *payload: Any) -> None:
        """Carry a finished run out again, from what failed."""
        self._receive("retry", payload)

    @workflow.signal
    def edit(self, *payload: Any) -> None:
        """Edit the plan in the middle of its run."""
        self._receive("edit", payload)

    @workflow.query
    def snapshot(self) -> Snapshot:
        """Where the run is, by the workflow's own word."""
        snapshot = Snapshot(
            project_id=self._start.project_id,
            stage=self._state.stage or Stage.DRAFT,
            since=self._stage_since,
            requests_waiting=len(self._inbox),
            history_events=workflow.info().get_current_history_length(),
        )
        if self._execution is not None:
            self._execution.describe(snapshot)
        return snapshot

    def _receive(self, name: str, payload: Sequence[Any]) -> None:
        """Queue a signal as it came; the `decide` activity looks up what it asks for."""
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
        # A cancel can be swallowed when something else completes in the same workflow task.
        if workflow.cancellation_reason() is not None:
            self._notice_cancel()
        return bool(self._inbox)

    async def _body(self) -> Outcome:
        self._take(await execute_record(
            "load_project", ProjectRef(project_id=self._start.project_id), result_type=ProjectState,
            **record_options("Load the project"),
        ))  # fmt: skip
        while self._state.status is not None:
            if self._state.stage == Stage.PLANNING:
                await self._plan()
            elif self._state.status == ProjectStatus.RUNNING and self._state.run is not None:
                if await self._execute() == Outcome.CONTINUE:
                    return Outcome.CONTINUE
            elif self._has_request():
                decided = await self._decide_next()
                if decided.accepted and decided.kind == DecisionKind.EDIT:
                    self._approve_where_automatic()
            elif workflow.info().is_continue_as_new_suggested():
                return Outcome.CONTINUE
            elif self._state.stage == Stage.AWAITING_APPROVAL:
                await workflow.wait_condition(self._has_request)
            else:
                break
        return Outcome.ENDED

    async def _decide_next(self) -> Decided:
        """Have the oldest delivery decided."""
        delivery = self._inbox.popleft()
        decided = await execute_record(
            "decide", delivery, result_type=Decided, **record_options(f"Decide: {delivery.name}")
        )
        self._take(decided.state)
        # Refused only where there was nothing left to cancel; the project is to go all the same.
        if _asks_to_erase(delivery, decided):
            await self._erase_unless_running(delivery.command or "")
        return decided

    async def _erase_unless_running(self, command: str) -> None:
        """Erase the project now, or, where a run has to be stopped first, when that has ended."""
        if self._state.status == ProjectStatus.RUNNING:
            self._erase_for = command
            return
        request = EraseRequest(project_id=self._start.project_id, command=command)
        try:
            self._take(await execute_record(
                "erase_project", request, result_type=ProjectState, **record_options("Delete the project")
            ))  # fmt: skip
        except ActivityError as error:
            # Refused, or a task that was given up still shows signs of life: who deletes learns that from the app.
            workflow.logger.warning("the project is not deleted: %s", error.cause)

    async def _plan(self) -> None:
        """Have the plan made; requests that come meanwhile are decided at once, and a cancel stops the planner."""
        request = PlanRequest(project_id=self._start.project_id, version=self._state.generating or 0)
        planner = asyncio.ensure_future(
            execute_record("make_plan", request, result_type=ProjectState, **planning_options("Make the plan"))
        )
        while not planner.done():
            await workflow.wait_condition(lambda: planner.done() or self._has_request())
            if not planner.done():
                await self._decide_next()
                if self._state.stage != Stage.PLANNING:
                    planner.cancel()
                    await asyncio.gather(planner, return_exceptions=True)
                    return
        try:
            self._take(planner.result())
        except ActivityError as error:
            self._take(await self._fail_planning(request, error))
        # Where nothing came of it, the plan before it stands, which somebody has sent back.
        if self._state.plan_version == request.version:
            self._approve_where_automatic()

    async def _fail_planning(self, request: PlanRequest, error: ActivityError) -> ProjectState:
        message = f"The planner could not finish: {error.cause or error}"
        failure = ErrorInfo(status=503, code="planner_failed", message=message[:500])
        return await execute_record(
            "fail_plan", request.model_copy(update={"error": failure}), result_type=ProjectState,
            **record_options("Record that the planning failed"),
        )  # fmt: skip

    def _approve_where_automatic(self) -> None:
        """Have the plan approved at once that a planner, or a refinement, has just made, where the project says so."""
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
        self._execution = Execution(
            self._state,
            self._start.thresholds,
            has_request=self._has_request,
            decide_next=self._decide_next,
            take=self._take,
        )
        outcome = await self._execution.run()
        self._execution = None
        if outcome == Outcome.ENDED and self._erase_for is not None:
            await self._erase_unless_running(self._erase_for)
        return outcome

    def _take(self, state: ProjectState) -> None:
        """Take a state of the database over, unless a newer one is known, and show it in Temporal's lists."""
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
            if self._execution is None:
                workflow.set_current_details(f"**{state.name}**: {state.status}, {state.stage}")


def _asks_to_erase(delivery: Delivery, decided: Decided) -> bool:
    if decided.erase is not None:
        return decided.erase
    # Decided by a version before commands, whose signals said it themselves.
    return decided.kind == DecisionKind.CANCEL and '"delete":true' in (delivery.content or "")
