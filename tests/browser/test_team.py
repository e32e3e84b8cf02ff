"""A team signs one plan. A reviewer requests changes, the author makes them, two people sign, and the record names everybody."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff, another_signoff, second_app
from tests.browser.signing_in import KEY, PASSWORD, sign_in
from tests.browser.test_passkeys import DEVICE, verified
from tests.ports import free_port

POLICY = """
[[signoff.policy]]
name = "Team"
match = { labels = ["team"] }
approvals = 2
four_eyes = true
expires = "3d"

[[signoff.policy]]
name = "By device"
match = { labels = ["device"] }
passkey = true
gates = ["plan", "edit"]

[[signoff.policy]]
name = "Second thoughts"
match = { labels = ["slow"] }
undo = "3m"
"""
WORDS = "Team: two approvers, not the author, within 3 days."
ASKED = "Say which log: the old one must stay."
ROLES = {
    "Ava": ["author", "approver"],
    "Rita": ["approver"],
    "Ralf": ["approver"],
    "Vera": ["viewer"],
}


@pytest.fixture(scope="module")
def signoff(signoff: Signoff, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signoff]:
    """One with policies, which its worker has too."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "team.toml").write_text(POLICY)
    with another_signoff(signoff, folder, SIGNOFF_CONFIG=str(folder / "team.toml")) as running:
        yield running


@pytest.fixture(scope="module")
def team(signoff: Signoff) -> Iterator[str]:
    """An app that requires a sign-in, and has a team. Yields its address at a name, for passkeys."""
    port = free_port()
    url = f"http://localhost:{port}"
    variables = {"SIGNOFF_CONFIG": str(signoff.folder / "team.toml"), "SIGNOFF_PUBLIC_URL": url}
    with second_app(signoff, port=port, SIGNOFF_API_KEY=KEY, **variables):
        for name, roles in ROLES.items():
            body = {"name": name, "roles": [{"role": role} for role in roles], "password": PASSWORD}
            signoff.api.post("/api/people", json=body).raise_for_status()
        yield url


Opened = Callable[[str | None, str], Page]


@pytest.fixture
def opened(browser: Browser, team: str) -> Iterator[Opened]:
    """Open an address as somebody, or as nobody, each in a browser of their own with a device."""
    contexts: list[BrowserContext] = []

    def open_as(name: str | None, address: str) -> Page:
        context = browser.new_context(base_url=team, viewport={"width": 1280, "height": 900}, locale="en-GB")
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        page.goto(address)
        if name is not None:
            sign_in(page, name)
            expect(page.get_by_role("banner")).to_contain_text(name)
        return page

    yield open_as
    for context in contexts:
        context.close()


def add_device(page: Page) -> None:
    page.goto("/settings/passkeys")
    page.get_by_label("Name of the device").fill("Laptop")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("Laptop")


def planned_by(page: Page, name: str, label: str) -> str:
    """Have the person of a page make a plan, over HTTP; return the project's id."""
    headers = {"Origin": page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2]}
    body = {"name": name, "description": "- Clean the log: `echo old log` {#clean}", "labels": [label]}
    made = page.request.post("/api/projects", data=body, headers=headers)
    assert made.status == 201, made.text()
    project_id = made.json()["id"]
    answer = page.request.post(f"/api/projects/{project_id}/generate-plan", data={}, headers=headers)
    assert answer.ok, answer.text()
    return project_id


