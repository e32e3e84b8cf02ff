"""The certificate of a signed plan, over HTTP: when there is one, and which version and outcome it is about."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from app.api.controllers.certificate import certify
from app.domain.errors import Conflict
from app.sealing.envelope import read
from app.sealing.exported import verify
from app.sealing.keys import public_key_in
from app.settings import Settings
from app.storage.tables import decisions
from tests.api.answers import fields_of, refused
from tests.api.record_copy import RecordCopy, record_copy
from tests.conftest import Stack, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Make: `echo made > out.txt` {#make files=out.txt timeout=60}\n- [ ] Look {#look after=make}"


async def certificate(stack: Stack, project_id: str, query: str = "") -> dict[str, Any]:
    """The predicate of a certificate, after `signoff verify` has compared it with the record as it is now."""
    answer = await stack.http.get(f"/api/projects/{project_id}/certificate{query}")
    assert answer.status_code == 200, answer.text
    return json.loads(base64.b64decode(answer.json()["payload"]))["predicate"]


async def codes_of(stack: Stack, project_id: str, folder: Path, query: str = "") -> set[str]:
    """The codes of what `signoff verify` finds in a certificate and an export that is made after it."""
    for name, path in (("certificate.json", f"certificate{query}"), ("project.zip", "download")):
        answer = await stack.http.get(f"/api/projects/{project_id}/{path}")
        assert answer.status_code == 200, answer.text
        (folder / name).write_bytes(answer.content)
    key = public_key_in((stack.settings.keys_dir / "seal.pub").read_text())
    found = verify(folder / "project.zip", key, read(folder / "certificate.json")).findings
    return {finding.code for finding in found if finding.severity == "critical"}


def statuses(predicate: dict[str, Any]) -> dict[str, str]:
    return {task["key"]: task["status"] for task in predicate["outcome"]["tasks"]}


async def test_what_was_not_signed_has_no_certificate(signoff: Stack) -> None:
    draft, planned = await signoff.create(PLAN), await signoff.planned(PLAN)
    for project_id in (draft, planned):
        await refused(signoff, "GET", f"/{project_id}/certificate", 404, "not_signed")
    told = await refused(signoff, "GET", f"/{planned}/certificate?version=1", 404, "not_signed")
    assert fields_of(told) == ["version"]
    await refused(signoff, "GET", f"/{planned}/certificate?version=2", 404, "plan_not_found")
    await refused(signoff, "GET", "/proj_nothing/certificate", 404)
    told = await refused(signoff, "GET", f"/{planned}/certificate?format=pdf", 400)
    assert fields_of(told) == ["format"]


async def test_the_reader_chooses_the_form(signoff: Stack) -> None:
    project_id = await signoff.started(PLAN)
    path = f"/api/projects/{project_id}/certificate"
    page = await signoff.http.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].split(";")[0] == "text/html"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    for query, accept in (("", "application/json"), ("", "*/*"), ("?format=dsse", "text/html")):
        signed = await signoff.http.get(path + query, headers={"Accept": accept})
        assert signed.headers["content-type"] == "application/vnd.dsse.envelope.v1+json"
        assert f'filename="{project_id}.certificate.json"' in signed.headers["content-disposition"]
        assert signed.headers["vary"] == "Accept"


async def test_a_plan_that_waits_does_not_change_the_certificate_of_the_signed_one(
    signoff: Stack, tmp_path: Path
) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "look", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/look/complete")
    await signoff.finished(project_id)
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Third", "key": "third"})
    first = await certificate(signoff, project_id)
    assert (first["plan"]["version"], first["outcome"]["status"]) == (1, "completed")
    assert statuses(first) == {"make": "completed", "look": "completed"}
    assert await codes_of(signoff, project_id, tmp_path) == set()
    await signoff.call("POST", f"/{project_id}/approve", json={"comment": "second"})
    await signoff.task_in(project_id, "third", "waiting")
    await signoff.task_in(project_id, "look", "waiting")
    second = await certificate(signoff, project_id)
    assert (second["plan"]["version"], second["outcome"]["status"]) == (2, "running")
    assert statuses(second) == {"make": "completed", "look": "waiting", "third": "waiting"}
    assert [each["decision"]["comment"] for each in second["approvals"]] == ["second"]
    assert [file["path"] for file in second["outcome"]["files"]] == ["out.txt"]
    old = await certificate(signoff, project_id, "?version=1")
    assert {name: value for name, value in old.items() if name != "record"} == {
        name: value for name, value in first.items() if name != "record"
    }
    for query in ("?version=1", "?version=2"):
        assert await codes_of(signoff, project_id, tmp_path, query) == set()


async def test_an_edit_of_a_run_is_signed_by_its_own_approval(signoff: Stack, tmp_path: Path) -> None:
    project_id = await signoff.started(PLAN)
    await signoff.task_in(project_id, "look", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks", status=201, json={"title": "Third", "key": "third"})
    waiting = await certificate(signoff, project_id)
    assert (waiting["plan"]["version"], waiting["outcome"]["status"]) == (1, "running")
    await signoff.call("POST", f"/{project_id}/approve", json={"comment": "the edit"})
    edited = await certificate(signoff, project_id)
    assert (edited["plan"]["version"], edited["outcome"]["status"]) == (2, "running")
    assert [each["decision"]["comment"] for each in edited["approvals"]] == ["the edit"]
    assert len(edited["outcome"]["runs"]) == 1
    for query in ("?version=1", "?version=2"):
        assert await codes_of(signoff, project_id, tmp_path, query) == set()


async def test_every_run_of_the_plan_belongs_to_the_certificate(signoff: Stack, tmp_path: Path) -> None:
    project_id = await signoff.started("- Bad: `exit 3` {#bad timeout=60}")
    await signoff.finished(project_id)
    await signoff.call("POST", f"/{project_id}/retry", json={"comment": "once more"})
    await signoff.finished(project_id)
    predicate = await certificate(signoff, project_id)
    assert [run["status"] for run in predicate["outcome"]["runs"]] == ["failed", "failed"]
    (task,) = predicate["outcome"]["tasks"]
    assert (task["status"], task["attempts"], task["ended"]["exit_code"]) == ("failed", 2, 3)
    kinds = [each["decision"]["kind"] for each in predicate["decisions"]]
    assert kinds == ["retry_run"]
    assert await codes_of(signoff, project_id, tmp_path) == set()


async def test_a_plan_that_nobody_signed_says_so(signoff: Stack, tmp_path: Path) -> None:
    project_id = await signoff.planned("- Done {#done milestone}", auto_approve_plan=True)
    await signoff.finished(project_id)
    predicate = await certificate(signoff, project_id)
    assert [each["decision"]["actor"] for each in predicate["approvals"]] == ["signoff"]
    page = await signoff.http.get(f"/api/projects/{project_id}/certificate?format=html")
    assert "Signoff itself: the project approves its plans automatically" in page.text
    assert await codes_of(signoff, project_id, tmp_path) == set()


@pytest.fixture(scope="module")
async def original(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, str]:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("original")) as stack:
        project_id = await stack.started("- Make: `echo made` {#make timeout=60}")
        await stack.finished(project_id)
        return stack.settings, project_id


@pytest.fixture
async def copied(original: tuple[Settings, str], tmp_path: Path) -> AsyncIterator[RecordCopy]:
    async with record_copy(*original, tmp_path) as copy:
        yield copy


async def test_nothing_is_certified_about_a_record_that_was_altered(copied: RecordCopy) -> None:
    statement = await certify(copied.services, copied.project_id)
    assert statement.predicate.outcome.status == "completed"
    forged = update(decisions).where(decisions.c.kind == "approve").values(actor="ceo@company")
    await copied.altered(lambda conn: conn.execute(forged).rowcount)
    with pytest.raises(Conflict) as refusal:
        await certify(copied.services, copied.project_id)
    assert refusal.value.info.code == "record_altered"
