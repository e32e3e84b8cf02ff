"""Records that two sides race for: the database decides, and a repeat changes nothing."""

from __future__ import annotations

from pathlib import Path

from activities.records import Records
from app.commands import plan_edits
from app.database.database import Database
from app.domain.commands import COMMANDS, CommandKind, CommandRequest
from app.domain.edits import parse_edits
from app.domain.identity import new_id
from app.domain.registry import load_actions
from app.domain.states import Call
from app.settings import Settings
from app.storage import commands, projects
from app.workspace.workspaces import Workspaces
from tests.databases import DATABASES
from tests.factories import project_row
from workflows.contracts import Delivery, ProjectState, RunEnd


async def asked(database: Database, project_id: str, kind: CommandKind) -> Delivery:
    """The delivery of a command; the second of a kind repeats the first."""
    request = CommandRequest(project_id=project_id, request_id=f"test-{kind}", kind=kind, actor="local")
    command = await database.transact(lambda conn: commands.store(conn, request))
    return Delivery(project_id=project_id, name=COMMANDS[kind].signal, id=new_id("req"), command=command.id)


async def running_project(database: Database, records: Records, folder: Path) -> ProjectState:
    row = project_row(workspace=str(folder))
    project_id = row["id"]
    await database.transact(lambda conn: projects.create(conn, row, actor="local"))
    edits = parse_edits([{"op": "add_task", "title": "It", "action": {"type": "milestone"}}])
    call = Call.EDIT_PLAN
    await database.transact(
        lambda conn: plan_edits.edit_plan(conn, project_id, edits, load_actions(), actor="local", call=call)
    )
    return (await records.decide(await asked(database, project_id, CommandKind.APPROVE))).state


async def test_a_cancel_that_is_accepted_while_the_run_ends_wins(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'signoff.db'}"
    DATABASES.migrated(url)
    database = Database(url)
    await database.start()
    records = Records(database, load_actions(), Workspaces(tmp_path, [], []), Settings())
    try:
        state = await running_project(database, records, tmp_path)
        assert state.run is not None
        cancel = await asked(database, state.project_id, CommandKind.CANCEL)
        assert (await records.decide(cancel)).accepted
        # Temporal may carry an activity out again whose answer was lost.
        again = await records.decide(cancel)
        assert again.accepted, "a repeat of a request gets the first outcome"
        end = RunEnd(project_id=state.project_id, run_id=state.run.run_id, status="completed")
        assert (await records.finish_run(end)).status == "cancelled"
        # Temporal may carry an activity out again whose answer was lost.
        assert (await records.finish_run(end)).status == "cancelled"
    finally:
        await database.close()
