"""Certificates of plans that several people signed: what a policy demanded, who vouched for a guest, and what came before."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from temporalio.testing import WorkflowEnvironment

from app.domain.certificate import Statement
from app.domain.policies import Policies
from app.domain.signing import Signer
from app.sealing.envelope import sign
from tests.conftest import Stack, running_stack
from tests.e2e.test_certificate import get, result_of
from tests.e2e.test_verify import Content, Export, download, with_rows, zip_of
from tests.signers import SERVER_KEY, people_of

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

TWO = {"name": "Two of us", "approvals": 2, "four_eyes": True}
PLAN = "- Do it: `true` {#do}"
WORDS = "Two of us: two approvers, not the author."


@dataclass(frozen=True)
class Signed:
    """A certificate and an export of a plan that two people signed, and the keys of the server."""

    certificate: bytes
    page: str
    export: bytes
    key: str
    private: str
    half: httpx.Response

    @property
    def statement(self) -> dict[str, Any]:
        return json.loads(base64.b64decode(json.loads(self.certificate)["payload"]))

    @property
    def signer(self) -> Signer:
        private = load_pem_private_key(self.private.encode(), password=None)
        assert isinstance(private, Ed25519PrivateKey)
        return Signer(private)


@pytest.fixture(scope="module")
async def made(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    policies = Policies.model_validate({"policy": [TWO]})
    folder = tmp_path_factory.mktemp("several")
    async with running_stack(temporal_server, folder, api_key=SERVER_KEY, signoff=policies) as stack:
        stack.http.headers.update({"Authorization": f"Bearer {SERVER_KEY}"})
        roles = {"ava": ["author"], "rita": ["approver"], "max": ["approver"]}
        async with people_of(stack, **roles) as people:
            ava, rita, maker = people["ava"], people["rita"], people["max"]
            project_id = await ava.planned(PLAN, name="Signed by several")
            await rita.call("POST", f"/{project_id}/request-changes", json={"comment": "Not on <b>Friday</b>."})
            edit = {"op": "update_task", "task": "do", "title": "Do it on Monday"}
            await ava.call("POST", f"/{project_id}/refine-plan", json={"edits": [edit]})
            await rita.call("POST", f"/{project_id}/approve", json={"comment": "Now it is right."})
            half = await stack.http.get(f"/api/projects/{project_id}/certificate")
            await by_link(
                stack, await maker.call("POST", f"/{project_id}/signing-links", status=201, json={"name": "Pat"})
            )
            await stack.finished(project_id)
        certificate = await get(stack, project_id)
        page = (await get(stack, project_id, accept="text/html,*/*")).decode()
        export = await download(stack, project_id)
        keys = stack.settings.keys_dir
        key, private = (keys / "seal.pub").read_text(), (keys / "seal.key").read_text()
    return Signed(certificate, page, export, key, private, half)


async def by_link(stack: Stack, link: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {link['url'].partition('#')[2]}"}
    async with httpx.AsyncClient(base_url=stack.url, timeout=90, headers=headers) as http:
        plan = (await http.get("/api/signing")).raise_for_status().json()["plan"]
        body = {"plan_digest": plan["digest"], "comment": "I have read it."}
        frozen = {"frozen_digest": plan["frozen"]["digest"]} if plan["frozen"] else {}
        (await http.post("/api/signing/approve", json=body | frozen)).raise_for_status()


def test_it_names_everyone_the_demands_and_the_request_before(made: Signed, tmp_path: Path) -> None:
    predicate = made.statement["predicate"]
    first, second = (each["decision"] for each in predicate["approvals"])
    assert [(one["actor"], one["via"], one["payload"]["gate"]["counts_for"]) for one in (first, second)] == [
        ("rita", "session", [0]),
        ("Pat", "link", [0]),
    ]
    assert second["payload"]["link"]["made_by"] == "max"
    assert predicate["policy"] == second["payload"]["gate"]["rules"]
    assert predicate["policy"]["words"] == [WORDS]
    (request,) = predicate["requests"]
    assert (request["decision"]["actor"], request["decision"]["plan_version"]) == ("rita", 1)
    for text in (
        WORDS,
        "a link to sign",
        "max",
        second["payload"]["link"]["made_by_id"],
        "1 of 2",
        "2 of 2",
        "Now it is right.",
        "I have read it.",
        "Not on &lt;b&gt;Friday&lt;/b&gt;.",
    ):
        assert text in made.page, text
    assert "No policy was in force." not in made.page
    ended = result_of(tmp_path, made.key, made.certificate, made.export)
    assert ended.code == 0, ended.out
    assert result_of(tmp_path, made.key, made.certificate).code == 0


def test_a_plan_that_lacks_an_approval_has_no_certificate(made: Signed) -> None:
    assert (made.half.status_code, made.half.json()["code"]) == (404, "not_signed")


def approval(statement: dict[str, Any], number: int) -> dict[str, Any]:
    return statement["predicate"]["approvals"][number]["decision"]


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "the guest": (lambda s: approval(s, 1).update(actor="ceo"), "approvals[1].decision.actor is"),
    "who vouched": (
        lambda s: approval(s, 1)["payload"]["link"].update(made_by="ceo"),
        "approvals[1].decision.payload.link.made_by is",
    ),
    "the rules of an approval": (
        lambda s: approval(s, 1)["payload"]["gate"]["rules"]["demands"][0].update(approvals=1),
        "approvals[1].decision.payload.gate.rules.demands[0].approvals is",
    ),
    "the rules": (
        lambda s: s["predicate"]["policy"]["demands"][0].update(approvals=1),
        "policy.demands[0].approvals is",
    ),
    "no policy": (lambda s: s["predicate"].update(policy=None), "policy is missing"),
    "a missing first approval": (lambda s: s["predicate"]["approvals"].pop(0), "approvals[1] is missing"),
    "a missing last approval": (lambda s: s["predicate"]["approvals"].pop(), "approvals[1] is missing"),
}
REQUESTS: dict[str, tuple[Change, str]] = {
    "the request": (
        lambda s: s["predicate"]["requests"][0]["decision"].update(comment="Fine."),
        "requests[0].decision.comment is",
    ),
    "a missing request": (lambda s: s["predicate"]["requests"].clear(), "requests[0] is missing in the certificate"),
}


def changed(made: Signed, change: Change) -> bytes:
    """A certificate that says something else, signed with the server's key."""
    statement = copy.deepcopy(made.statement)
    change(statement)
    assert statement != made.statement
    return sign(Statement.model_validate(statement), made.signer)


