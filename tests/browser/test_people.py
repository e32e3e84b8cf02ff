"""People sign in under their own name, and the page offers them only what they may do."""

from __future__ import annotations

import json

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff, second_app
from tests.browser.signing_in import KEY, PASSWORD, sign_in
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, identity_provider
from tests.ports import free_port


def test_a_reader_is_told_who_must_sign_and_an_approver_signs(visitor: Page, signoff: Signoff) -> None:
    page, project_id = visitor, signoff.planned("Signed by people", "- Do it: `true` {#do}")
    page.goto(f"/projects/{project_id}")
    sign_in(page, "Robin", "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    sign_in(page, "robin@example.com")
    expect(page.get_by_role("banner")).to_contain_text("Robin")
    box = page.get_by_role("region", name="Waiting for a person")
    expect(box).to_contain_text("You may read this project; an approver must sign it.")
    for name in (
        "Approve and start",
        "Request changes…",
        "Reject…",
        "Revise plan…",
        "Cancel",
        "Add task",
        "Rename",
        "New project",
    ):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    expect(page.get_by_role("link", name="New project")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "Dana")
    expect(page.get_by_role("banner")).to_contain_text("Dana")
    page.get_by_role("button", name="Approve and start").click()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    page.goto(f"/projects/{project_id}/record")
    expect(page.get_by_role("main")).to_contain_text("Dana")


def test_somebody_who_is_disabled_is_signed_out(visitor: Page, signoff: Signoff) -> None:
    body = {"name": "Uma", "roles": [{"role": "viewer"}], "password": PASSWORD}
    person = signoff.api.post("/api/people", json=body).raise_for_status().json()
    visitor.goto("/")
    sign_in(visitor, "Uma")
    expect(visitor.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
    signoff.api.put(f"/api/people/{person['id']}", json={"disabled": True}).raise_for_status()
    visitor.reload()
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_administrator_adds_people_and_keys(visitor: Page, signoff: Signoff) -> None:
    page = visitor
    page.goto("/settings/people")
    page.get_by_role("button", name="server's key").click()
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in", exact=True).click()
    people = page.get_by_role("region", name="People", exact=True)
    people.get_by_role("button", name="Add person").click()
    people.get_by_label("Name", exact=True).fill("Alex")
    people.get_by_label("Password").fill(PASSWORD)
    people.get_by_role("button", name="Add person").click()
    expect(people.get_by_role("alert")).to_have_text("Choose at least one role.")
    people.get_by_label("Author").check()
    people.get_by_label("Only for projects").fill("payments, reports")
    assert violations(page) == []
    people.get_by_role("button", name="Add person").click()
    expect(people.get_by_role("row").filter(has_text="Alex")).to_contain_text("author (payments, reports)")
    people.get_by_role("button", name="Disable: Alex").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(people.get_by_role("button", name="Enable: Alex")).to_be_visible()

    keys = page.get_by_role("region", name="Keys of programs")
    keys.get_by_role("button", name="Add key").click()
    keys.get_by_label("Name", exact=True).fill("Nightly")
    keys.get_by_label("Viewer").check()
    keys.get_by_role("button", name="Add key").click()
    first = keys.get_by_role("status").locator("code").inner_text()
    headers = {"Authorization": f"Bearer {first}"}
    assert signoff.api.get("/api/me", headers=headers).json()["name"] == "Nightly"
    keys.get_by_role("button", name="Edit: Nightly").click()
    dialog = page.get_by_role("dialog", name="Edit Nightly")
    # It has this role only, and gets no other.
    expect(dialog.get_by_role("checkbox")).to_have_count(1)
    dialog.get_by_label("Name").fill("Nightly import")
    dialog.get_by_label("Labels of projects for the role viewer").fill("imports")
    dialog.get_by_label("Days until it expires").fill("0")
    assert violations(page) == []
    dialog.get_by_role("button", name="Save").click()
    row = keys.get_by_role("row").filter(has_text="Nightly import")
    expect(row).to_contain_text("viewer (imports)")
    expect(row).to_contain_text("Expires: never")
    assert signoff.api.get("/api/me", headers=headers).json()["name"] == "Nightly import"
    keys.get_by_role("button", name="Rotate: Nightly").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(keys.get_by_role("status").locator("code")).not_to_have_text(first)
    assert signoff.api.get("/api/me", headers=headers).status_code == 401
    assert violations(page) == []
    keys.get_by_role("button", name="Revoke: Nightly").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(keys.get_by_role("row").filter(has_text="Nightly")).to_contain_text("revoked")


def test_people_sign_in_with_an_identity_provider(browser: Browser, signoff: Signoff) -> None:
    port = free_port()
    accounts = {
        "lee": {"name": "Lee", "email": "lee@example.com", "email_verified": True, "groups": ["staff"]},
        "guest": {"name": "Guest", "groups": []},
    }
    project_id = signoff.planned("Opened after the sign-in", "- Do it: `true` {#do}")
    with identity_provider(f"http://127.0.0.1:{port}", accounts) as issuer:
        oidc = {
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "name": "Team login",
            "scopes": ["openid", "profile", "groups"],
            "groups": {"staff": ["viewer"]},
        }
        variables = {"SIGNOFF_OIDC": json.dumps(oidc), "SIGNOFF_OIDC_CLIENT_SECRET": CLIENT_SECRET}
        with second_app(signoff, port=port, SIGNOFF_API_KEY=KEY, **variables) as url:
            context = browser.new_context(base_url=url)
            page = context.new_page()
            page.goto(f"/projects/{project_id}/record")
            expect(page.get_by_role("link", name="Sign in with Team login")).to_be_visible()
            assert violations(page) == []
            log_in(page, "guest")
            expect(page.get_by_role("alert")).to_contain_text("You have no role yet.")
            page.context.clear_cookies()
            page.goto(f"/projects/{project_id}/record")
            log_in(page, "lee")
            expect(page.get_by_role("banner")).to_contain_text("Lee")
            expect(page).to_have_url(f"{url}/projects/{project_id}/record")
            expect(page.get_by_role("heading", name="Opened after the sign-in")).to_be_visible()
            context.close()


def test_an_approver_makes_a_link_and_changes_their_password(visitor: Page, signoff: Signoff) -> None:
    body = {"name": "Noor", "roles": [{"role": "approver"}], "password": PASSWORD}
    signoff.api.post("/api/people", json=body).raise_for_status()
    page, project_id = visitor, signoff.planned("Asked by a link", "- Do it: `true` {#do}")
    page.goto(f"/projects/{project_id}")
    sign_in(page, "Noor")
    box = page.get_by_role("region", name="Waiting for a person")
    box.get_by_text("Ask somebody without an account to sign").click()
    box.get_by_label("Name for the record").fill("Sasha of the bank")
    box.get_by_role("button", name="Make a link").click()
    expect(box).to_contain_text("Send this link to Sasha of the bank, and to nobody else.")
    expect(box.locator("code", has_text="/sign#signoff_link_")).to_be_visible()
    assert violations(page) == []
    box.get_by_role("button", name="Revoke: Sasha of the bank").click()
    expect(box.get_by_role("list", name="Links of this project")).to_contain_text("revoked")
    page.goto("/settings/passkeys")
    form = page.get_by_role("form", name="Change your password")
    form.get_by_label("Your current password").fill(PASSWORD)
    form.get_by_label("New password").fill(PASSWORD + " 2")
    form.get_by_role("button", name="Change your password").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "Noor", PASSWORD + " 2")
    expect(page.get_by_role("banner")).to_contain_text("Noor")


def log_in(page: Page, login: str) -> None:
    """Go through the pages of the identity provider."""
    page.get_by_role("link", name="Sign in with Team login").click()
    page.locator("[name=login]").fill(login)
    page.locator("[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_guest_signs_by_a_link(browser: Browser, locked: str, signoff: Signoff) -> None:
    plan = "- Remove the old logs: `true || rm -rf /var/log/old/*` {#remove}"
    project_id = signoff.planned("Signed by a guest", plan)
    link = signoff.api.post(f"/api/projects/{project_id}/signing-links", json={"name": "Pat of the board"})
    text = link.raise_for_status().json()["url"].partition("#")[2]
    context = browser.new_context(base_url=locked, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"/sign#{text}")
    main = page.get_by_role("main")
    expect(page.get_by_role("heading", name="Sign: Signed by a guest")).to_be_visible()
    for text in ("For Pat of the board.", "rm -rf /var/log/old/*", "Critical"):
        expect(main).to_contain_text(text)
    assert violations(page) == []
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert").last).to_be_visible()
    page.get_by_role("checkbox").check()
    page.get_by_label("Comment").fill("Agreed on the phone.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Thank you. Your approval is on record.")).to_be_visible()
    page.reload()
    expect(main).to_contain_text("This link was already used.")
    page.goto("/sign")
    expect(main).to_contain_text("This is not a link to sign.")
    context.close()
