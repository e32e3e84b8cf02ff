"""Tests the client against a real Signoff. Sync and async behave the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import signoff as client_package
from signoff import AsyncSignoff, Conflict, Invalid, NotFound, Recorded, Signoff, WaitTimeout, is_pending, to_json
from signoff._requests import read_answer
from signoff.models import Plan, ProjectList, StatusAnswer
from tests.conftest import Stack, eventually

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

REPORT = "# Report\n\n- Count: `echo users=42 >> $SIGNOFF_OUTPUT` {#count}\n- Write: `echo done` {#write after=count}\n"
SLOW = "# Slow\n\n- Sleep: `sleep 300` {#nap}\n"
PERSON = "# Person\n\n- [ ] Look at it {#look}\n- Say: `echo hi` {#say after=look}\n"
FAILS = "# Fails\n\n- Once: `test -e there || { touch there; exit 7; }` {#once}\n- Then: `echo x` {#then after=once}\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def client(signoff: Stack) -> AsyncIterator[AsyncSignoff]:
    async with AsyncSignoff(signoff.url) as client:
        yield client


async def test_a_project_from_create_to_delete(client: AsyncSignoff) -> None:
    project = await client.projects.create(name="By the client", description=REPORT)
    assert (project.status, project.stage, project.plan) == ("pending", "draft", None)
    plan = await client.projects.generate_plan(project.id)
    assert isinstance(plan, Plan)
    answer = await client.projects.approve(project.id, plan_version=plan.version, plan_digest=plan.digest)
    assert isinstance(answer, StatusAnswer)
    done = await client.projects.wait(project.id, timeout=30)
    assert done.status == "completed"
    assert (await client.tasks.get(project.id, "count")).outputs["users"] == "42"
    assert [event.type async for event in client.projects.events(project.id)][-1] == "project.completed"
    assert project.id in [row.id for row in (await client.projects.list(search="By the client")).projects]
    assert (await client.projects.delete(project.id)).deleted
    with pytest.raises(NotFound):
        await client.projects.get(project.id)


async def test_the_sync_client_does_the_same(signoff: Stack) -> None:
    def work() -> list[str]:
        with Signoff(signoff.url) as client:
            project = client.projects.create(description=REPORT)
            plan = client.projects.generate_plan(project.id)
            assert isinstance(plan, Plan)
            client.projects.approve(project.id, plan_digest=plan.digest)
            assert client.projects.wait(project.id, timeout=30).status == "completed"
            return [event.type for event in client.projects.events(project.id, types="task.*")]

    assert await asyncio.to_thread(work) == ["task.started", "task.completed"] * 2


async def test_an_error_has_everything_that_the_answer_contained(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.planned(REPORT)
    with pytest.raises(Conflict) as caught:
        await client.projects.approve(project_id, plan_version=7)
    error = caught.value
    assert (error.status, error.code) == (409, "plan_superseded")
    assert error.context["plan_version"] == 1
    assert error.request_id.startswith("req_")
    with pytest.raises(Invalid) as caught_invalid:
        await client.projects.create(name="x" * 300, strategy="fast")
    assert {detail.field for detail in caught_invalid.value.details} == {"name", "strategy"}
    assert "strategy" in str(caught_invalid.value)


async def test_waiting_ends_when_a_person_is_needed(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.started(PERSON)
    waiting = await client.projects.wait(project_id, until="person", timeout=30)
    assert [task.key for task in waiting.tasks if task.status == "waiting"] == ["look"]
    await client.tasks.complete(project_id, "look", outputs={"seen": True})
    assert (await client.projects.wait(project_id, until="person", timeout=30)).status == "completed"


async def test_waiting_times_out(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.started(SLOW)
    with pytest.raises(WaitTimeout):
        await client.projects.wait(project_id, timeout=0.3)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(_wait_briefly, signoff.url, project_id)
    cancelled = await client.projects.cancel(project_id, reason="enough")
    assert not is_pending(cancelled)


def _wait_briefly(url: str, project_id: str) -> None:
    with Signoff(url) as client:
        client.projects.wait(project_id, timeout=0.3)


async def test_an_outline_is_previewed_without_a_project(client: AsyncSignoff, signoff: Stack) -> None:
    preview = await client.preview_outline(REPORT)
    assert [task.key for phase in preview.phases for task in phase.tasks] == ["count", "write"]
    preview = await client.preview_outline("- A {#a after=b}")
    assert (preview.valid, preview.problems[0].field) == (False, "line 1, column 9")


async def test_a_run_is_paused_resumed_and_retried(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.started(FAILS)
    assert (await client.projects.wait(project_id, timeout=30)).status == "failed"
    await client.projects.retry(project_id, comment="once more")
    assert (await client.projects.wait(project_id, timeout=30)).status == "completed"
    other = await signoff.started(PERSON)
    await client.projects.pause(other, comment="lunch")
    assert (await client.projects.wait(other, until="person")).stage == "paused"
    await client.projects.resume(other)


async def test_plans_are_edited_and_read_as_markdown(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.planned(REPORT)
    phase = await client.phases.create(project_id, "After", strategy="sequential")
    assert not isinstance(phase, Recorded)
    task = await client.tasks.create(project_id, title="Mail it", phase_id=phase.id, action={"type": "manual"})
    assert not isinstance(task, Recorded)
    await client.tasks.update(project_id, task.id, title="Send it", depends_on=["write"])
    plan = await client.projects.refine_plan(project_id, edits=[{"op": "update_task", "task": "write", "retries": 3}])
    assert isinstance(plan, Plan)
    assert "Send it" in await client.projects.plan_markdown(project_id)
    assert [row.name for row in (await client.phases.list(project_id)).phases] == ["Tasks", "After"]
    await client.tasks.delete(project_id, task.key)
    assert [row.key for row in (await client.tasks.list(project_id)).tasks] == ["count", "write"]


async def test_an_outdated_change_is_refused(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.create("")
    _, etag = await client.projects.get_with_etag(project_id)
    assert etag
    assert (await client.projects.update(project_id, if_match=etag, name="First")).name == "First"
    with pytest.raises(client_package.PreconditionFailed):
        await client.projects.update(project_id, if_match=etag, name="Second")


async def test_an_edit_of_a_plan_that_has_changed_is_refused(client: AsyncSignoff, signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] Look {#look}\n- [ ] Other")
    read = (await client.projects.plan(project_id)).digest
    await client.tasks.create(project_id, of_plan=read, title="More")
    calls = (
        client.tasks.create(project_id, of_plan=read, title="Again"),
        client.tasks.update(project_id, "look", of_plan=read, title="See"),
        client.tasks.delete(project_id, "look", of_plan=read),
        client.phases.create(project_id, "Later", of_plan=read),
        client.projects.refine_plan(project_id, edits=[{"op": "remove_task", "task": "look"}], of_plan=read),
    )
    for call in calls:
        with pytest.raises(client_package.PreconditionFailed):
            await call
    assert len((await client.tasks.list(project_id)).tasks) == 3


async def test_system_and_live_events(client: AsyncSignoff, signoff: Stack) -> None:
    assert (await client.health()).status == "ok"
    assert (await client.ready()).status == "ready"
    seen: set[str] = set()

    async def listen() -> None:
        async for event in client.live_events(types="project.created"):
            seen.add(event.project_id)

    listening = asyncio.create_task(listen())
    made: list[str] = []

    async def heard() -> bool:
        made.append(await signoff.create("news"))
        return bool(seen.intersection(made))

    await eventually(heard, what="a live event comes")
    listening.cancel()


def test_unknown_fields_are_kept() -> None:
    sent: dict[str, Any] = {
        "projects": [],
        "total": 0,
        "limit": 20,
        "offset": 0,
        "status_counts": {"pending": 1},
        "next_cursor": None,
        "newer": [{"a": None}],
    }

    class Answer:
        status_code = 200
        content = json.dumps(sent).encode()

    read: Any = read_answer(Answer(), ProjectList)  # type: ignore[arg-type]
    assert to_json(read) == sent


def test_importing_the_client_imports_no_server_code() -> None:
    code = "import sys; from signoff import AsyncSignoff, Signoff; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    for name in ("litestar", "temporalio", "sqlalchemy", "uvicorn", "app", "workflows", "activities"):
        assert name not in ended.stdout.split()


def test_the_sync_client_is_made_from_the_async_one() -> None:
    script = ROOT / "tools" / "make_sync_client.py"
    ended = subprocess.run([sys.executable, script, "--check"], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
