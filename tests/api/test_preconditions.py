"""ETag and If-Match: a change or an approval applies only to the version that its sender has read."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.api.controllers import projects as projects_api
from app.domain.commands import CommandRequest
from app.temporal.commands import Commands
from tests.api.answers import check_error, refused
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- [ ] Look {#look}"


async def put(stack: Stack, project_id: str, tag: str | list[str] | None, **fields: Any) -> httpx.Response:
    tags = [tag] if isinstance(tag, str) else tag or []
    headers = [("If-Match", value) for value in tags]
    return await stack.http.put(f"/api/projects/{project_id}", json=fields, headers=headers)


async def tag_of(stack: Stack, project_id: str) -> str:
    return (await stack.http.get(f"/api/projects/{project_id}")).headers["etag"]


async def test_the_tag_counts_what_clients_change(signoff: Stack) -> None:
    created = await signoff.http.post("/api/projects", json={"description": PLAN})
    project_id = created.json()["id"]
    assert created.headers["etag"] == await tag_of(signoff, project_id) == '"r1"'
    changed = await put(signoff, project_id, None, name="Two", description=f"{PLAN}\n")
    assert changed.headers["etag"] == await tag_of(signoff, project_id) == '"r2"'
    await put(signoff, project_id, None, name="Two")
    assert await tag_of(signoff, project_id) == '"r2"', "nothing was changed"


async def test_the_tag_stays_while_the_project_goes_on(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    assert await tag_of(signoff, project_id) == '"r1"'
    await signoff.call("POST", f"/{project_id}/cancel")
    assert await tag_of(signoff, project_id) == '"r1"'
    await put(signoff, project_id, '"r1"', strategy="careful")
    assert await tag_of(signoff, project_id) == '"r2"'


@pytest.mark.parametrize(
    "matching", ['"r2"', "*", '"r1", "r2"', '"r1","r2" , "x"', ', "r2",', ["*"], ['"r1"', '"r2"'], 'W/"r2", "r2"']
)
async def test_what_was_read_may_be_changed(signoff: Stack, matching: str | list[str]) -> None:
    project_id = await signoff.create()
    await put(signoff, project_id, None, name="Two")
    answer = await put(signoff, project_id, matching, name="Three")
    assert (answer.status_code, answer.json()["name"], answer.headers["etag"]) == (200, "Three", '"r3"')


@pytest.mark.parametrize("stale", ['"r1"', 'W/"r2"', '"r3"', '"2"', '""', '"r1", "r3"', '"*"', '"R2"'])
async def test_what_was_changed_since_is_not_changed_again(signoff: Stack, stale: str) -> None:
    project_id = await signoff.create()
    await put(signoff, project_id, None, name="Two")
    # Also for a change to the current value: its sender assumes a different one.
    for fields in ({"name": "Three"}, {"name": "Two"}, {"created_by": "somebody"}):
        answer = await put(signoff, project_id, stale, **fields)
        assert answer.status_code == 412
        body = check_error(answer)
        assert (body["code"], body["context"]) == ("precondition_failed", {"etag": '"r2"'})
    assert (await signoff.project(project_id))["name"] == "Two"


@pytest.mark.parametrize("odd", ["r1", "", '"r1', '"r1" "r2"', '"r1", *', 'w/"r1"', '"a"b"', ",", "*, *"])
async def test_an_if_match_that_cannot_be_read_is_refused(signoff: Stack, odd: str) -> None:
    project_id = await signoff.planned(PLAN)
    for method, path in (("PUT", f"/{project_id}"), ("POST", f"/{project_id}/approve")):
        await refused(signoff, method, path, 400, "bad_if_match", headers={"If-Match": odd}, json={})
    assert (await signoff.project(project_id))["status"] == "pending"


async def test_of_many_who_read_the_same_one_changes_it(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = await signoff.create()
    everybody, check = asyncio.Barrier(10), projects_api._check_read_only

    async def together(*given: Any) -> None:
        await everybody.wait()
        await check(*given)

    monkeypatch.setattr(projects_api, "_check_read_only", together)
    answers = await asyncio.gather(*(put(signoff, project_id, '"r1"', name=f"By {number}") for number in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    winner = next(answer for answer in answers if answer.status_code == 200)
    project = await signoff.project(project_id)
    assert (project["name"], await tag_of(signoff, project_id)) == (winner.json()["name"], '"r2"')


async def test_a_project_that_is_not_there_is_not_found(signoff: Stack) -> None:
    for method, path in (("PUT", "/proj_nope"), ("POST", "/proj_nope/approve")):
        await refused(signoff, method, path, 404, headers={"If-Match": "*"}, json={})


async def plan_tag(stack: Stack, project_id: str) -> str:
    answer = await stack.http.get(f"/api/projects/{project_id}/plan")
    assert answer.headers["etag"] == f'"{answer.json()["digest"]}"'
    return answer.headers["etag"]


async def approve(stack: Stack, project_id: str, tag: str, **body: Any) -> httpx.Response:
    return await stack.http.post(f"/api/projects/{project_id}/approve", json=body, headers={"If-Match": tag})


async def test_the_plan_that_was_read_is_approved(signoff: Stack) -> None:
    for form in ("{}", '"x", {}', "*"):
        project_id = await signoff.planned(PLAN)
        tag = await plan_tag(signoff, project_id)
        answer = await approve(signoff, project_id, form.format(tag))
        assert (answer.status_code, answer.json()["status"]) == (200, "running")
        await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_plan_that_was_changed_since_is_not_approved(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    read = await plan_tag(signoff, project_id)
    await put(signoff, project_id, None, strategy="careful")
    current = await plan_tag(signoff, project_id)
    for stale in (read, f"W/{current}", '"r2"'):
        answer = await approve(signoff, project_id, stale)
        assert answer.status_code == 412
        assert check_error(answer)["context"] == {"etag": current}
    # The version that the body names also applies.
    answer = await approve(signoff, project_id, current, plan_digest=read.strip('"'))
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_superseded")
    project = await signoff.project(project_id)
    assert (project["status"], project["run"]) == ("pending", None)


async def test_where_there_is_no_plan_no_tag_matches(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)
    answer = await approve(signoff, project_id, '"x"')
    assert (answer.status_code, check_error(answer)["context"]) == (412, {"etag": None})
    answer = await approve(signoff, project_id, "*")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "no_plan")


async def test_a_phase_gate_is_held_to_its_plan(signoff: Stack) -> None:
    project_id = await signoff.started("## One\n\n- A: `true`\n\n## Two\n\n- [ ] B {#b}", auto_approve_phases=False)
    await signoff.at_gate(project_id)
    answer = await approve(signoff, project_id, '"old"')
    assert answer.status_code == 412
    answer = await approve(signoff, project_id, await plan_tag(signoff, project_id))
    assert answer.status_code == 200
    await signoff.task_in(project_id, "b", "waiting")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_phase_gate_is_not_opened_for_a_plan_that_changes_meanwhile(
    signoff: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await signoff.started("## One\n\n- A: `true`\n\n## Two\n\n- [ ] B {#b}", auto_approve_phases=False)
    await signoff.at_gate(project_id)
    tag = await plan_tag(signoff, project_id)
    submit = Commands.submit

    async def after_an_edit(commands: Commands, command: CommandRequest, seconds: float = 0.0) -> Any:
        if command.kind == "approve":
            await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "C", "key": "c"})
        return await submit(commands, command, seconds)

    monkeypatch.setattr(Commands, "submit", after_an_edit)
    answer = await approve(signoff, project_id, tag)
    assert (answer.status_code, check_error(answer)["code"]) == (409, "plan_superseded")
    assert (await signoff.project(project_id))["stage"] == "awaiting_approval"
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_of_an_approval_and_a_change_at_once_none_starts_what_was_not_read(signoff: Stack) -> None:
    for _ in range(8):
        project_id = await signoff.planned(PLAN)
        tag = await plan_tag(signoff, project_id)
        approval, change = await asyncio.gather(
            approve(signoff, project_id, tag), put(signoff, project_id, None, strategy="careful")
        )
        outcome = (approval.status_code, change.status_code)
        assert outcome in {(200, 409), (412, 200), (409, 200)}, (approval.text, change.text)
        project = await signoff.project(project_id)
        if outcome[0] == 200:
            assert (project["plan"]["digest"], project["strategy"]) == (tag.strip('"'), "performance")
            await signoff.call("POST", f"/{project_id}/cancel")
        else:
            assert (project["status"], project["run"]) == ("pending", None)


async def test_a_plan_that_was_made_has_its_tag(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)
    answer = await signoff.http.post(f"/api/projects/{project_id}/generate-plan")
    assert answer.headers["etag"] == await plan_tag(signoff, project_id)


# Every way to edit a plan: the method, the path and the body.
EDITS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/tasks", {"title": "New"}),
    ("PUT", "/tasks/look", {"title": "See"}),
    ("PUT", "/tasks/look", {}),
    ("DELETE", "/tasks/look", {}),
    ("POST", "/phases", {"name": "Later"}),
    ("POST", "/refine-plan", {"edits": [{"op": "update_task", "task": "look", "title": "See"}]}),
]


async def edit(stack: Stack, project_id: str, tag: str, call: tuple[str, str, dict[str, Any]]) -> httpx.Response:
    method, path, body = call
    return await stack.http.request(
        method,
        f"/api/projects/{project_id}{path}",
        headers={"If-Match": tag},
        json=body or None if method != "PUT" else body,
    )


@pytest.mark.parametrize("call", EDITS)
async def test_an_edit_is_of_the_plan_that_was_read(signoff: Stack, call: tuple[str, str, dict[str, Any]]) -> None:
    project_id = await signoff.planned(f"{PLAN}\n- [ ] Other")
    read = await plan_tag(signoff, project_id)
    await put(signoff, project_id, None, strategy="careful")
    current = await plan_tag(signoff, project_id)
    for stale in (read, f"W/{current}", '"r1"'):
        answer = await edit(signoff, project_id, stale, call)
        assert answer.status_code == 412, answer.text
        body = check_error(answer)
        assert (body["code"], body["context"]) == ("precondition_failed", {"etag": current})
    odd = await edit(signoff, project_id, "r1", call)
    assert (odd.status_code, check_error(odd)["code"]) == (400, "bad_if_match")
    assert await plan_tag(signoff, project_id) == current
    answer = await edit(signoff, project_id, f'"x", {current}', call)
    assert answer.status_code in {200, 201}, answer.text
    assert (await plan_tag(signoff, project_id) == current) == (call[2] == {} and call[0] == "PUT")


@pytest.mark.parametrize("call", EDITS[:1] + EDITS[4:5])
async def test_an_edit_of_a_run_is_of_the_plan_that_was_read(
    signoff: Stack, call: tuple[str, str, dict[str, Any]]
) -> None:
    project_id = await signoff.started(PLAN)
    read = await plan_tag(signoff, project_id)
    answer = await edit(signoff, project_id, read, call)
    assert answer.status_code == 201, answer.text
    proposed = await plan_tag(signoff, project_id)
    assert proposed != read
    stale = await edit(signoff, project_id, read, call)
    assert (stale.status_code, check_error(stale)["context"]) == (412, {"etag": proposed})
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_an_edit_of_a_plan_that_changes_meanwhile_is_refused(
    signoff: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = await signoff.started(PLAN)
    tag, submit, second = await plan_tag(signoff, project_id), Commands.submit, True

    async def after_another(commands: Commands, command: CommandRequest, seconds: float = 0.0) -> Any:
        nonlocal second
        if second:
            second = False
            await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "C", "key": "c"})
        return await submit(commands, command, seconds)

    monkeypatch.setattr(Commands, "submit", after_another)
    answer = await edit(signoff, project_id, tag, ("POST", "/tasks", {"title": "D", "key": "d"}))
    assert (answer.status_code, check_error(answer)["code"]) == (409, "plan_superseded")
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_of_many_edits_of_the_same_plan_one_is_made(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    tag = await plan_tag(signoff, project_id)
    calls = [("POST", "/tasks", {"title": f"Task {number}"}) for number in range(6)]
    answers = await asyncio.gather(*(edit(signoff, project_id, tag, call) for call in calls))
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 5


async def test_a_first_task_needs_no_plan_that_was_read(signoff: Stack) -> None:
    project_id = await signoff.create(PLAN)
    answer = await edit(signoff, project_id, '"x"', EDITS[0])
    assert (answer.status_code, check_error(answer)["context"]) == (412, {"etag": None})
    assert (await edit(signoff, project_id, "*", EDITS[0])).status_code == 201