def send(page: Page, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a request with the session of a page, as a page that is out of date would."""
    script = """async ([path, body]) => {
        const answer = await fetch(path, {method: "POST", body: JSON.stringify(body),
            headers: {"Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID()}});
        return [answer.status, await answer.json()];
    }"""
    status, answer = page.evaluate(script, [path, body])
    return status, answer


def link_of(page: Page, project_id: str, name: str) -> str:
    status, link = send(page, f"/api/projects/{project_id}/signing-links", {"name": name})
    assert status == 201, link
    return str(link["url"])


def write_a_plan(author: Page) -> str:
    """Write the plan on the page; return the project's id."""
    project_id = planned_by(author, "Clean the logs", "team")
    author.goto(f"/projects/{project_id}")
    box = author.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text(WORDS)
    expect(box).to_contain_text("You worked on this plan, so somebody else must approve it.")
    expect(author.get_by_role("button", name="Approve and start")).to_have_count(0)
    return project_id


def request_changes(reviewer: Page) -> None:
    box = reviewer.get_by_role("region", name="Waiting for a person")
    box.get_by_role("button", name="Request changes…").click()
    dialog = reviewer.get_by_role("dialog", name="Request changes to version 1")
    dialog.get_by_label("What should change?").fill(ASKED)
    dialog.get_by_role("button", name="Request changes").click()
    expect(box.get_by_role("heading", name="Changes to plan version 1 were requested")).to_be_visible()


def revise(author: Page) -> None:
    expect(author.get_by_role("region", name="Waiting for a person")).to_contain_text(ASKED)
    author.get_by_role("button", name="Edit: Clean the log").click()
    dialog = author.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Command").fill("echo new log")
    dialog.get_by_role("button", name="Save").click()
    expect(author.get_by_role("code").get_by_text("echo new log").first).to_be_visible()


def test_a_team_signs_a_plan(opened: Opened, signoff: Signoff, tmp_path: Path) -> None:
    author = opened("Ava", "/")
    project_id = write_a_plan(author)
    address = f"/projects/{project_id}"
    first = opened("Rita", "/")
    add_device(first)
    first.goto(address)
    request_changes(first)
    revise(author)

    box = first.get_by_role("region", name="Waiting for a person")
    first.goto(address)
    expect(box.get_by_role("heading", name="Plan version 2 is waiting for your approval")).to_be_visible()
    expect(box).to_contain_text(ASKED)
    expect(box.get_by_role("heading", name="Changes since version 1, to which Rita requested changes")).to_be_visible()
    expect(box).to_contain_text("echo new log")
    assert violations(first) == []
    box.get_by_role("button", name="Approve with a passkey").click()
    expect(box.get_by_role("heading", name="1 of 2 approvals")).to_be_visible()
    expect(box).to_contain_text("Rita approved")
    expect(box).to_contain_text("Rita has already approved this, and counts once.")

    # Neither the author nor a reader signs, not even past the page.
    status, refused = send(author, f"/api{address}/approve", {})
    assert (status, refused["code"]) == (403, "four_eyes")
    reader = opened("Vera", address)
    expect(reader.get_by_role("region", name="Waiting for a person")).to_contain_text("an approver must sign it")
    expect(reader.get_by_role("button", name="Approve and start")).to_have_count(0)
    status, refused = send(reader, f"/api{address}/approve", {})
    assert (status, refused["code"], "approver" in refused["message"]) == (403, "role_needed", True)

    maker = opened("Ralf", address)
    link = link_of(maker, project_id, "Pat of the board")
    guest = opened(None, link)
    expect(guest.get_by_role("main")).to_contain_text("Ralf asks you to read this")
    expect(guest.get_by_role("main")).to_contain_text("echo new log")
    guest.get_by_label("Comment").fill("The board agrees.")
    guest.get_by_role("button", name="Approve", exact=True).click()
    expect(guest.get_by_role("status").filter(has_text="Thank you")).to_contain_text(
        "It was the last one that was needed."
    )
    signoff.eventually(project_id, lambda project: project["status"] == "completed")
    guest.reload()
    expect(guest.get_by_role("main")).to_contain_text("This link was already used.")

    first.goto(f"{address}/record")
    record = first.get_by_role("main")
    for words in ("Rita requested changes to plan version 1", "(1 of 2 approvals)", "Pat of the board", "Ralf"):
        expect(record).to_contain_text(words)
    names_all(first, signoff, project_id, tmp_path)


def names_all(page: Page, signoff: Signoff, project_id: str, folder: Path) -> None:
    """Read the certificate as a page, and check it with the command line."""
    page.goto(f"/api/projects/{project_id}/certificate?format=html")
    for words in ("Ava", "Rita", "Pat of the board", "Ralf", WORDS, ASKED, "The board agrees.", "device of their own"):
        expect(page.get_by_role("main")).to_contain_text(words)
    made = signoff.api.get(f"/api/projects/{project_id}/certificate").raise_for_status()
    predicate = json.loads(base64.b64decode(made.json()["payload"]))["predicate"]
    first, second = (one["decision"] for one in predicate["approvals"])
    assert (first["actor"], first["via"], "passkey" in first["payload"]) == ("Rita", "session", True)
    assert (second["actor"], second["via"], second["payload"]["link"]["made_by"]) == (
        "Pat of the board",
        "link",
        "Ralf",
    )
    certificate, export, key = folder / "certificate.json", folder / "project.zip", folder / "server.pub"
    certificate.write_bytes(made.content)
    export.write_bytes(signoff.api.get(f"/api/projects/{project_id}/download").content)
    key.write_text(signoff.api.get("/api/record-key").json()["public_key"])
    code, result = verified(folder, str(export), str(certificate), "--public-key", str(key))
    assert (code, result["findings"]) == (0, []), result


def test_a_session_that_has_ended_signs_nothing(opened: Opened, signoff: Signoff) -> None:
    author, approver = opened("Ava", "/"), opened("Ralf", "/")
    project_id = planned_by(author, "Signed too late", "team")
    approver.goto(f"/projects/{project_id}")
    button = approver.get_by_role("button", name="Approve and start")
    expect(button).to_be_enabled()
    # The session ends elsewhere, and this page does not know yet.
    people = signoff.api.get("/api/people").json()["people"]
    person_id = next(one["id"] for one in people if one["name"] == "Ralf")
    signoff.api.put(f"/api/people/{person_id}", json={"password": PASSWORD}).raise_for_status()
    button.click()
    expect(approver.get_by_label("Password")).to_be_visible()
    expect(approver.get_by_role("main")).to_contain_text("Your session has ended. Sign in again.")
    assert signoff.project(project_id)["gates"][0]["approvals"]["given"] == 0
    sign_in(approver, "Ralf")
    expect(approver.get_by_role("button", name="Approve and start")).to_be_enabled()


def test_an_approval_after_the_time_is_refused(opened: Opened, signoff: Signoff) -> None:
    author, approver = opened("Ava", "/"), opened("Ralf", "/")
    project_id = planned_by(author, "Signed after the end", "team")
    approver.goto(f"/projects/{project_id}")
    expect(approver.get_by_role("button", name="Approve and start")).to_be_enabled()
    expire(signoff, project_id)
    status, refused = send(approver, f"/api/projects/{project_id}/approve", {})
    assert (status, refused["code"]) == (409, "approval_expired")
    assert "The time to approve this ended at" in refused["message"]
    signoff.eventually(project_id, lambda project: project["status"] == "cancelled")
    approver.goto(f"/projects/{project_id}/record")
    expect(approver.get_by_role("main")).to_contain_text("Not enough people approved")


def expire(signoff: Signoff, project_id: str) -> None:
    """Let the time for approvals be up, as if days had passed."""
    path = Path(signoff.addresses["data_dir"]) / "signoff.db"
    with sqlite3.connect(path, timeout=30) as database:
        change = "UPDATE gates SET expires_at = '2026-01-01T00:00:00.000Z' WHERE project_id = ?"
        assert database.execute(change, (project_id,)).rowcount == 1


def test_a_policy_that_demands_a_passkey_offers_nothing_else(opened: Opened, signoff: Signoff) -> None:
    author, approver = opened("Ava", "/"), opened("Ralf", "/")
    project_id = planned_by(author, "Signed by a device only", "device")
    approver.goto(f"/projects/{project_id}")
    box = approver.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text("By device: one approver, with a passkey.")
    expect(box).to_contain_text("A policy demands that this is approved with a passkey, and you have none")
    expect(approver.get_by_role("button", name="Approve and start")).to_have_count(0)
    assert violations(approver) == []
    status, refused = send(approver, f"/api/projects/{project_id}/approve", {})
    assert (status, refused["code"]) == (403, "passkey_needed")
    add_device(approver)
    approver.goto(f"/projects/{project_id}")
    expect(approver.get_by_role("button", name="Approve and start")).to_have_count(0)
    approver.get_by_role("button", name="Approve with a passkey").click()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")


def test_an_approval_can_be_undone_on_the_page(opened: Opened, signoff: Signoff) -> None:
    author, approver = opened("Ava", "/"), opened("Ralf", "/")
    project_id = planned_by(author, "Approved too soon", "slow")
    for page in (author, approver):
        page.goto(f"/projects/{project_id}")
    box = approver.get_by_role("region", name="Waiting for a person")
    box.get_by_role("button", name="Approve and start").click()
    expect(box.get_by_role("timer")).to_contain_text("Your approval of the plan takes effect in 2 min")
    expect(author.get_by_role("timer")).to_contain_text("The approval of the plan takes effect in 2 min")
    expect(author.get_by_role("button", name="Undo")).to_have_count(0)
    # Nobody is asked for what was given, neither in the header, nor in the title, nor in the list.
    expect(box.get_by_role("heading", name="Plan version 1 is approved")).to_be_visible()
    expect(approver.get_by_text("takes effect in 2 min", exact=False).first).to_be_visible()
    expect(approver).to_have_title("Approved too soon · Signoff")
    expect(approver.get_by_role("main")).not_to_contain_text("Waiting for your approval")
    author.goto("/")
    row = author.get_by_role("listitem").filter(has_text="Approved too soon")
    expect(row).to_contain_text("Approved, takes effect at")
    expect(row).not_to_contain_text("Waiting for your approval")
    assert violations(approver) == []
    box.get_by_role("button", name="Undo").click()
    expect(box.get_by_role("button", name="Approve and start")).to_be_enabled()
    expect(approver.get_by_role("timer")).to_have_count(0)
    assert signoff.project(project_id)["status"] == "pending"


def test_who_signs_by_a_link_can_undo_it(opened: Opened, signoff: Signoff) -> None:
    author, approver = opened("Ava", "/"), opened("Ralf", "/")
    project_id = planned_by(author, "Signed too soon by a guest", "slow")
    guest = opened(None, link_of(approver, project_id, "Gil of the board"))
    # Managers come this way: first what happens, what it touches and what it costs.
    expect(guest.get_by_role("main")).to_contain_text("What it touches")
    guest.get_by_role("button", name="Approve").click()
    expect(guest.get_by_role("timer")).to_contain_text("It was the last one that was needed. It takes effect in 2 min")
    assert violations(guest) == []
    guest.get_by_role("button", name="Undo").click()
    expect(guest.get_by_text("Your approval is withdrawn.")).to_be_visible()
    guest.get_by_role("button", name="Approve").click()
    expect(guest.get_by_role("timer")).to_be_visible()
    assert signoff.project(project_id)["status"] == "pending"
    guest.reload()
    guest.get_by_role("button", name="Undo").click()
    expect(guest.get_by_text("Your approval is withdrawn.")).to_be_visible()
