"""Long runs continue with a new history, and nothing happens twice."""

from __future__ import annotations

from pathlib import Path

from app.domain.commands import CommandKind, CommandRequest
from app.domain.identity import new_id
from app.storage import commands
from tests.conftest import Stack, eventually, running_stack
from workflows.contracts import WORKFLOW_TYPE, ProjectInput, Thresholds


async def histories(stack: Stack, project_id: str) -> list[str]:
    found = [run async for run in stack.temporal.list_workflows(f"WorkflowId = '{project_id}'")]
    return sorted(run.status.name for run in found)


async def test_a_run_continues_between_tasks_and_phases(temporal_server, tmp_path: Path) -> None:
    chain = "\n".join(f"{i}. Step {i}: `echo {i} >> order` {{#s{i}}}" for i in range(1, 11))
    plan = f"## One\n\n{chain}\n\n## Two\n\n- [ ] Ask {{#ask}}\n- Last: `echo last >> order` {{#last after=ask}}"
    async with running_stack(temporal_server, tmp_path, thresholds=Thresholds(rest=25, drain=40)) as stack:
        project_id = await stack.started(plan)
        ask = await stack.task_in(project_id, "ask", "waiting")
        await stack.call("POST", f"/{project_id}/tasks/{ask['id']}/complete", json={"outputs": {"x": 1}})
        project = await stack.finished(project_id)
        assert project["status"] == "completed", project["failure"]
        order = (Path(project["workspace"]) / "order").read_text().split()
        assert order == [*(str(i) for i in range(1, 11)), "last"]
        events = await stack.events(project_id)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert sum(event["type"] == "task.started" for event in events) == 11
        assert sum(event["type"] == "phase.started" for event in events) == 2

        async def settled() -> bool:
            return "COMPLETED" in await histories(stack, project_id)

        await eventually(settled, what="the last history is closed")
        assert (await histories(stack, project_id)).count("CONTINUED_AS_NEW") >= 2


async def test_a_wide_phase_drains_and_waiting_tasks_are_taken_over(temporal_server, tmp_path: Path) -> None:
    wide = "\n".join(f"- W{i}: `echo {i} >> wide` {{#w{i}}}" for i in range(20))
    flaky = "- Flaky: `[ -e again ] || { touch again; exit 1; }` {#flaky retries=1}"
    plan = f"{wide}\n- Pause {{#pause wait=3}}\n- [ ] Ask {{#ask}}\n{flaky}"
    async with running_stack(temporal_server, tmp_path, thresholds=Thresholds(rest=35, drain=50)) as stack:
        project_id = await stack.started(plan, strategy="balanced")
        ask = await stack.task_in(project_id, "ask", "waiting")
        await stack.task_in(project_id, "w19", "completed")
        await stack.call("POST", f"/{project_id}/tasks/{ask['id']}/complete")
        project = await stack.finished(project_id)
        assert project["status"] == "completed", project["failure"]
        lines = (Path(project["workspace"]) / "wide").read_text().split()
        assert sorted(map(int, lines)) == list(range(20))
        assert (await histories(stack, project_id)).count("CONTINUED_AS_NEW") >= 1


async def test_a_cancel_after_continuing_still_works(temporal_server, tmp_path: Path) -> None:
    chain = "\n".join(f"{i}. Step {i}: `true` {{#s{i}}}" for i in range(1, 7))
    plan = f"{chain}\n7. Slow: `sleep 600` {{#slow}}"
    async with running_stack(temporal_server, tmp_path, thresholds=Thresholds(rest=20, drain=35)) as stack:
        project_id = await stack.started(plan)
        await stack.task_in(project_id, "slow", "running")
        assert "CONTINUED_AS_NEW" in await histories(stack, project_id)
        answer = await stack.call("POST", f"/{project_id}/cancel")
        assert answer["tasks"] == {"completed": 6, "interrupted": 1, "never_started": 0, "did_not_stop": 0}


async def test_an_accepted_delete_outlives_a_continue_as_new(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Ask {#ask}")
    await signoff.task_in(project_id, "ask", "waiting")
    # The input of the next workflow execution: the run continues, and somebody has deleted the project.
    await signoff.temporal.get_workflow_handle(project_id).terminate()
    wanted = CommandRequest(
        project_id=project_id, request_id=new_id("req"), kind=CommandKind.CANCEL, actor="ann", payload={"delete": True}
    )
    command = await signoff.database.transact(lambda conn: commands.store(conn, wanted))
    start = ProjectInput(project_id=project_id, erase_for=command.id)
    await signoff.temporal.start_workflow(
        WORKFLOW_TYPE,
        start,
        id=project_id,
        task_queue=signoff.settings.task_queue,
        start_signal="cancel",
        start_signal_args=[],
    )

    async def deleted() -> bool:
        return (await signoff.http.get(f"/api/projects/{project_id}")).status_code == 404

    await eventually(deleted, what="the project is deleted")
