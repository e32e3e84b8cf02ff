"""Links that the server sends itself: to people whom its settings name, and to those whom an author asks to sign."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from app.storage import decisions
from app.storage.notification_table import notifications as table
from app.storage.people_tables import signing_links
from app.temporal import notifying
from tests.conftest import Stack, eventually, running_stack
from tests.mailbox import Mailbox, receiving_mail
from tests.receiver import SECRET, receiving
from tests.signers import SERVER_KEY, Signer, people_of
from tests.workflows.test_signing_links import Guest

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Do it: `true` {#do}"
PHASES = "## Prepare\n- Do it: `true` {#do}\n\n## Ship {approval=yes}\n- Ship: `true` {#ship}"
POLICIES = [
    {"name": "Not the author", "match": {"labels": ["eyes"]}, "four_eyes": True},
    {"name": "Passkey", "match": {"labels": ["passkey"]}, "passkey": True, "gates": ["plan", "edit"]},
    {"name": "Two of us", "match": {"labels": ["two"]}, "approvals": 2},
]
PAT, LEE = {"name": "Pat", "email": "pat@example.com"}, {"name": "Lee", "email": "lee@example.com"}


@pytest.fixture(scope="module")
async def mailbox() -> AsyncIterator[Mailbox]:
    async with receiving_mail() as running:
        yield running


@pytest.fixture(scope="module")
async def stack(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> AsyncIterator[Stack]:
    url = f"{mailbox.url}&to=everybody@example.com&cc=others@example.com"
    entries: list[dict[str, Any]] = [
        {"name": "board", "url": url, "labels": ["board"], "events": ["waiting"], "sign_by_link": [PAT, LEE]},
        {"name": "asked", "url": url, "events": [], "links_on_request": True, "link_domains": ["guests.example"]},
    ]
    entries[0]["remind"] = "1d"
    folder = tmp_path_factory.mktemp("sent-links")
    policies = Policies.model_validate({"policy": POLICIES})
    monkeypatch = pytest.MonkeyPatch()
    # Tests move the time of reminders, which no event tells the app.
    monkeypatch.setattr(notifying, "LOOK_SECONDS", 0.2)
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies, notify=entries) as running:
        running.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        yield running
    monkeypatch.undo()


@pytest.fixture(scope="module")
async def people(stack: Stack) -> AsyncIterator[dict[str, Signer]]:
    async with people_of(stack, dana=["author"], kim=["approver"], rae=["approver"]) as found:
        for name in found:
            body = {"email": f"{name}@example.com"}
            (await stack.http.put(f"/api/people/{found[name].id}", json=body)).raise_for_status()
        yield found


async def mailed(stack: Stack, mailbox: Mailbox, project_id: str, count: int) -> dict[str, dict[str, str]]:
    """Wait for mails about a project. Return the last link that each reader got, in the form that `Guest` takes."""

    async def there() -> bool:
        return sum(project_id in text for text in mailbox.texts) >= count

    await eventually(there, what="mails have arrived")
    found: dict[str, dict[str, str]] = {}
    for readers, text in zip(mailbox.readers, mailbox.texts, strict=True):
        if project_id not in text:
            continue
        [reader] = readers
        link = re.search(r"http\S+/sign#signoff_link_\S+", text)
        found[reader] = {"url": link.group() if link is not None else ""}
    return found


async def link_facts(stack: Stack, project_id: str) -> dict[str, Any]:
    """What the record of the last decision says about its link."""
    stored = await stack.database.read(lambda conn: decisions.all_of(conn, project_id))
    link = stored[-1].payload.get("link")
    assert link is not None
    return dict(link)


async def ended(stack: Stack, project_id: str) -> list[dict[str, Any]]:
    async def all_ended() -> list[dict[str, Any]] | None:
        listed = (await stack.http.get("/api/notifications", params={"limit": 200})).json()["notifications"]
        rows = [row for row in listed if row["project_id"] == project_id]
        sent = [row for row in rows if row["due_at"] is None]
        return rows if sent and all(row["status"] != "pending" for row in sent) else None

    found = await eventually(all_ended, what="notifications have ended")
    assert found is not None
    return found


async def test_people_whom_the_settings_name_get_their_own_link_and_sign(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    project_id = await people["dana"].planned(PLAN, labels=["board", "two"])
    links = await mailed(stack, mailbox, project_id, 2)
    assert set(links) == {"pat@example.com", "lee@example.com"}
    pat, lee = Guest(stack, links["pat@example.com"]), Guest(stack, links["lee@example.com"])
    asked = await pat.read()
    vouching = (asked["link"]["person"], asked["link"]["created_by"], asked["link"]["delivered_to"])
    assert vouching == ("Pat", "the settings of this server", "pat@example.com")
    signed = await pat.sign()
    assert (signed.status_code, signed.json()["opens"]) == (200, False), signed.text
    assert (await pat.sign(asked["plan"]["digest"])).json()["code"] == "link_used"
    # Nobody has seen either link: the two are two.
    signed = await lee.sign()
    assert (signed.status_code, signed.json()["opens"]) == (200, True), signed.text
    facts = await link_facts(stack, project_id)
    assert {name: facts[name] for name in facts if name != "id"} == {
        "made_by": "the settings of this server",
        "made_by_id": "settings",
        "delivered_by": "board",
        "delivered_to": "lee@example.com",
    }
    await stack.finished(project_id)
    audit = await stack.call("POST", f"/{project_id}/audit")
    assert audit["trail"]["intact"]
    page = await stack.http.get(f"/api/projects/{project_id}/certificate", headers={"Accept": "text/html"})
    assert "the settings of this server" in page.text
    assert "lee@example.com" in page.text


async def test_the_text_of_a_link_is_in_no_history_no_row_no_answer_and_no_log(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    project_id = await people["dana"].planned(PLAN, labels=["board"])
    links = await mailed(stack, mailbox, project_id, 2)
    rows = await ended(stack, project_id)
    texts = [link["url"].partition("#")[2] for link in links.values()]
    assert all(len(text) > 40 for text in texts)
    histories = [
        (await stack.temporal.get_workflow_handle(row["id"]).fetch_history()).to_json()
        for row in rows
        if row["due_at"] is None
    ]
    listed = await people["kim"].call("GET", f"/{project_id}/signing-links")
    stored = await stack.database.read(lambda conn: [str(row) for row in conn.execute(table.select()).all()])
    links_stored = await stack.database.read(lambda conn: [str(row) for row in conn.execute(signing_links.select())])
    for text in texts:
        for place in (json.dumps(rows), *histories, json.dumps(listed), *stored, *links_stored, caplog.text):
            assert text not in place


async def test_the_link_of_a_reminder_replaces_the_former_one(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    project_id = await people["dana"].planned(PLAN, labels=["board"])
    first = await mailed(stack, mailbox, project_id, 2)
    await ended(stack, project_id)
    reminders = table.c.project_id == project_id, table.c.due_at.is_not(None), table.c.recipient == PAT["email"]
    due = update(table).where(*reminders).values(due_at="2026-01-01T00:00:00.000Z")
    await stack.database.transact(lambda conn: conn.execute(due))
    second = await mailed(stack, mailbox, project_id, 3)
    assert second["lee@example.com"] == first["lee@example.com"]
    former = await Guest(stack, first["pat@example.com"]).http.get("/api/signing")
    assert (former.status_code, former.json()["code"]) == (401, "link_not_valid")
    listed = (await people["kim"].call("GET", f"/{project_id}/signing-links"))["links"]
    assert sorted(link["person"] for link in listed) == ["Lee", "Pat"]
    assert (await Guest(stack, second["pat@example.com"]).sign()).status_code == 200


async def test_a_link_that_was_revoked_is_not_sent_again(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    project_id = await people["dana"].planned(PLAN, labels=["board"])
    await mailed(stack, mailbox, project_id, 2)
    listed = (await people["kim"].call("GET", f"/{project_id}/signing-links"))["links"]
    for link in listed:
        await people["kim"].call("DELETE", f"/{project_id}/signing-links/{link['id']}")
    due = update(table).where(table.c.project_id == project_id, table.c.due_at.is_not(None))
    await stack.database.transact(lambda conn: conn.execute(due.values(due_at="2026-01-01T00:00:00.000Z")))
    links = await mailed(stack, mailbox, project_id, 4)
    assert {link["url"] for link in links.values()} == {""}


async def test_where_a_passkey_is_demanded_no_link_is_sent(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    project_id = await people["dana"].planned(PLAN, labels=["board", "passkey"])
    links = await mailed(stack, mailbox, project_id, 2)
    assert {link["url"] for link in links.values()} == {""}
    rows = [row for row in await ended(stack, project_id) if row["due_at"] is None]
    assert all("passkey" in row["last_error"] and row["status"] == "delivered" for row in rows)
    body = {"person": "kim"}
    refused = await people["dana"].call("POST", f"/{project_id}/signing-links/ask", status=403, json=body)
    assert refused["code"] == "passkey_needed"


async def test_a_webhook_of_one_person_gets_the_link_of_a_phase(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with receiving() as receiver:
        hook = {"name": "hook", "webhook": receiver.url, "secret": SECRET, "kinds": ["phase"], "events": ["waiting"]}
        entry = {**hook, "sign_by_link": [PAT]}
        async with running_stack(temporal_server, tmp_path, notify=[entry]) as stack:
            project_id = await stack.started(PHASES)

            async def told() -> bool:
                return bool(receiver.taken)

            await eventually(told, what="the webhook was told")
            [(_, body)] = receiver.taken
            sign = body["data"]["sign"]
            assert sign["person"] == "Pat"
            guest = Guest(stack, sign)
            asked = await guest.read()
            assert asked["phase_name"] == "Ship"
            assert (await guest.sign(asked["plan"]["digest"])).status_code == 200
            assert (await stack.finished(project_id))["status"] == "completed"


async def test_a_channel_that_many_read_gets_no_link(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    file = tmp_path / "chat.url"
    file.write_text("json://127.0.0.1:1/room")
    entry = {"name": "chat", "url_file": str(file), "events": ["waiting"], "sign_by_link": [PAT]}
    async with running_stack(temporal_server, tmp_path, notify=[entry]) as stack:
        project_id = await stack.planned(PLAN)
        [row] = await ended(stack, project_id)
        assert (row["status"], "mailto://" in row["last_error"]) == ("failed", True)


async def test_an_author_asks_an_approver_and_never_sees_the_link(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN, labels=["eyes"])
    made = await dana.call("POST", f"/{project_id}/signing-links/ask", status=201, json={"person": "kim"})
    assert "url" not in made
    assert (made["requested_by"], made["delivered_to"]) == ("dana", "kim@example.com")
    links = await mailed(stack, mailbox, project_id, 1)
    assert set(links) == {"kim@example.com"}
    guest = Guest(stack, links["kim@example.com"])
    # With four eyes, too: somebody with the role was chosen by an administrator, not by the author.
    assert (await guest.sign()).status_code == 200
    facts = await link_facts(stack, project_id)
    assert (facts["requested_by"], facts["requested_by_id"]) == ("dana", dana.id)
    assert (facts["made_by_id"], facts["delivered_to"]) == ("settings", "kim@example.com")
    approved = next(event for event in await stack.events(project_id) if event["type"] == "plan.approved")
    assert (approved["actor"], approved["actor_id"], approved["via"]) == ("kim", kim.id, "link")


async def test_an_approver_may_ask_as_well(stack: Stack, people: dict[str, Signer], mailbox: Mailbox) -> None:
    project_id = await people["dana"].planned(PLAN)
    await people["rae"].call("POST", f"/{project_id}/signing-links/ask", status=201, json={"person": "kim"})
    links = await mailed(stack, mailbox, project_id, 1)
    assert (await Guest(stack, links["kim@example.com"]).sign()).status_code == 200


async def test_an_author_asks_somebody_at_an_allowed_domain(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    dana = people["dana"]
    project_id = await dana.planned(PLAN)
    path = f"/{project_id}/signing-links/ask"
    guest = {"name": "Sam", "email": "sam@guests.example"}
    once = {"Idempotency-Key": "ask"}
    made = await dana.call("POST", path, status=201, json=guest, headers=once)
    assert await dana.call("POST", path, status=201, json=guest, headers=once) == made
    assert made["created_by"] == "dana"
    first = (await mailed(stack, mailbox, project_id, 1))["sam@guests.example"]
    # Asked again, the former link ends.
    await dana.call("POST", path, status=201, json={"person": "Sam"})
    second = (await mailed(stack, mailbox, project_id, 2))["sam@guests.example"]
    assert "revoked" in (await Guest(stack, first).read())["closed"]
    assert (await Guest(stack, second).sign()).status_code == 200


@pytest.fixture(scope="module")
async def refuses(stack: Stack, people: dict[str, Signer]) -> str:
    """A project whose plan waits for its approval. Whoever is asked to sign it is refused, so it stays as it is."""
    for name, email in (("without address", None), ("reads only", "reads@example.com")):
        added = {"name": name, "email": email, "roles": [{"role": "viewer"}]}
        (await stack.http.post("/api/people", json=added)).raise_for_status()
    return await people["dana"].planned(PLAN)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"person": "dana"}, 403, "link_to_self"),
        ({"person": "nobody"}, 404, "person_not_found"),
        ({"name": "Eve", "email": "eve@elsewhere.example"}, 403, "address_not_allowed"),
        ({"name": "Eve"}, 422, None),
        ({}, 422, None),
        ({"name": "Eve", "email": "eve@guests.example,all@elsewhere.example"}, 422, None),
        ({"person": "without address"}, 409, "person_without_address"),
        ({"person": "reads only"}, 403, "address_not_allowed"),
    ],
)
async def test_whom_an_author_may_not_ask(
    people: dict[str, Signer], refuses: str, body: dict[str, str], status: int, code: str | None
) -> None:
    answer = await people["dana"].call("POST", f"/{refuses}/signing-links/ask", status=status, json=body)
    assert code is None or answer["code"] == code


async def test_with_four_eyes_an_author_cannot_choose_a_stranger(stack: Stack, people: dict[str, Signer]) -> None:
    project_id = await people["dana"].planned(PLAN, labels=["eyes"])
    body = {"name": "A friend", "email": "friend@guests.example"}
    refused = await people["dana"].call("POST", f"/{project_id}/signing-links/ask", status=403, json=body)
    assert refused["code"] == "four_eyes"


async def test_an_author_cannot_sign_by_another_address_of_their_own(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    async with people_of(stack, ann=["author"], mo=["author"]) as more:
        ann, mo = more["ann"], more["mo"]
        for who in (ann, mo):
            body = {"email": f"{who.name}@guests.example"}
            (await stack.http.put(f"/api/people/{who.id}", json=body)).raise_for_status()
        path = f"/{await ann.planned(PLAN)}/signing-links/ask"
        second = {"name": "Somebody else", "email": "Ann+2@guests.example"}
        assert (await ann.call("POST", path, status=403, json=second))["code"] == "link_to_self"
        # A colleague cannot ask for her either: she made the plan.
        for body in (second, {"person": "ann"}):
            refused = await mo.call("POST", path, status=403, json=body)
            assert (refused["code"], "worked on this plan" in refused["message"]) == ("link_to_self", True)
        known = (await stack.http.get("/api/people")).json()["people"]
        assert "Somebody else" not in [person["name"] for person in known]
        # With four eyes, nobody signs for whom only an author vouches, even if that author did not work on the plan.
        path = f"/{await ann.planned(PLAN, labels=['eyes'])}/signing-links/ask"
        stranger = {"name": "Unknown", "email": "unknown@guests.example"}
        refused = await mo.call("POST", path, status=403, json=stranger)
        assert (refused["code"], refused["message"].startswith("Only an author vouches for Unknown")) == (
            "four_eyes",
            True,
        )
        await people["kim"].call("POST", path, status=201, json=stranger)


async def test_readers_see_who_asked_for_the_link_of_an_approval(
    stack: Stack, people: dict[str, Signer], mailbox: Mailbox
) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN, labels=["two"])
    body = {"name": "Joe", "email": "joe@guests.example"}
    await dana.call("POST", f"/{project_id}/signing-links/ask", status=201, json=body)
    links = await mailed(stack, mailbox, project_id, 1)
    assert (await Guest(stack, links["joe@guests.example"]).sign()).status_code == 200
    gate = next(gate for gate in (await kim.call("GET", f"/{project_id}"))["gates"] if gate["kind"] == "plan")
    [given] = gate["approvals"]["by"]
    assert (given["name"], given["link_made_by"], given["link_requested_by"]) == ("Joe", "dana", "dana")


async def test_an_author_revokes_what_they_asked_for_and_no_other(stack: Stack, people: dict[str, Signer]) -> None:
    dana, kim = people["dana"], people["kim"]
    project_id = await dana.planned(PLAN)
    own = await dana.call("POST", f"/{project_id}/signing-links/ask", status=201, json={"person": "kim"})
    other = await kim.call("POST", f"/{project_id}/signing-links", status=201, json={"name": "Somebody else"})
    await dana.call("DELETE", f"/{project_id}/signing-links/{own['id']}")
    refused = await dana.call("DELETE", f"/{project_id}/signing-links/{other['id']}", status=403)
    assert refused["code"] == "role_needed"


async def test_without_a_mail_entry_an_author_is_told_what_to_set(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.planned(PLAN)
        answer = await stack.http.post(f"/api/projects/{project_id}/signing-links/ask", json={"person": "kim"})
        assert (answer.status_code, answer.json()["code"]) == (409, "links_not_mailed")
        assert "links_on_request = true" in answer.json()["message"]
