"""Plan versions and uploaded files say who made them, by which means, from where, and in which session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY, people_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


@pytest.fixture(scope="module")
async def locked(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("sent"), api_key=SERVER_KEY) as stack:
        stack.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield stack


async def test_each_version_and_each_upload_has_its_sender(locked: Stack) -> None:
    by_key = {"actor": "admin", "actor_id": "admin", "via": "key", "address": "127.0.0.1", "session_id": None}
    async with people_of(locked, Noor=["author", "operator"]) as people:
        noor = people["Noor"]
        project_id = await noor.planned("- Wait: `sleep 300` {#wait}\n")
        (session,) = (await noor.http.get("/api/sessions")).json()["sessions"]
        own = {
            "actor": "Noor",
            "actor_id": noor.id,
            "via": "session",
            "address": "127.0.0.1",
            "session_id": session["id"],
        }
        await locked.call("PUT", f"/{project_id}/tasks/wait", json={"title": "Wait longer"})
        assert (await noor.call("GET", f"/{project_id}/plan?version=1"))["creator"] == own
        assert (await noor.call("GET", f"/{project_id}/plan"))["creator"] == by_key
        listed = (await noor.call("GET", f"/{project_id}/plans"))["plans"]
        assert [version["creator"] for version in listed] == [by_key, own]

        await upload(locked.http, project_id, "given.txt", "first")
        await upload(noor.http, project_id, "given.txt", "second", overwrite="true")
        await upload(locked.http, project_id, "other.txt", "third")
        assert await uploaders(locked, project_id) == {"given.txt": own, "other.txt": by_key}


async def test_what_a_task_made_has_no_uploader(signoff: Stack) -> None:
    project_id = await signoff.planned("- Make: `echo new > given.txt; echo made > made.txt` {#make}\n")
    await upload(signoff.http, project_id, "given.txt", "given")
    assert (await uploaders(signoff, project_id))["given.txt"]["via"] == "loopback"
    await signoff.call("POST", f"/{project_id}/approve")
    await signoff.finished(project_id)
    await upload(signoff.http, project_id, "later.txt", "later")
    found = await uploaders(signoff, project_id)
    assert found["later.txt"]["via"] == "loopback"
    # The task has written over what was uploaded.
    assert (found["given.txt"], found["made.txt"]) == (None, None)


async def upload(http: Any, project_id: str, path: str, text: str, **fields: str) -> None:
    answer = await http.post(
        f"/api/projects/{project_id}/files/upload", files={"file": (path, text.encode())}, data={"path": path, **fields}
    )
    assert answer.status_code == 200, answer.text


async def uploaders(stack: Stack, project_id: str) -> dict[str, Any]:
    files = (await stack.call("GET", f"/{project_id}/output-files"))["files"]
    return {file["path"]: file["uploader"] for file in files}
