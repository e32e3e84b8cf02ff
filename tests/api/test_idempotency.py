"""Idempotency-Key: a repeated request takes effect only once, regardless of which process dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar, Request, Response, post
from sqlalchemy import func, select, update

from app.api.controllers import projects as projects_api
from app.api.http import idempotency as keys
from app.api.http.credentials import Credentials
from app.api.http.errors import to_response
from app.api.http.gateway import Gateway
from app.api.http.idempotency import IdempotencyKeys, claim_upload
from app.api.http.secret_answers import SecretAnswers
from app.domain.errors import Unavailable
from app.domain.identity import isoformat, new_id
from app.domain.signing import Signer
from app.storage.tables import decisions, idempotency
from tests.api.answers import check_error, refused
from tests.api.conftest import TAKE_YOUR_TIME
from tests.app_process import AppProcess, app_process
from tests.conftest import Stack, eventually, free_port, running_stack

PLAN = "- [ ] Look {#look}"
PROJECTS = "/api/projects"


async def send(http: httpx.AsyncClient, path: str, key: str, **request: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key, **request.pop("headers", {})}
    return await http.post(f"{PROJECTS}{path}", headers=headers, **request)


def is_replay(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


def same(first: httpx.Response, second: httpx.Response) -> bool:
    """Check that a repeat gets the first answer: status, body and tag."""
    assert not is_replay(first)
    return is_replay(second) and all(
        getter(first) == getter(second)
        for getter in (
            lambda answer: answer.status_code,
            lambda answer: answer.content,
            lambda answer: answer.headers.get("etag"),
            lambda answer: answer.headers["content-type"],
        )
    )


async def named(stack: Stack, name: str) -> int:
    found = await stack.call("GET", "", params={"search": name, "limit": 200})
    return sum(project["name"].startswith(name) for project in found["projects"])


async def row_of(stack: Stack, key: str) -> Any:
    query = select(idempotency).where(idempotency.c.key == key)
    return await stack.database.read(lambda conn: conn.execute(query).one_or_none())


async def change_row(stack: Stack, key: str, **values: Any) -> None:
    statement = update(idempotency).where(idempotency.c.key == key).values(**values)
    await stack.database.transact(lambda conn: conn.execute(statement))


async def let_lease_lapse(stack: Stack, key: str) -> None:
    await change_row(stack, key, claimed_until=isoformat(datetime.now(UTC) - timedelta(seconds=1)))


async def count_decisions(stack: Stack, project_id: str, kind: str) -> int:
    query = select(func.count()).where(decisions.c.project_id == project_id, decisions.c.kind == kind)
    return await stack.database.read(lambda conn: conn.execute(query).scalar_one())


@pytest.fixture
def key() -> str:
    return new_id("key")


async def test_a_repeat_gets_the_first_answer_and_does_nothing(signoff: Stack, key: str) -> None:
    first = await send(signoff.http, "", key, json={"name": key})
    assert (first.status_code, first.headers["etag"]) == (201, '"r1"')
    for path in ("", "/"):
        assert same(first, await send(signoff.http, path, key, json={"name": key}))
    assert await named(signoff, key) == 1
    project_id = first.json()["id"]
    added = await send(signoff.http, f"/{project_id}/tasks", key, json={"title": "Look"})
    assert added.status_code == 201
    assert same(added, await send(signoff.http, f"/{project_id}/tasks", key, json={"title": "Look"}))
    assert (await signoff.call("GET", f"/{project_id}/tasks"))["total"] == 1


async def test_what_was_changed_since_does_not_change_the_first_answer(signoff: Stack, key: str) -> None:
    first = await send(signoff.http, "", key, json={"name": key})
    await signoff.call("DELETE", f"/{first.json()['id']}")
    assert same(first, await send(signoff.http, "", key, json={"name": key}))
    assert await named(signoff, key) == 0


async def test_without_a_key_each_request_is_one_of_its_own(signoff: Stack, key: str) -> None:
    for _ in range(2):
        assert not is_replay(await signoff.http.post(PROJECTS, json={"name": key}))
    assert await named(signoff, key) == 2


async def test_another_body_is_refused(signoff: Stack, key: str) -> None:
    await send(signoff.http, "", key, json={"name": key})
    for body in ({"name": f"{key} 2"}, {}, {"name": key, "strategy": "careful"}):
        answer = await send(signoff.http, "", key, json=body)
        assert answer.status_code == 422
        assert check_error(answer)["code"] == "idempotency_key_reused"
    assert await named(signoff, key) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b'{"name": "a", "path": null}', b'{\n "path":null,"name":"a"}'),
        (b'{"name": "\\u00e4"}', '{"name": "ä"}'.encode()),
        (b"", b"{}"),
        (b"{}", b""),
    ],
)
async def test_the_same_value_is_the_same_body(signoff: Stack, key: str, first: bytes, second: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await send(signoff.http, "", key, content=first, headers=headers)
    assert same(answer, await send(signoff.http, "", key, content=second, headers=headers))


async def test_a_key_is_another_one_at_another_address(signoff: Stack, key: str) -> None:
    one, two = [await signoff.planned(PLAN) for _ in range(2)]
    for project_id in (one, two):
        answer = await send(signoff.http, f"/{project_id}/cancel", key)
        assert (answer.json()["id"], answer.json()["status"], is_replay(answer)) == (project_id, "cancelled", False)


@pytest.mark.parametrize("bad", ["", "a b", "x" * 256, "ä", "a\tb"])
async def test_an_odd_key_is_refused(signoff: Stack, bad: str) -> None:
    answer = await signoff.http.post(PROJECTS, headers=[(b"Idempotency-Key", bad.encode())])
    assert answer.status_code == 400
    assert "Idempotency-Key" in check_error(answer)["message"]


async def test_two_keys_are_refused_and_a_long_one_is_not(signoff: Stack, key: str) -> None:
    answer = await signoff.http.post(PROJECTS, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert answer.status_code == 400
    long = f'{key}!"#$%&/()=?~'.ljust(255, "x")
    assert same(await send(signoff.http, "", long), await send(signoff.http, "", long))


async def test_a_put_with_a_key_is_refused(signoff: Stack, key: str) -> None:
    project_id = await signoff.create(name="before")
    headers = {"Idempotency-Key": key}
    await refused(signoff, "PUT", f"/{project_id}", 400, "unsupported_header", json={"name": "after"}, headers=headers)
    assert (await signoff.project(project_id))["name"] == "before"
    assert await row_of(signoff, key) is None


async def test_of_many_at_once_one_is_carried_out(signoff: Stack, key: str) -> None:
    answers = await asyncio.gather(*(send(signoff.http, "", key, json={"name": key}) for _ in range(20)))
    created = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in created}) == 1
    assert [is_replay(answer) for answer in created].count(False) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, check_error(answer)["code"]) == (409, "request_in_progress")
    assert await named(signoff, key) == 1


@pytest.mark.parametrize("body", [b'{"name": 1}', b"{", b'{"path": "/etc"}', b"[" * 100_000, b'{"name": "\\ud800"}'])
async def test_what_was_not_understood_leaves_the_key_free(signoff: Stack, key: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in range(2):
        answer = await send(signoff.http, "", key, content=body, headers=headers)
        assert answer.status_code in {400, 422}
        assert check_error(answer)["code"] != "idempotency_key_reused"
        assert not is_replay(answer)
    assert (await send(signoff.http, "", key, json={"name": key})).status_code == 201


async def test_a_body_that_is_too_large_is_refused_as_ever(signoff: Stack, key: str) -> None:
    answer = await send(signoff.http, "", key, json={"description": "x" * 5_000_000})
    assert answer.status_code == 413
    assert await row_of(signoff, key) is None


@pytest.mark.parametrize("path", ["/proj_nope/approve", "/proj_nope/nothing", "/proj_nope", "/" + "x" * 600])
async def test_what_is_not_there_leaves_the_key_free(signoff: Stack, key: str, path: str) -> None:
    for _ in range(2):
        answer = await send(signoff.http, path, key)
        assert answer.status_code in {404, 405}
        assert not is_replay(answer)
    assert await row_of(signoff, key) is None


async def test_a_conflict_stays_the_answer(signoff: Stack, key: str) -> None:
    project_id = await signoff.create(PLAN)
    first = await send(signoff.http, f"/{project_id}/approve", key)
    assert (first.status_code, check_error(first)["code"]) == (409, "no_plan")
    await signoff.call("POST", f"/{project_id}/generate-plan")
    assert same(first, await send(signoff.http, f"/{project_id}/approve", key))
    assert (await signoff.project(project_id))["status"] == "pending"


async def test_a_stale_approval_may_be_repeated_with_what_is_current(signoff: Stack, key: str) -> None:
    project_id = await signoff.planned(PLAN)
    stale = await send(signoff.http, f"/{project_id}/approve", key, headers={"If-Match": '"old"'})
    assert stale.status_code == 412
    tag = {"If-Match": stale.json()["context"]["etag"]}
    assert (await send(signoff.http, f"/{project_id}/approve", key, headers=tag)).status_code == 200
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_every_step_of_a_project_can_be_repeated(signoff: Stack, key: str) -> None:
    project_id = await signoff.create(PLAN)

    async def twice(path: str, **request: Any) -> None:
        first = await send(signoff.http, f"/{project_id}{path}", key, **request)
        assert first.status_code == 200, first.text
        assert same(first, await send(signoff.http, f"/{project_id}{path}", key, **request))

    await twice("/generate-plan")
    await twice("/regenerate-plan", json={"instructions": "again"})
    await twice("/approve", json={"comment": "go"})
    task = await signoff.task_in(project_id, "look", "waiting")
    await twice(f"/tasks/{task['id']}/complete", json={"outputs": {"seen": 1}})
    await signoff.finished(project_id)
    types = [event["type"] for event in await signoff.events(project_id)]
    for kind in ("plan.approved", "run.started", "task.completed", "project.completed"):
        assert types.count(kind) == 1
    assert types.count("plan.ready") == 2
    for kind in ("generate", "return", "approve", "complete"):
        assert await count_decisions(signoff, project_id, kind) == 1


async def test_a_repeated_cancel_gets_the_first_answer(signoff: Stack, key: str) -> None:
    project_id = await signoff.started(PLAN)
    first = await send(signoff.http, f"/{project_id}/cancel", key, json={"reason": "enough"})
    assert first.json()["status"] == "cancelled"
    assert same(first, await send(signoff.http, f"/{project_id}/cancel", key, json={"reason": "enough"}))
    assert (await signoff.http.post(f"{PROJECTS}/{project_id}/cancel")).status_code == 409


async def test_under_way_is_under_way_for_longer_than_a_lease(
    patient: Stack, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LEASE", timedelta(seconds=2))
    monkeypatch.setattr(keys, "RENEWAL_SECONDS", 0.05)
    project_id = await patient.create(PLAN)
    body = TAKE_YOUR_TIME
    wait = {"Prefer": "wait=4"}
    first = asyncio.create_task(send(patient.http, f"/{project_id}/generate-plan", key, json=body, headers=wait))
    await eventually(lambda: row_of(patient, key), what="the first request is under way")
    refused = 0
    while not first.done():
        answer = await send(patient.http, f"/{project_id}/generate-plan", key, json=body, headers=wait)
        if not is_replay(answer):
            assert (answer.status_code, check_error(answer)["code"]) == (409, "request_in_progress")
            refused += 1
    assert refused > 2
    assert (await first).status_code == 202
    assert same(await first, await send(patient.http, f"/{project_id}/generate-plan", key, json=body))
    await patient.call("POST", f"/{project_id}/cancel")


async def test_what_nobody_finished_is_taken_up_when_its_lease_is_over(signoff: Stack, key: str) -> None:
    first = await send(signoff.http, "", key, json={"name": f"{key} a"})
    # The state after a crash right after the claim: nothing is done, and there is no answer.
    await signoff.call("DELETE", f"/{first.json()['id']}")
    lease = isoformat(datetime.now(UTC) + timedelta(seconds=15))
    await change_row(signoff, key, status=None, headers=None, body=None, claimed_until=lease)
    answer = await send(signoff.http, "", key, json={"name": f"{key} a"})
    assert (answer.status_code, check_error(answer)["code"]) == (409, "request_in_progress")
    await let_lease_lapse(signoff, key)
    second = await send(signoff.http, "", key, json={"name": f"{key} a"})
    assert (second.status_code, is_replay(second)) == (201, False)
    assert same(second, await send(signoff.http, "", key, json={"name": f"{key} a"}))
    assert await named(signoff, key) == 1


async def test_an_answer_that_could_not_be_kept_is_found_again(
    signoff: Stack, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state after a crash between the effect and the answer."""

    def fail(*_: Any) -> None:
        raise Unavailable("The database is busy.")

    monkeypatch.setattr(keys._KeyedRequest, "_settle", fail)
    # A direct write has stored its answer together with its effect.
    created = await send(signoff.http, "", key, json={"name": key, "description": PLAN})
    assert same(created, await send(signoff.http, "", key, json={"name": key, "description": PLAN}))
    # The outcome of a workflow's decision is found by its request id when the lease has expired.
    project_id = created.json()["id"]
    await signoff.call("POST", f"/{project_id}/generate-plan")
    approved = await send(signoff.http, f"/{project_id}/approve", f"{key}-2", headers={"If-Match": "*"})
    assert approved.status_code == 200
    await signoff.call("PUT", f"/{project_id}", json={"name": "Another"})
    await let_lease_lapse(signoff, f"{key}-2")
    monkeypatch.undo()
    again = await send(signoff.http, f"/{project_id}/approve", f"{key}-2", headers={"If-Match": '"changed"'})
    assert (again.status_code, is_replay(again)) == (200, False)
    assert again.json()["decision_id"] == approved.json()["decision_id"]
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_an_edit_that_the_run_has_decided_is_not_made_again_when_the_run_is_over(
    signoff: Stack, key: str
) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "look", "waiting")
    first = await send(signoff.http, f"/{project_id}/tasks", key, json={"title": "And that"})
    assert first.status_code == 201
    await signoff.call("POST", f"/{project_id}/cancel")
    # The state after a crash right before the answer.
    await change_row(signoff, key, status=None, headers=None, body=None)
    await let_lease_lapse(signoff, key)
    again = await send(signoff.http, f"/{project_id}/tasks", key, json={"title": "And that"})
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    # Nobody has approved the edit, so the run has ended without it.
    assert (await signoff.call("GET", f"/{project_id}/tasks"))["total"] == 1


