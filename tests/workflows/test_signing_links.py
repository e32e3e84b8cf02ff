"""A link lets one person sign one thing: without an account, once, in time, and with the name of whoever made it on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from app.storage import decisions
from app.storage.people_tables import signing_links
from tests.conftest import Stack, running_stack
from tests.signers import SERVER_KEY, Signer, people_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

POLICIES = [
    {"name": "Two of us", "match": {"labels": ["two"]}, "approvals": 2},
    {"name": "Not the author", "match": {"labels": ["eyes"]}, "four_eyes": True},
]
ROLES = {"dana": ["author", "approver"], "kim": ["approver"], "max": ["viewer", "author"]}
PLAN = "## Prepare\n- Do it: `true` {#do}\n\n## Ship {approval=yes}\n- Ship: `true` {#ship}"


@pytest.fixture(scope="module")
async def stack(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    policies = Policies.model_validate({"policy": POLICIES})
    folder = tmp_path_factory.mktemp("links")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running


@pytest.fixture(scope="module")
async def people(stack: Stack) -> AsyncIterator[dict[str, Signer]]:
    async with people_of(stack, **ROLES) as found:
        yield found


class Guest:
    """Somebody with a link and no account."""

    def __init__(self, stack: Stack, link: dict[str, Any]) -> None:
        address, _, text = link["url"].partition("#")
        assert address == f"{stack.url}/sign"
        self.http = httpx.AsyncClient(base_url=stack.url, timeout=90, headers={"Authorization": f"Bearer {text}"})

    async def read(self) -> dict[str, Any]:
        answer = await self.http.get("/api/signing")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign(self, digest: str | None = None, **fields: Any) -> httpx.Response:
        if digest is None:
            plan = (await self.read())["plan"]
            digest, frozen = plan["digest"], plan["frozen"]
            fields = {**({"frozen_digest": frozen["digest"]} if frozen else {}), **fields}
        return await self.http.post("/api/signing/approve", json={"plan_digest": digest, **fields})


async def made(maker: Signer, project_id: str, **fields: Any) -> dict[str, Any]:
    return await maker.call("POST", f"/{project_id}/signing-links", status=201, json=fields)


async def test_a_guest_reads_and_signs_once(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN, name="Signed by a guest", by_workflow=True)
    link = await made(kim, project_id, name="Pat", email="pat@example.com")
    guest = Guest(stack, link)
    asked = await guest.read()
    assert (asked["link"]["person"], asked["link"]["created_by"], asked["closed"]) == ("Pat", "kim", None)
    assert asked["plan"]["phases"][0]["tasks"][0]["title"] == "Do it"
    # The name of the author is shown, but not their address and session.
    assert (asked["plan"]["created_by"], asked["plan"]["creator"]) == ("dana", None)
    assert asked["audit"]["results"]["summary"] is not None
    signed = await guest.sign(comment="I have read it.")
    assert (signed.status_code, signed.json()["opens"]) == (200, True), signed.text
    (listed,) = (await kim.call("GET", f"/{project_id}/signing-links"))["links"]
    assert (listed["status"], "url" in listed) == ("used", False)
    approved = next(event for event in await stack.events(project_id) if event["type"] == "plan.approved")
    told = {name: approved[name] for name in ("actor", "actor_id", "via")}
    assert told == {"actor": "Pat", "actor_id": link["person_id"], "via": "link"}
    stored = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    assert stored[-1].payload["link"] == {"id": link["id"], "made_by": "kim", "made_by_id": kim.id}
    audit = await stack.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]
    again = await guest.sign(asked["plan"]["digest"])
    assert (again.status_code, again.json()["code"]) == (409, "link_used")
    closed = await guest.read()
    assert (closed["plan"], closed["project_name"]) == (None, None)
    assert "already used" in closed["closed"]


async def test_a_link_of_a_phase_opens_its_gate(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN)
    await dana.call("POST", f"/{project_id}/approve")
    await stack.until(project_id, lambda project: bool(project["gates"]))
    link = await made(kim, project_id, person="dana")
    guest = Guest(stack, link)
    asked = await guest.read()
    assert (asked["phase_name"], asked["link"]["person"]) == ("Ship", "dana")
    signed = await guest.sign(asked["plan"]["digest"])
    assert signed.status_code == 200, signed.text
    assert (await stack.finished(project_id))["status"] == "completed"


async def test_a_link_does_nothing_else(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned(PLAN)
    guest = Guest(stack, await made(people["kim"], project_id, name="Does nothing else"))
    for method, path in (
        ("GET", "/api/projects"),
        ("GET", f"/api/projects/{project_id}"),
        ("POST", f"/api/projects/{project_id}/approve"),
        ("POST", f"/api/projects/{project_id}/signing-links"),
        ("GET", "/api/me"),
        ("GET", "/api/sessions"),
        ("GET", "/api/events"),
    ):
        answer = await guest.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "link_only"), path
    refused = await people["kim"].http.get("/api/signing")
    assert (refused.status_code, refused.json()["code"]) == (403, "link_needed")


async def test_only_somebody_who_may_approve_makes_a_link(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned(PLAN)
    answer = await people["max"].call("POST", f"/{project_id}/signing-links", status=403, json={"name": "Me too"})
    assert answer["code"] == "role_needed"


@pytest.mark.parametrize("end", ["revoked", "expired", "changed", "maker"])
async def test_a_link_that_has_ended_is_refused_with_the_reason(
    stack: Stack, people: dict[str, Signer], end: str
) -> None:
    dana = people["dana"]
    project_id = await dana.planned(PLAN)
    maker = people["kim"]
    async with people_of(stack, **{f"leaves {end}": ["approver"]}) as others:
        if end == "maker":
            (maker,) = others.values()
        link = await made(maker, project_id, name=f"Guest {end}")
        guest = Guest(stack, link)
        digest = (await guest.read())["plan"]["digest"]
        match end:
            case "revoked":
                await maker.call("DELETE", f"/{project_id}/signing-links/{link['id']}")
            case "expired":
                past = (
                    update(signing_links)
                    .where(signing_links.c.id == link["id"])
                    .values(expires_at="2026-01-01T00:00:00.000Z")
                )
                await stack.database.transact(lambda conn: conn.execute(past))
            case "changed":
                body = {"edits": [{"op": "update_task", "task": "do", "title": "Do something else"}]}
                await dana.call("POST", f"/{project_id}/refine-plan", json=body)
            case _:
                (
                    await stack.http.put(f"/api/people/{maker.id}", json={"roles": [{"role": "viewer"}]})
                ).raise_for_status()
        refused = await guest.sign(digest)
        code = {"expired": "link_expired", "changed": "plan_superseded"}.get(end, "link_revoked")
        assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text
        closed = await guest.read()
        assert closed["plan"] is None
        assert closed["closed"]


async def test_whoever_makes_a_link_counts_once_with_its_person(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN, labels=["two"])
    first = Guest(stack, await made(kim, project_id, name="First of two"))
    assert (await first.sign()).json()["opens"] is False
    refused = await kim.call("POST", f"/{project_id}/approve", status=403)
    assert refused["code"] == "not_a_signer"
    second = Guest(stack, await made(kim, project_id, name="Second of two"))
    gate = (await second.read())["gate"]
    assert (gate["may_approve"], "counts once" in gate["why_not"]) == (False, True)
    assert (await second.sign()).json()["code"] == "not_a_signer"
    approved = await dana.call("POST", f"/{project_id}/approve")
    assert approved["approvals"]["opens"] is True


async def test_an_author_cannot_sign_by_a_link_of_their_own(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN, labels=["eyes"])
    refused = await Guest(stack, await made(dana, project_id, name="A friend of Dana")).sign()
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert (await Guest(stack, await made(kim, project_id, name="A friend of Kim")).sign()).status_code == 200


async def test_a_link_that_nobody_made_is_refused(stack: Stack) -> None:
    text = "signoff_link_" + "x" * 43
    answer = await stack.http.get("/api/signing", headers={"Authorization": f"Bearer {text}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "link_not_valid")


async def test_a_repeat_gets_the_same_link_and_nobody_is_named_twice(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned(PLAN)
    once = {"Idempotency-Key": "link"}
    path = f"/{project_id}/signing-links"
    first, again = [
        await people["kim"].call("POST", path, status=201, json={"name": "Repeated"}, headers=once) for _ in range(2)
    ]
    assert first == again
    for body in ({}, {"person": "dana", "name": "Dana"}, {"person": "dana", "email": "d@example.com"}):
        assert (await people["kim"].http.post(f"/api/projects{path}", json=body)).status_code == 422
    twice = await people["kim"].call("POST", path, status=409, json={"name": "repeated"})
    assert (twice["code"], twice["context"]["person"]) == ("name_taken", first["person_id"])
    await people["kim"].call("POST", path, status=201, json={"person": first["person_id"]})
    unknown = await people["kim"].call("POST", path, status=404, json={"person": "nobody at all"})
    assert unknown["code"] == "person_not_found"
