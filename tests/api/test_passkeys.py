"""Passkeys over HTTP: who may add one, what a device must sign, and every way in which that can be wrong."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.domain.commands import CommandRecord
from app.domain.frozen import Frozen
from app.domain.passkeys import is_signed_with_passkey, objection_to_frozen
from app.storage import decisions, plans
from app.storage.people_tables import passkey_challenges
from tests.api.answers import check_error
from tests.api.device import PRESENT, Device
from tests.api.test_roles import OUTLINE, locked  # noqa: F401 - a fixture
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- [ ] Look {#look}"
PASSWORD = "correct horse battery"
_numbers = itertools.count()


class Approver:
    """A person with a browser at http://localhost, and a device."""

    def __init__(self, stack: Stack, browser: httpx.AsyncClient, origin: str) -> None:
        self.stack, self.browser, self.device = stack, browser, Device(origin)
        # What the plan that was asked about last has frozen.
        self.frozen: dict[str, str] = {}

    async def add(self, password: str = PASSWORD) -> httpx.Response:
        asked = await self.browser.post("/api/me/passkeys/challenge", json={"password": password})
        if not asked.is_success:
            return asked
        return await self.browser.post(
            "/api/me/passkeys", json={"name": "Laptop", **self.device.register(asked.json())}
        )

    async def asked(self, project_id: str, **values: Any) -> dict[str, Any]:
        plan = (await self.browser.get(f"/api/projects/{project_id}/plan")).json()
        self.frozen = {"frozen_digest": plan["frozen"]["digest"]} if plan["frozen"] else {}
        body = {"plan_version": plan["version"], "plan_digest": plan["digest"], **self.frozen, **values}
        answer = await self.browser.post(f"/api/projects/{project_id}/passkey-challenge", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def approve(self, project_id: str, signed: dict[str, str], **values: Any) -> httpx.Response:
        return await self.browser.post(
            f"/api/projects/{project_id}/approve", json={"passkey": signed, **self.frozen, **values}
        )


async def approver_of(stack: Stack) -> Approver:
    name = f"Approver {next(_numbers)}"
    body = {"name": name, "roles": [{"role": "approver"}, {"role": "author"}], "password": PASSWORD}
    assert (await stack.http.post("/api/people", json=body)).status_code == 201
    origin = f"http://localhost:{stack.settings.port}"
    headers = {"Host": origin.removeprefix("http://"), "Origin": origin}
    browser = httpx.AsyncClient(base_url=stack.url, headers=headers, timeout=90)
    assert (await browser.post("/api/session", json={"name": name, "password": PASSWORD})).status_code == 200
    return Approver(stack, browser, origin)


@pytest.fixture
async def dana(locked: Stack) -> AsyncIterator[Approver]:  # noqa: F811
    found = await approver_of(locked)
    yield found
    await found.browser.aclose()


@pytest.fixture
async def ready(signoff: Stack) -> AsyncIterator[tuple[Approver, str]]:
    """An approver with a passkey, and a plan to sign."""
    found = await approver_of(signoff)
    assert (await found.add()).status_code == 201
    yield found, await signoff.planned(PLAN)
    await found.browser.aclose()


async def decision_of(stack: Stack, project_id: str) -> CommandRecord:
    found = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    return next(decision for decision in found if decision.kind == "approve")


async def test_a_device_signs_an_approval_and_the_record_keeps_it(ready: tuple[Approver, str]) -> None:
    dana, project_id = ready
    answer = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    assert answer.status_code == 200, answer.text
    kept = (await decision_of(dana.stack, project_id)).payload["passkey"]
    assert (kept["rp_id"], kept["origin"]) == ("localhost", dana.device.origin)
    listed = (await dana.browser.get("/api/me/passkeys")).json()["passkeys"]
    assert [(each["name"], each["rp_id"], each["last_used_at"] is None) for each in listed] == [
        ("Laptop", "localhost", False)
    ]
    # A device whose count of signatures falls is a copy of the first one.
    other = await dana.stack.planned(PLAN)
    dana.device.count = 0
    answer = await dana.approve(other, dana.device.sign(await dana.asked(other)))
    assert (answer.status_code, check_error(answer)["code"]) == (422, "passkey_invalid")


async def test_the_password_is_needed_to_add_a_device(dana: Approver) -> None:
    answer = await dana.add("not the password")
    assert (answer.status_code, check_error(answer)["code"]) == (422, "wrong_password")
    assert (await dana.add()).status_code == 201
    again = await dana.add()
    assert (again.status_code, again.json()["code"]) == (409, "passkey_known")
    (row,) = (await dana.browser.get("/api/me/passkeys")).json()["passkeys"]
    assert (await dana.browser.delete(f"/api/me/passkeys/{row['id']}")).status_code == 200
    assert (await dana.browser.delete(f"/api/me/passkeys/{row['id']}")).json()["code"] == "passkey_not_found"


async def test_only_people_have_passkeys_and_only_where_browsers_offer_them(
    dana: Approver,
    locked: Stack,  # noqa: F811
) -> None:
    answer = await locked.http.post("/api/me/passkeys/challenge", json={"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_person")
    assert (await locked.http.get("/api/me/passkeys")).json() == {"passkeys": [], "needs_password": False}
    headers = {"Host": f"127.0.0.1:{locked.settings.port}", "Origin": locked.url}
    answer = await dana.browser.post("/api/me/passkeys/challenge", json={"password": PASSWORD}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "passkey_needs_name")
    project_id = await locked.create(OUTLINE)
    body = {"plan_version": 1, "plan_digest": "0" * 64}
    answer = await dana.browser.post(f"/api/projects/{project_id}/passkey-challenge", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_passkey")


def without_verification(device: Device) -> None:
    device.flags = PRESENT


def nobody_there(device: Device) -> None:
    device.flags = 0


def other_origin(device: Device) -> None:
    device.origin = "http://localhost:1"


def other_server(device: Device) -> None:
    device.rp_id = "example.com"


def in_a_frame(device: Device) -> None:
    device.extra = {"crossOrigin": True}


WRONG: list[Callable[[Device], None]] = [without_verification, nobody_there, other_origin, other_server, in_a_frame]


@pytest.mark.parametrize("change", WRONG)
async def test_a_device_that_signs_something_else_approves_nothing(
    ready: tuple[Approver, str], change: Callable[[Device], None]
) -> None:
    dana, project_id = ready
    asked = await dana.asked(project_id)
    change(dana.device)
    answer = await dana.approve(project_id, dana.device.sign(asked))
    assert (answer.status_code, check_error(answer)["code"]) == (422, "passkey_invalid")
    assert (await dana.stack.project(project_id))["status"] == "pending"


async def test_a_challenge_is_for_one_plan_one_project_one_person_and_one_use(ready: tuple[Approver, str]) -> None:
    dana, project_id = ready
    other = await dana.stack.planned(PLAN)
    signed = dana.device.sign(await dana.asked(other))
    answer = await dana.approve(project_id, signed)
    assert (answer.status_code, check_error(answer)["code"]) == (409, "challenge_ended")
    # A challenge for another digest does not fit the plan that is there.
    signed = dana.device.sign(await dana.asked(project_id, plan_digest="0" * 64))
    answer = await dana.approve(project_id, signed)
    assert (answer.status_code, check_error(answer)["code"]) == (409, "plan_superseded")
    again = await dana.approve(project_id, signed)
    assert (again.status_code, check_error(again)["code"]) == (409, "challenge_ended")
    signed = dana.device.sign(await dana.asked(project_id))
    answer = await dana.approve(project_id, signed, plan_digest="1" * 64)
    assert (answer.status_code, check_error(answer)["code"]) == (422, "passkey_invalid")
    answer = await dana.approve(project_id, signed, phase_id="x")
    assert (answer.status_code, check_error(answer)["code"]) == (422, "passkey_invalid")
    robin = await approver_of(dana.stack)
    answer = await robin.approve(project_id, signed)
    assert (answer.status_code, check_error(answer)["code"]) == (409, "challenge_ended")
    await robin.browser.aclose()
    past = update(passkey_challenges).values(expires_at="2020-01-01T00:00:00.000Z")
    await dana.stack.database.transact(lambda conn: conn.execute(past).rowcount)
    answer = await dana.approve(project_id, signed)
    assert (answer.status_code, check_error(answer)["code"]) == (409, "challenge_ended")
    assert (await dana.stack.project(project_id))["status"] == "pending"


async def test_a_repeat_of_the_request_needs_no_new_signature(ready: tuple[Approver, str]) -> None:
    dana, project_id = ready
    signed = dana.device.sign(await dana.asked(project_id))
    headers = {"Idempotency-Key": "once"}
    path, body = f"/api/projects/{project_id}/approve", {"passkey": signed, **dana.frozen}
    first = await dana.browser.post(path, json=body, headers=headers)
    second = await dana.browser.post(path, json=body, headers=headers)
    assert first.status_code == 200, first.text
    assert second.status_code == first.status_code, second.text


async def test_a_decision_with_a_valid_signature_meets_a_policy_that_demands_one(signoff: Stack) -> None:
    person = await approver_of(signoff)
    assert (await person.add()).status_code == 201
    plain, signed = await signoff.planned(PLAN), await signoff.planned(PLAN)
    answer = await person.browser.post(f"/api/projects/{plain}/approve", json={})
    assert answer.status_code == 200, answer.text
    answer = await person.approve(signed, person.device.sign(await person.asked(signed)))
    assert answer.status_code == 200, answer.text
    without, found = await decision_of(signoff, plain), await decision_of(signoff, signed)
    assert (is_signed_with_passkey(without), is_signed_with_passkey(found)) == (False, True)
    for change in ({"plan_digest": "0" * 64}, {"plan_version": 2}, {"project_id": plain}, {"outcome": "refused"}):
        assert not is_signed_with_passkey(found.model_copy(update=change)), change
    assert (await signoff.call("POST", f"/{signed}/audit"))["trail"]["intact"]
    await person.browser.aclose()


async def test_a_device_signs_what_an_approval_freezes(signoff: Stack) -> None:
    dana = await approver_of(signoff)
    assert (await dana.add()).status_code == 201
    project_id = await signoff.create("")
    upload = f"/{project_id}/files/upload"
    await signoff.call("POST", upload, files={"file": ("a.sh", b"true\n")})
    await signoff.call("PUT", f"/{project_id}", json={"description": "- Run: `sh a.sh`"})
    await signoff.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
    asked = await dana.asked(project_id)
    assert dana.frozen
    without = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id, frozen_digest=None)))
    assert (without.status_code, without.json()["code"]) == (422, "passkey_invalid")
    other = await dana.approve(project_id, dana.device.sign(asked), frozen_digest="0" * 64)
    assert (other.status_code, other.json()["code"]) == (422, "passkey_invalid")
    unsigned = await dana.asked(project_id, frozen_digest=None)
    left_out = await dana.approve(project_id, dana.device.sign(unsigned), frozen_digest=None)
    assert (left_out.status_code, left_out.json()["code"]) == (409, "surroundings_changed")
    assert "has signed the plan, but not the files" in left_out.json()["message"]
    approved = await dana.approve(project_id, dana.device.sign(await dana.asked(project_id)))
    assert approved.status_code == 200, approved.text
    await signoff.finished(project_id)
    found = await signoff.database.read(lambda conn: decisions.all_of(conn, project_id))
    decision = next(one for one in found if one.kind == "approve" and one.outcome == "accepted")
    assert decision.payload["passkey"]["frozen_digest"] == dana.frozen["frozen_digest"]
    assert is_signed_with_passkey(decision)
    assert (await signoff.call("POST", f"/{project_id}/audit"))["trail"]["intact"]
    forged = {**decision.payload["passkey"], "frozen_digest": "0" * 64}
    altered = decision.model_copy(update={"payload": {**decision.payload, "passkey": forged}})
    assert not is_signed_with_passkey(altered)
    plan = await signoff.database.read(lambda conn: plans.get(conn, project_id, 1))
    frozen = Frozen.model_validate(plan.frozen)
    assert objection_to_frozen(decision, frozen) is None
    changed = {**decision.payload, "passkey": {**forged}}
    assert objection_to_frozen(decision.model_copy(update={"payload": changed}), frozen) is not None
    await dana.browser.aclose()