async def test_a_worker_that_slept_through_its_lease_does_nothing_twice(
    signoff: Stack, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, awake = asyncio.Event(), asyncio.Event()
    make = projects_api._workspace

    async def asleep(*given: Any) -> str:
        if not arrived.is_set():
            arrived.set()
            await awake.wait()
        return await make(*given)

    monkeypatch.setattr(projects_api, "_workspace", asleep)
    late = asyncio.create_task(send(signoff.http, "", key, json={"name": key}))
    await arrived.wait()
    await let_lease_lapse(signoff, key)
    prompt = await send(signoff.http, "", key, json={"name": key})
    assert prompt.status_code == 201
    awake.set()
    assert ((await late).status_code, (await late).content) == (201, prompt.content)
    assert await named(signoff, key) == 1


async def test_an_upload_is_known_by_its_path_and_content(signoff: Stack, key: str) -> None:
    uploads: list[str] = []

    @post("/api/projects/x/files/upload", status_code=200)
    async def upload(request: Request[Any, Any, Any]) -> Response[Any]:
        form = await request.form()
        content = await form["file"].read()
        earlier = await claim_upload(request, form["path"], hashlib.sha256(content).hexdigest())
        if earlier is not None:
            return earlier
        uploads.append(form["path"])
        return Response({"number": len(uploads)})

    app: Any = Litestar([upload], exception_handlers={Exception: to_response}, logging_config=None)
    keyed = IdempotencyKeys(
        app.asgi_handler, signoff.database, SecretAnswers(Signer(Ed25519PrivateKey.generate())), largest_body=10
    )
    app.asgi_handler = Gateway(
        keyed, allowed_hosts=[], credentials=Credentials("", signoff.database, checks_users=False)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:

        async def sent(path: str, content: bytes) -> httpx.Response:
            return await send(http, "/x/files/upload", key, data={"path": path}, files={"file": content})

        first = await sent("a.txt", b"some content")
        assert first.json() == {"number": 1}
        # The boundary between the parts differs each time.
        assert same(first, await sent("a.txt", b"some content"))
        for other in (await sent("b.txt", b"some content"), await sent("a.txt", b"other content")):
            assert (other.status_code, check_error(other)["code"]) == (422, "idempotency_key_reused")
        assert uploads == ["a.txt"]


async def test_a_client_that_goes_away_finds_what_it_asked_for(signoff: Stack, key: str) -> None:
    body = f'{{"name":"{key}"}}'.encode()
    _, writer = await asyncio.open_connection("127.0.0.1", signoff.settings.port)
    head = (
        f"POST {PROJECTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    )
    writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    writer.close()

    async def created() -> httpx.Response | None:
        answer = await send(signoff.http, "", key, content=body, headers={"Content-Type": "application/json"})
        return answer if answer.status_code == 201 else None

    await eventually(created, what="the project is there")
    assert await named(signoff, key) == 1


async def test_after_a_day_a_key_is_a_new_one(signoff: Stack, key: str) -> None:
    first = await send(signoff.http, "", key, json={"name": key})
    await change_row(signoff, key, created_at=isoformat(datetime.now(UTC) - timedelta(hours=23, minutes=59)))
    assert same(first, await send(signoff.http, "", key, json={"name": key}))
    await change_row(signoff, key, created_at=isoformat(datetime.now(UTC) - timedelta(hours=24, minutes=1)))
    second = await send(signoff.http, "", key, json={"name": f"{key} 2"})
    assert (second.status_code, is_replay(second)) == (201, False)
    assert await named(signoff, key) == 2


@pytest.fixture(scope="module")
async def second(signoff: Stack) -> AsyncIterator[AppProcess]:
    """Another app process on the database of `signoff`."""
    async with app_process(signoff.settings) as process:
        yield process


async def test_two_processes_know_each_others_keys(signoff: Stack, second: AppProcess, key: str) -> None:
    first = await send(second.http, "", key, json={"name": key})
    assert first.status_code == 201
    assert same(first, await send(signoff.http, "", key, json={"name": key}))
    project_id = await signoff.planned(PLAN)
    approved = await send(signoff.http, f"/{project_id}/approve", key)
    assert same(approved, await send(second.http, f"/{project_id}/approve", key))
    cancelled = await send(second.http, f"/{project_id}/cancel", key)
    assert same(cancelled, await send(signoff.http, f"/{project_id}/cancel", key))


async def test_of_two_processes_that_race_one_carries_it_out(signoff: Stack, second: AppProcess, key: str) -> None:
    for number in range(5):
        name = f"{key} {number}"
        answers = await asyncio.gather(
            *(send(http, "", name.replace(" ", "-"), json={"name": name}) for http in (signoff.http, second.http) * 5)
        )
        assert {answer.status_code for answer in answers} <= {201, 409}
        created = [answer for answer in answers if answer.status_code == 201]
        assert [is_replay(answer) for answer in created].count(False) == 1
        assert len({answer.content for answer in created}) == 1
        assert await named(signoff, name) == 1


async def killed_while_approving(
    stack: Stack, project_id: str, key: str, *, once: Callable[[], Awaitable[Any]]
) -> bool:
    """Send an approval to a second app and kill that app. Return whether it died before it answered."""
    async with app_process(stack.settings) as doomed:
        waiting = asyncio.create_task(send(doomed.http, f"/{project_id}/approve", key))
        await eventually(lambda: row_of(stack, key), what="the approval is under way")
        await eventually(once, what="the moment to kill has come")
        doomed.kill()
        await asyncio.wait([waiting])
        return waiting.exception() is not None


@pytest.mark.parametrize("moment", ["claimed", "signaled"])
async def test_an_approval_whose_app_is_killed_before_it_is_decided(
    temporal_server: Any, tmp_path: Path, moment: str
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        # Without a decision, an app answers 202 after a while; on a loaded machine perhaps before it is killed.
        candidates = [await stack.planned(PLAN) for _ in range(3)]
        await stack.stop_worker()
        for project_id in candidates:
            key = new_id("key")

            async def reached(project_id: str = project_id) -> bool:
                return moment == "claimed" or "approve" in await signals_of(stack, project_id)

            if await killed_while_approving(stack, project_id, key, once=reached):
                break
        else:
            raise AssertionError("answered before it could be killed")
        refused = await send(stack.http, f"/{project_id}/approve", key)
        assert check_error(refused)["code"] == "request_in_progress"
        await let_lease_lapse(stack, key)
        await stack.start_worker()
        answer = await send(stack.http, f"/{project_id}/approve", key)
        assert (answer.status_code, answer.json()["status"], is_replay(answer)) == (200, "running", False)
        assert same(answer, await send(stack.http, f"/{project_id}/approve", key))
        assert await count_decisions(stack, project_id, "approve") == 1
        types = [event["type"] for event in await stack.events(project_id)]
        assert types.count("run.started") == 1
        await stack.call("POST", f"/{project_id}/cancel")


async def signals_of(stack: Stack, project_id: str) -> list[str]:
    """The names of the signals that a project's workflow has received."""
    history = await stack.temporal.get_workflow_handle(project_id).fetch_history()
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


async def test_a_planning_whose_app_is_killed_after_it_was_decided(patient: Stack, key: str) -> None:
    project_id = await patient.create(PLAN)
    path, body = f"/{project_id}/generate-plan", TAKE_YOUR_TIME
    async with app_process(patient.settings) as doomed:
        waiting = asyncio.create_task(send(doomed.http, path, key, json=body, headers={"Prefer": "wait=60"}))

        async def decided() -> bool:
            return (await patient.project(project_id))["stage"] == "planning"

        await eventually(decided, what="the planning has begun")
        doomed.kill()
        with contextlib.suppress(httpx.TransportError):
            await waiting
            raise AssertionError("answered before the plan was there")
    await let_lease_lapse(patient, key)
    answer = await send(patient.http, path, key, json=body, headers={"Prefer": "wait=0"})
    assert (answer.status_code, answer.json()["stage"]) == (202, "planning")
    assert answer.json()["request_id"] == (await row_of(patient, key)).request_id
    assert await count_decisions(patient, project_id, "generate") == 1
    types = [event["type"] for event in await patient.events(project_id)]
    assert types.count("plan.generating") == 1
    await patient.call("POST", f"/{project_id}/cancel")


async def test_answers_outlive_the_process_that_gave_them(signoff: Stack, key: str) -> None:
    async with app_process(signoff.settings) as process:
        first = await send(process.http, "", key, json={"name": key})
        assert first.status_code == 201
        process.kill()
    async with app_process(signoff.settings) as process:
        assert same(first, await send(process.http, "", key, json={"name": key}))


async def test_unavailable_is_no_answer_that_stays(signoff: Stack, key: str) -> None:
    project_id = await signoff.planned(PLAN)
    away = signoff.settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})
    async with app_process(away) as cut_off:
        for _ in range(2):
            answer = await send(cut_off.http, f"/{project_id}/approve", key)
            assert (answer.status_code, check_error(answer)["code"]) == (503, "temporal_unavailable")
            assert not is_replay(answer)
    before = await row_of(signoff, key)
    answer = await send(signoff.http, f"/{project_id}/approve", key)
    assert (answer.status_code, is_replay(answer)) == (200, False)
    assert (await row_of(signoff, key)).request_id == before.request_id
    await signoff.call("POST", f"/{project_id}/cancel")
