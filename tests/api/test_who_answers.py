"""Who may answer what waits for a person, and who counts as another person."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.answers import check_error
from tests.api.test_roles import bearer, key_for
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PASSWORD = "correct horse battery"
WAITS = """
- [ ] Look {#look}
- [ ] Migrate: `true` {#move}
- Ship? {#ship decision=yes,no}
- Break: `false` {#break after_failure=ask}
"""
TWO = "- Right? {#first decision=yes,no}\n- Right, for another? {#second decision=yes,no other_than=first}\n"
ROLES = ("viewer", "author", "approver", "operator")
# Who may do what with which task.
MAY = {
    ("look", "complete"): {"approver", "operator"},
    ("look", "fail"): {"approver", "operator"},
    ("look", "skip"): {"operator"},
    ("move", "retry"): {"approver"},
    ("move", "skip"): {"approver"},
    ("ship", "skip"): {"approver"},
    ("break", "retry"): {"operator"},
    ("break", "skip"): {"operator"},
}


async def decision_of(stack: Stack, project_id: str, task: str) -> str:
    task_id = (await stack.call("GET", f"/{project_id}/tasks/{task}"))["id"]
    listed = await stack.call("GET", f"/{project_id}/decisions?status=open")
    return next(item["id"] for item in listed["decisions"] if item["task_id"] == task_id)


@pytest.fixture(scope="module")
async def waiting(signoff: Stack) -> AsyncIterator[str]:
    project_id = await signoff.started(WAITS)
    for task in ("look", "move", "ship", "break"):
        await signoff.task_in(project_id, task, "waiting")
    yield project_id
    await signoff.call("POST", f"/{project_id}/cancel", headers={"Prefer": "wait=60"})


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_answers_only_what_is_up_to_it(signoff: Stack, waiting: str, role: str) -> None:
    key = bearer((await key_for(signoff, f"answers as {role}", {"role": role}))["key"])
    base = f"/api/projects/{waiting}"

    wrong = []
    for (task, action), roles in MAY.items():
        if role in roles:
            continue
        answer = await signoff.http.post(f"{base}/tasks/{task}/{action}", json={"comment": "x"}, headers=key)
        if answer.status_code != 403 or answer.json()["code"] != "role_needed":
            wrong.append(f"{role} may {action} {task}")
    for task, needed in (("ship", "approver"), ("break", "operator")):
        if role == needed:
            continue
        decision_id = await decision_of(signoff, waiting, task)
        options = "yes" if task == "ship" else "retry"
        answer = await signoff.http.post(f"{base}/decisions/{decision_id}", json={"answer": options}, headers=key)
        if answer.status_code != 403 or needed not in answer.json()["context"]["needs"]:
            wrong.append(f"{role} may answer {task}: {answer.status_code}")
    assert wrong == []
    tasks = (await signoff.call("GET", f"/{waiting}"))["tasks"]
    assert {task["status"] for task in tasks} == {"waiting"}


@pytest.mark.parametrize(("task", "action"), list(MAY), ids=[" ".join(each) for each in MAY])
async def test_whoever_it_is_up_to_may_do_it(signoff: Stack, task: str, action: str) -> None:
    keys = {
        role: bearer((await key_for(signoff, f"{role} for {task} {action}", {"role": role}))["key"])
        for role in MAY[task, action]
    }
    for role, headers in keys.items():
        project_id = await signoff.started(WAITS)
        await signoff.task_in(project_id, task, "waiting")
        answer = await signoff.http.post(
            f"/api/projects/{project_id}/tasks/{task}/{action}", json={"comment": "done"}, headers=headers
        )
        assert answer.status_code in {200, 202}, f"{role}: {answer.text}"
        await signoff.call("POST", f"/{project_id}/cancel", headers={"Prefer": "wait=60"})


async def test_two_keys_are_two_people(signoff: Stack) -> None:
    one, other = [bearer((await key_for(signoff, name, {"role": "approver"}))["key"]) for name in ("One", "Other")]
    project_id = await signoff.started(TWO)
    for task in ("first", "second"):
        await signoff.task_in(project_id, task, "waiting")

    async def answer(task: str, headers: dict[str, str]) -> httpx.Response:
        path = f"/api/projects/{project_id}/decisions/{await decision_of(signoff, project_id, task)}"
        return await signoff.http.post(path, json={"answer": "yes"}, headers=headers)

    assert (await answer("first", one)).status_code == 200
    refused = await answer("second", one)
    assert (refused.status_code, check_error(refused)["code"]) == (409, "same_person")
    assert (await answer("second", other)).status_code == 200
    await signoff.finished(project_id)


async def test_a_person_with_a_new_name_is_still_the_same(signoff: Stack) -> None:
    people = []
    for name in ("Kay", "Jo"):
        body = {"name": name, "roles": [{"role": "approver"}], "password": PASSWORD}
        people.append((await signoff.http.post("/api/people", json=body)).json())
    project_id = await signoff.started(TWO)
    for task in ("first", "second"):
        await signoff.task_in(project_id, task, "waiting")

    async def answer(task: str, name: str) -> httpx.Response:
        path = f"/api/projects/{project_id}/decisions/{await decision_of(signoff, project_id, task)}"
        async with httpx.AsyncClient(base_url=signoff.url, timeout=90) as browser:
            (await browser.post("/api/session", json={"name": name, "password": PASSWORD})).raise_for_status()
            return await browser.post(path, json={"answer": "yes"})

    assert (await answer("first", "Kay")).status_code == 200
    (await signoff.http.put(f"/api/people/{people[0]['id']}", json={"name": "Kay Married"})).raise_for_status()
    refused = await answer("second", "Kay Married")
    assert (refused.status_code, check_error(refused)["code"]) == (409, "same_person")
    assert (await answer("second", "Jo")).status_code == 200
    await signoff.finished(project_id)