@pytest.mark.parametrize("what", CHANGES | REQUESTS)
def test_what_the_record_contradicts_is_found(made: Signed, tmp_path: Path, what: str) -> None:
    change, said = (CHANGES | REQUESTS)[what]
    ended = result_of(tmp_path, made.key, changed(made, change), made.export)
    found = [each["message"] for each in json.loads(ended.out)["findings"] if each["code"] == "certificate_differs"]
    assert ended.code == 1
    assert any(said in message for message in found), found


@pytest.mark.parametrize("what", CHANGES)
def test_what_contradicts_itself_is_found_without_a_record(made: Signed, tmp_path: Path, what: str) -> None:
    ended = result_of(tmp_path, made.key, changed(made, CHANGES[what][0]))
    assert (ended.code, ended.codes) == (1, {"certificate_inconsistent"}), ended


def without_first_approval(content: Content) -> None:
    rows = content["record/rows.jsonl"].splitlines(keepends=True)
    kept = [row for row in rows if b"Now it is right." not in row or b'"decisions"' not in row]
    assert len(kept) == len(rows) - 1
    content["record/rows.jsonl"] = b"".join(kept)


def other_words(before: bytes, after: bytes) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        assert before in content["record/rows.jsonl"]
        content["record/rows.jsonl"] = content["record/rows.jsonl"].replace(before, after)

    return change


RECORDS: dict[str, tuple[Callable[[Content], object], str]] = {
    "the signers": (with_rows("decisions", actor="ceo"), "decision_altered"),
    "the rules": (other_words(b'"approvals": 2', b'"approvals": 1'), "gate_altered"),
    "who vouched": (other_words(b'"made_by": "max"', b'"made_by": "ceo"'), "decision_altered"),
    "a missing first approval": (without_first_approval, "decision_missing"),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_that_was_altered_is_found(made: Signed, tmp_path: Path, what: str) -> None:
    change, code = RECORDS[what]
    content = Export(made.export, made.key).content
    change(content)
    ended = result_of(tmp_path, made.key, made.certificate, zip_of(content))
    assert ended.code == 1
    assert code in ended.codes, ended
