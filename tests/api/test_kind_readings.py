"""Readings of a request that save its sender a failure: what common clients send, and what newcomers guess."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.answers import fields_of, refused
from tests.api.test_create import DEFAULTS
from tests.conftest import Stack, running_stack
from tests.raw_http import exchange, read_answer

# These are about what happens to a plan afterwards.
pytestmark = pytest.mark.usefixtures("plans_without_workflow")

OUTLINE = "- [ ] Look {#look}\n- [ ] Sign {#sign}"


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_and_empty_mean_not_set_when_a_project_is_created(signoff: Stack, nothing: str | None) -> None:
    empty = {**dict.fromkeys(DEFAULTS, nothing), "max_tokens": nothing, "labels": nothing, "parameters": nothing}
    project = await signoff.call("POST", "", status=201, json=empty)
    assert {name: project[name] for name in DEFAULTS} == DEFAULTS
    assert (project["max_tokens"], project["labels"], project["parameters"]) == (None, [], {})


@pytest.mark.parametrize("nothing", [None, ""])
async def test_so_they_do_for_tasks_phases_and_copies(signoff: Stack, nothing: str | None) -> None:
    project_id = await signoff.planned(OUTLINE)
    sent = {"description": nothing, "phase_id": nothing, "action": nothing, "inputs": nothing, "on_crash": nothing}
    task = await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "T", **sent})
    assert (task["description"], task["inputs"], task["on_crash"]) == ("", {}, "rerun")
    sent = {"description": nothing, "strategy": nothing, "position": nothing, "runs_on": nothing}
    phase = await signoff.call("POST", f"/{project_id}/phases", status=201, json={"name": "P", **sent})
    assert (phase["strategy"], phase["description"]) == ("dag", "")
    sent = {"name": nothing, "include_files": nothing}
    copy = await signoff.call("POST", f"/{project_id}/duplicate", status=201, json=sent)
    assert copy["name"].endswith("(Copy)")


async def test_what_is_required_cannot_be_empty(signoff: Stack) -> None:
    project_id = await signoff.planned(OUTLINE)
    for title in (None, ""):
        body = await refused(signoff, "POST", f"/{project_id}/tasks", 422, json={"title": title})
        assert fields_of(body) == ["title"]


async def test_an_update_to_null_or_nothing_is_still_refused(signoff: Stack) -> None:
    project_id = await signoff.planned(OUTLINE)
    for value in (None, ""):
        assert fields_of(await refused(signoff, "PUT", f"/{project_id}", 422, json={"name": value})) == ["name"]
        body = await refused(signoff, "PUT", f"/{project_id}/tasks/look", 422, json={"title": value})
        assert fields_of(body) == ["title"]


async def test_a_task_may_be_named(signoff: Stack) -> None:
    project_id = await signoff.planned(OUTLINE)
    task = await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"name": "By name", "key": "named"})
    assert task["title"] == "By name"
    task = await signoff.call("PUT", f"/{project_id}/tasks/named", json={"name": "Other name"})
    assert task["title"] == "Other name"
    edits = [
        {"op": "add_task", "name": "Third", "key": "third"},
        {"op": "update_task", "task": "named", "name": "Again"},
    ]
    plan = await signoff.call("POST", f"/{project_id}/refine-plan", json={"edits": edits})
    titles = {task["key"]: task["title"] for phase in plan["phases"] for task in phase["tasks"]}
    assert (titles["third"], titles["named"]) == ("Third", "Again")


async def test_a_name_beside_a_title_is_refused(signoff: Stack) -> None:
    project_id = await signoff.planned(OUTLINE)
    both = {"title": "A", "name": "B"}
    assert fields_of(await refused(signoff, "POST", f"/{project_id}/tasks", 422, json=both)) == ["name"]
    body = await refused(
        signoff, "POST", f"/{project_id}/refine-plan", 422, json={"edits": [{"op": "add_task", **both}]}
    )
    assert fields_of(body) == ["edits.0.name"]
    body = await refused(signoff, "POST", f"/{project_id}/refine-plan", 422, json={"message": "A", "instructions": "B"})
    assert fields_of(body) == ["instructions"]


async def test_instructions_are_a_message(signoff: Stack) -> None:
    project_id = await signoff.planned(OUTLINE)
    words = {"instructions": "Look twice."}
    # There is no model: the words have arrived where the message goes.
    await refused(signoff, "POST", f"/{project_id}/refine-plan", 409, "planner_unavailable", json=words)


async def test_everything_that_is_created_says_where_it_is(signoff: Stack) -> None:
    created = await signoff.http.post("/api/projects", json={"description": OUTLINE})
    project = f"/api/projects/{created.json()['id']}"
    assert created.headers["location"] == project
    await signoff.http.post(f"{project}/generate-plan", headers={"Prefer": "wait=60"})
    task = await signoff.http.post(f"{project}/tasks", json={"title": "T"})
    assert task.headers["location"] == f"{project}/tasks/{task.json()['id']}"
    for answer in (created, task):
        assert (await signoff.http.get(answer.headers["location"])).json()["id"] == answer.json()["id"]
    copy = await signoff.http.post(f"{project}/duplicate/")
    assert copy.headers["location"] == f"/api/projects/{copy.json()['id']}"
    phase = await signoff.http.post(f"{project}/phases", json={"name": "P"})
    assert phase.headers["location"] == f"{project}/phases#{phase.json()['id']}"
    assert phase.status_code == 201
    comment = await signoff.http.post(f"{project}/plan/comments", json={"text": "Hm."})
    assert comment.headers["location"] == f"{project}/plan/comments#{comment.json()['id']}"
    link = await signoff.http.post(f"{project}/signing-links", json={"name": "Kim", "email": "kim@example.com"})
    assert link.headers["location"] == f"{project}/signing-links/{link.json()['id']}"
    person = await signoff.http.post("/api/people", json={"name": "Located person", "roles": [{"role": "viewer"}]})
    assert person.headers["location"] == f"/api/people/{person.json()['id']}"
    key = await signoff.http.post("/api/keys", json={"name": "located-key", "roles": [{"role": "viewer"}]})
    assert key.headers["location"] == f"/api/keys/{key.json()['id']}"


async def test_a_repeat_says_it_too(signoff: Stack) -> None:
    headers = {"Idempotency-Key": "located-1"}
    answers = [await signoff.http.post("/api/projects", json={}, headers=headers) for _ in range(2)]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len({answer.headers["location"] for answer in answers}) == 1


async def test_a_task_added_to_a_run_says_where_it_is(signoff: Stack) -> None:
    project_id = await signoff.started(OUTLINE)
    answer = await signoff.http.post(f"/api/projects/{project_id}/tasks", json={"title": "More"})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/projects/{project_id}/tasks/{answer.json()['id']}"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_empty_parameters_are_absent(signoff: Stack) -> None:
    project_id = await signoff.create("", name="empty parameters")
    page = await signoff.call("GET", "?status=&sort_by=&limit=&offset=&search=empty+parameters&label")
    assert [row["id"] for row in page["projects"]] == [project_id]
    assert (page["limit"], page["offset"]) == (20, 0)
    await refused(signoff, "GET", "?unknown=", 400, "unknown_parameter")
    answer = await signoff.http.get(f"/api/projects/{project_id}/events?after=&types=&follow=false")
    assert answer.status_code == 200
    assert "project.created" in answer.text


async def test_search_ignores_spaces_around_it(signoff: Stack) -> None:
    project_id = await signoff.create("", name="surrounded word")
    page = await signoff.call("GET", "", params={"search": "  surrounded word\t"})
    assert [row["id"] for row in page["projects"]] == [project_id]


@pytest.mark.parametrize("query", ["", "?path=", "?path"])
async def test_a_missing_parameter_is_named(signoff: Stack, query: str) -> None:
    project_id = await signoff.create("")
    body = await refused(signoff, "GET", f"/{project_id}/files/raw{query}", 400, "bad_request")
    assert fields_of(body) == ["path"]
    assert "path" in body["message"]


async def test_a_relative_path_is_below_the_first_root(signoff: Stack) -> None:
    folder = signoff.root / "reports" / "weekly"
    folder.mkdir(parents=True)
    project = await signoff.call("POST", "", status=201, json={"path": "reports/weekly"})
    assert (project["path"], project["workspace"]) == (str(folder), str(folder))
    same = await signoff.call("PUT", f"/{project['id']}", json={"path": "./reports/weekly"})
    assert (same["path"], same["updated_at"]) == (str(folder), project["updated_at"])
    for path in ("../outside", "reports/none", "~/reports"):
        assert fields_of(await refused(signoff, "POST", "", 422, json={"path": path})) == ["path"]


async def test_without_roots_a_relative_path_is_refused(temporal_server: Any, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False, workspace_roots=[]) as stack:
        body = await refused(stack, "POST", "", 422, json={"path": "reports"})
        assert "SIGNOFF_WORKSPACE_ROOTS" in body["message"]


@pytest.mark.usefixtures("soon_recorded", "soon_answered")
async def test_an_accepted_request_says_when_the_project_last_changed(temporal_server: Any, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        # Nobody decides: there is no worker. The plan is made by hand.
        project_id = await stack.create("")
        await stack.call("POST", f"/{project_id}/tasks", status=201, json={"title": "T", "action": {"type": "manual"}})
        answer = await stack.call("POST", f"/{project_id}/approve", status=202)
        assert answer["recorded"] is True
        assert answer["updated_at"] == (await stack.project(project_id))["updated_at"]
        answer = await stack.call("DELETE", f"/{project_id}", status=202)
        assert (answer["deleting"], bool(answer["updated_at"])) == (True, True)


@pytest.mark.parametrize("method", ["FOO", "get", "PROPFIND", "TRACE", "PATCH", "QUERY", "M-SEARCH", "X" * 40])
async def test_an_unknown_method_gets_our_error(signoff: Stack, method: str) -> None:
    request = f"{method} /api/projects HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = await exchange(signoff.settings.port, request.encode())
    body = answer.json()
    assert (answer.status, body["status"], body["code"]) == (405, 405, "method_not_allowed")
    assert body["message"] == "This address does not support that method."
    assert "allow: " in answer.head.lower()
    assert f"x-request-id: {body['request_id']}" in answer.head


@pytest.mark.parametrize("method", ["FOO", "G(T", "PROPFIND"])
async def test_so_it_does_on_a_connection_in_use(signoff: Stack, method: str) -> None:
    first = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    second = f"{method} /api/projects HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", signoff.settings.port)
    writer.write(first)
    assert (await read_answer(reader)).status == 200
    writer.write(second)
    answer = await read_answer(reader)
    assert (answer.status, answer.json()["status"]) in {(405, 405), (400, 400)}
    writer.close()


async def test_an_upload_of_another_type_is_told_what_to_send(signoff: Stack) -> None:
    project_id = await signoff.create("")
    address = f"/{project_id}/files/upload"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = await refused(signoff, "POST", address, 415, content=b"a=b", headers=headers)
    assert "multipart/form-data" in body["message"]
    for name in ("files", "upload"):
        answer: httpx.Response = await signoff.http.post(f"/api/projects{address}", files={name: ("a.txt", b"a")})
        assert (answer.status_code, "`file`" in answer.json()["message"]) == (422, True)
