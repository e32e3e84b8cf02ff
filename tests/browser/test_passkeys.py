"""A person registers a device, and the device signs the plan that they approve. Chromium's own virtual device answers."""

from __future__ import annotations

import base64
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import Signoff
from tests.browser.signing_in import PASSWORD, sign_in
from tests.warm_processes import warm_command

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def visitor(browser: Browser, locked: str) -> Iterator[Page]:
    """A page at http://localhost, where browsers offer passkeys, with a device."""
    context = browser.new_context(base_url=locked.replace("127.0.0.1", "localhost"), locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield page
    context.close()


def verified(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    command = warm_command("verify", *arguments, "--json")
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path.cwd())
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_the_device_of_a_person_signs_the_plan_and_everyone_can_check_it(
    visitor: Page, signoff: Signoff, tmp_path: Path
) -> None:
    page, project_id = visitor, signoff.planned("Signed by a device", "- Do it: `true` {#do}")
    page.goto("/settings/passkeys")
    sign_in(page, "Dana")
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("None yet.")
    page.get_by_label("Name of the device").fill("Laptop")
    page.get_by_label("Your password", exact=True).fill("not the password")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("password is not right")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("Laptop")
    assert violations(page) == []

    page.goto(f"/projects/{project_id}")
    page.get_by_role("button", name="Approve with a passkey").click()
    signoff.eventually(project_id, lambda project: project["stage"] == "finished")
    made = signoff.api.get(f"/api/projects/{project_id}/certificate").raise_for_status()
    predicate = json.loads(base64.b64decode(made.json()["payload"]))["predicate"]
    (approval,) = predicate["approvals"]
    kept = approval["decision"]["payload"]["passkey"]
    assert (approval["decision"]["actor"], kept["rp_id"]) == ("Dana", "localhost")
    assert kept["origin"].startswith("http://localhost:")

    certificate, export, key = tmp_path / "certificate.json", tmp_path / "project.zip", tmp_path / "server.pub"
    certificate.write_bytes(made.content)
    export.write_bytes(signoff.api.get(f"/api/projects/{project_id}/download").content)
    key.write_text(signoff.api.get("/api/record-key").json()["public_key"])
    for files in ([certificate], [export], [export, certificate]):
        code, result = verified(tmp_path, *map(str, files), "--public-key", str(key))
        assert (code, result["findings"]) == (0, []), result
    shown = signoff.api.get(f"/api/projects/{project_id}/certificate?format=html").text
    assert "signed on a device of their own" in shown

    # Whoever changes the signature in the record is found, by the device's key too.
    other = "A" * len(kept["signature"])
    with zipfile.ZipFile(export) as opened:
        content = {name: opened.read(name) for name in opened.namelist()}
    content["record/rows.jsonl"] = content["record/rows.jsonl"].replace(kept["signature"].encode(), other.encode())
    with zipfile.ZipFile(export, "w") as opened:
        for name, data in content.items():
            opened.writestr(name, data)
    code, result = verified(tmp_path, str(export), "--public-key", str(key))
    assert code == 1
    assert {"passkey_invalid", "decision_altered"} <= {found["code"] for found in result["findings"]}

    page.goto("/settings/passkeys")
    page.get_by_role("button", name="Remove: Laptop").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("None yet.")
    # What the device signed stays valid.
    audit = signoff.api.post(f"/api/projects/{project_id}/audit", json={}).json()
    assert audit["trail"]["intact"]


def test_a_device_signs_a_phase_and_a_task_where_they_wait(visitor: Page, signoff: Signoff, tmp_path: Path) -> None:
    plan = "## First\n\n- One: `true` {#one}\n\n## Second {approval=yes}\n\n- Two: `true` {#two approval=yes}\n"
    page, project_id = visitor, signoff.planned("Signed where it waits", plan)
    page.goto("/settings/passkeys")
    sign_in(page, "Dana")
    page.get_by_label("Name of the device").fill("Phone")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("Phone")

    signoff.api.post(f"/api/projects/{project_id}/approve", json={}).raise_for_status()
    page.goto(f"/projects/{project_id}")
    sign = page.get_by_role("button", name="Approve with a passkey")
    expect(page.get_by_role("heading", name="Second").first).to_be_visible()
    sign.click()
    signoff.eventually(project_id, lambda project: any(task["status"] == "waiting" for task in project["tasks"]))
    expect(page.get_by_role("button", name="Run it now")).to_be_visible()
    # The box of the phase stays until the page has read that its approval is on record.
    expect(sign).to_have_count(1)
    assert violations(page) == []
    sign.click()
    signoff.eventually(project_id, lambda project: project["status"] == "completed")

    export, key = tmp_path / "project.zip", tmp_path / "server.pub"
    export.write_bytes(signoff.api.get(f"/api/projects/{project_id}/download").content)
    key.write_text(signoff.api.get("/api/record-key").json()["public_key"])
    with zipfile.ZipFile(export) as opened:
        rows = [json.loads(line) for line in opened.read("record/rows.jsonl").splitlines()]
    made = sorted((line["row"] for line in rows if line["table"] == "decisions"), key=lambda row: row["at"])
    kept = [row["payload"]["passkey"]["gate"]["kind"] for row in made if "passkey" in row["payload"]]
    assert kept == ["phase", "task"]
    code, result = verified(tmp_path, str(export), "--public-key", str(key))
    assert (code, result["findings"]) == (0, []), result
    page.goto("/settings/passkeys")
    page.get_by_role("button", name="Remove: Phone").click()
    expect(page.get_by_role("region", name="Your passkeys")).to_contain_text("None yet.")
