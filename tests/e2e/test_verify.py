"""`signoff verify` as a process with only the zip and a key: valid exports, and every way to tamper with one."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.testing import WorkflowEnvironment

from app.cli.record import verify as verify_command
from app.domain.events import GENESIS, chain_hash
from app.domain.seals import Head, Seal
from app.domain.signing import Signer, fingerprint_of
from app.sealing.authentic import command_content
from app.sealing.export import Entry, KeyFile, Manifest, NewestSeal
from app.sealing.keys import pem_of
from signoff.schemas.events import Event
from tests.conftest import Stack, running_stack
from tests.warm_processes import warm_command

PLAN = """
- Make: `echo made > out.txt; echo said; echo x=1 >> $SIGNOFF_OUTPUT` {#make files=out.txt timeout=60}
- [ ] Look {#look after=make}
"""
ROWS, KEYS, MANIFEST, EVENTS = "record/rows.jsonl", "record/keys.json", "record/manifest.json", "events.jsonl"
# No settings, no database, no server, no data folder.
ENVIRONMENT = {"PATH": "/usr/bin", "PYTHONPATH": str(Path.cwd())}
Content = dict[str, bytes]


@dataclass(frozen=True)
class Export:
    """A zip, its entries, and the key of the server that made it."""

    data: bytes
    key: str

    @property
    def content(self) -> Content:
        with zipfile.ZipFile(io.BytesIO(self.data)) as opened:
            return {name: opened.read(name) for name in opened.namelist()}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def codes(self) -> set[str]:
        return {found["code"] for found in json.loads(self.out)["findings"] if found["severity"] == "critical"}


async def verify(*arguments: str, folder: Path) -> Ended:
    """Run the command in its own process."""
    process = await asyncio.create_subprocess_exec(
        *warm_command("verify", *arguments),
        cwd=folder,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def zip_of(content: Content) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in content.items():
            opened.writestr(name, data)
    return made.getvalue()


async def download(stack: Stack, project_id: str) -> bytes:
    answer = await stack.http.get(f"/api/projects/{project_id}/download")
    assert answer.status_code == 200
    return answer.content


@pytest.fixture(scope="module")
async def export(temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A finished project with every kind of row, from a server that is gone when it is verified."""
    async with running_stack(temporal_server, tmp_path_factory.mktemp("exporter")) as stack:
        project_id = await stack.started(PLAN)
        await stack.task_in(project_id, "look", "waiting")
        await stack.call("POST", f"/{project_id}/tasks/look/complete", json={"comment": "fine", "outputs": {"y": 2}})
        await stack.finished(project_id)
        data = await download(stack, project_id)
        key = (stack.settings.keys_dir / "seal.pub").read_text()
    return Export(data, key)


def result_of(content: Content | bytes, key: str, folder: Path) -> Ended:
    """Verify with the server's key, in this process."""
    (folder / "project.zip").write_bytes(content if isinstance(content, bytes) else zip_of(content))
    ended = CliRunner().invoke(verify_command, [str(folder / "project.zip"), "--public-key", key, "--json"])
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


async def test_an_export_is_verified_with_the_public_key_alone(export: Export, tmp_path: Path) -> None:
    (tmp_path / "project.zip").write_bytes(export.data)
    (tmp_path / "server.pub").write_text(export.key)
    from app.sealing.keys import public_key_in  # noqa: PLC0415

    fingerprint = fingerprint_of(public_key_in(export.key))
    for key in ("server.pub", export.key, fingerprint):
        ended = await verify("project.zip", "--public-key", key, folder=tmp_path)
        assert (ended.code, ended.err) == (0, ""), ended
        assert ended.out.endswith("The record is intact.\n")
        assert fingerprint in ended.out
        assert "who signed it" not in ended.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project.zip", "server.pub"]
    assert {name.split("/")[0] for name in export.content} >= {"record", "logs", "files", EVENTS}


async def test_without_a_key_verify_says_that_the_signer_is_unknown(export: Export, tmp_path: Path) -> None:
    (tmp_path / "project.zip").write_bytes(export.data)
    ended = await verify("project.zip", folder=tmp_path)
    assert ended.code == 0
    assert "only that the record is consistent, not who signed it" in ended.out


async def test_the_key_of_another_server_is_refused(export: Export, tmp_path: Path) -> None:
    other = pem_of(Signer(Ed25519PrivateKey.generate()).public_key)
    ended = result_of(export.data, other, tmp_path)
    assert ended.code == 1
    assert "key_unknown" in ended.codes
    ended = await verify("project.zip", "--public-key", "0" * 64, "--json", folder=tmp_path)
    assert (ended.code, ended.codes) == (1, {"key_unknown"})


async def test_the_export_of_a_running_project_says_what_is_sealed(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    (tmp_path / "stack").mkdir()
    async with running_stack(temporal_server, tmp_path / "stack") as stack:
        project_id = await stack.started("- [ ] Look {#look}")
        await stack.task_in(project_id, "look", "waiting")
        (tmp_path / "project.zip").write_bytes(await download(stack, project_id))
    ended = await verify("project.zip", "--json", folder=tmp_path)
    told = json.loads(ended.out)
    assert (ended.code, told["events"]) == (0, told["sealed_events"]), ended
    ended = await verify("project.zip", folder=tmp_path)
    assert f"sealed up to event {told['events']}" in ended.out


Change = Callable[[Content], object]


def lines(content: Content, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    values = change([json.loads(line) for line in content[name].splitlines()])
    content[name] = b"".join(json.dumps(value).encode() + b"\n" for value in values)


def with_rows(table: str, **values: Any) -> Change:
    """A change that sets values in all rows of a table."""

    def change(rows: list[Any]) -> list[Any]:
        assert any(one["table"] == table for one in rows)
        return [{**one, "row": {**one["row"], **values}} if one["table"] == table else one for one in rows]

    return lambda content: lines(content, ROWS, change)


def other_actor(content: Content) -> None:
    def change(rows: list[Any]) -> list[Any]:
        rows[3]["actor"] = "ceo@company"
        return rows

    lines(content, EVENTS, change)


def other_command(content: Content) -> None:
    assert b"echo made" in content[ROWS]
    content[ROWS] = content[ROWS].replace(b"echo made", b"echo evil")


def other_log(content: Content) -> None:
    name = next(name for name in content if name.startswith("logs/"))
    assert content[name] == b"said\n"
    content[name] = b"sang\n"


TAMPERINGS: dict[str, tuple[Change, set[str]]] = {
    "an actor": (other_actor, {"entry_altered", "chain_broken", "decision_altered"}),
    "the last events": (
        lambda content: lines(content, EVENTS, lambda rows: rows[:-3]),
        {"entry_altered", "chain_broken", "seal_broken"},
    ),
    "an event in between": (lambda content: lines(content, EVENTS, lambda rows: rows[:4] + rows[5:]), {"chain_broken"}),
    "the order of events": (
        lambda content: lines(content, EVENTS, lambda rows: [*rows[:4], rows[5], rows[4], *rows[6:]]),
        {"chain_broken"},
    ),
    "a plan's command": (other_command, {"entry_altered", "plan_altered"}),
    "a log": (other_log, {"entry_altered"}),
    "an output": (lambda content: content.update({"files/out.txt": b"evil\n"}), {"entry_altered"}),
    "what people read": (
        lambda content: content.update({"project.json": content["project.json"].replace(b"completed", b"cancelled")}),
        {"entry_altered"},
    ),
    "a decision's author": (with_rows("decisions", actor="ceo@company"), {"decision_altered"}),
    "a decision's id of its author": (with_rows("decisions", actor_id="person_x"), {"decision_altered"}),
    "a decision's address": (with_rows("decisions", address="192.0.2.1"), {"decision_altered"}),
    "a command's means": (with_rows("commands", via="key"), {"command_altered"}),
    "who created a plan": (with_rows("plans", created_by_id="person_x"), {"plan_altered"}),
    "who created the project": (with_rows("projects", created_by_id="person_x"), {"project_altered"}),
    "a command": (with_rows("commands", comment="other"), {"command_altered"}),
    "a task's outputs": (with_rows("tasks", outputs={"x": "2"}), {"task_altered"}),
    "the project's status": (with_rows("projects", status="failed"), {"project_altered"}),
    "an attempt": (with_rows("attempts", number=7), {"attempt_altered"}),
    "a row's type": (with_rows("runs", number=[1]), {"run_altered"}),
    "an id that is a list": (with_rows("tasks", id=["x"]), {"task_altered"}),
    "a plan's ids": (with_rows("plans", ids=None), {"plan_altered"}),
    "the seals": (
        lambda content: lines(content, ROWS, lambda rows: [one for one in rows if one["table"] != "seals"]),
        {"entry_altered", "record_rolled_back"},
    ),
    "the first seal": (
        lambda content: lines(content, ROWS, lambda rows: [one for one in rows if one["row"].get("number") != 1]),
        {"entry_altered"},
    ),
    "a file's name": (
        lambda content: content.update({"files/evil.txt": content.pop("files/out.txt")}),
        {"entry_added", "entry_missing"},
    ),
    "all rows": (lambda content: content.pop(ROWS), {"entry_missing"}),
    "all events": (lambda content: content.pop(EVENTS), {"entry_missing"}),
    "the manifest": (lambda content: content.pop(MANIFEST), {"entry_missing"}),
    "the keys": (lambda content: content.pop(KEYS), {"entry_missing"}),
    "a space in the manifest's numbers": (
        lambda content: content.update({MANIFEST: content[MANIFEST].replace(b'"last_seq": ', b'"last_seq": 1')}),
        {"manifest_forged"},
    ),
    "no JSON": (lambda content: content.update({ROWS: b"{oops\n"}), {"entry_altered", "entry_unreadable"}),
    "JSON of another kind": (lambda content: content.update({ROWS: b"[1]\n"}), {"record_unreadable"}),
    "deep JSON": (
        lambda content: content.update({EVENTS: b"[" * 100_000 + b"]" * 100_000 + b"\n"}),
        {"entry_unreadable"},
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_every_change_in_an_export_is_found(export: Export, tmp_path: Path, what: str) -> None:
    change, codes = TAMPERINGS[what]
    content = export.content
    change(content)
    ended = result_of(content, export.key, tmp_path)
    assert ended.code == 1, ended
    assert ended.codes >= codes, ended.out
    assert ended.err == ""


def test_rows_without_columns_of_later_versions_are_read(export: Export, tmp_path: Path) -> None:
    later = {"labels", "created_by_id", "approved_by_id", "actor_id", "via", "address", "session_id"}

    def older(rows: list[Any]) -> list[Any]:
        return [
            {**one, "row": {name: value for name, value in one["row"].items() if value or name not in later}}
            for one in rows
        ]

    content = export.content
    lines(content, ROWS, older)
    # Nothing but the checksum of the entry has changed.
    assert result_of(content, export.key, tmp_path).codes == {"entry_altered"}


async def test_every_entry_is_covered(export: Export, tmp_path: Path) -> None:
    """An extra byte is found in every entry."""
    (tmp_path / "server.pub").write_text(export.key)
    from app.sealing.exported import verify as examine  # noqa: PLC0415
    from app.sealing.keys import public_key_in  # noqa: PLC0415

    for name in set(export.content) - {MANIFEST}:
        content = export.content
        content[name] += b" "
        (tmp_path / "project.zip").write_bytes(zip_of(content))
        found = examine(tmp_path / "project.zip", public_key_in(export.key)).findings
        assert any(one.code == "entry_altered" and name in one.message for one in found), name


def forge_everything(content: Content, signer: Signer) -> None:
    """Change the approver in the events, and sign everything that has a signature with another key."""
    head = GENESIS
    hashes: dict[int, str] = {}

    def forge(rows: list[Any]) -> list[Any]:
        nonlocal head
        for row in rows:
            if row["type"] == "plan.approved":
                row["actor"] = "ceo@company"
            head = chain_hash(head, Event.model_validate({name: row.get(name) for name in Event.model_fields}))
            row["hash"] = hashes[row["seq"]] = head
        return rows

    lines(content, EVENTS, forge)
    before: Head | None = None

    def seal(rows: list[Any]) -> list[Any]:
        nonlocal before
        for row in rows:
            if row["table"] == "projects":
                row["row"]["last_hash"] = head
            if row["table"] == "commands":
                row["row"]["seal"] = signer.sign("command", command_content(row["row"]))
            if row["table"] == "seals":
                made = Seal.model_validate(row["row"])
                values = {"hash": hashes[made.seq], "key_id": signer.key_id}
                values["previous"] = before.digest if before is not None else GENESIS
                made = made.model_copy(update=values).signed(signer)
                before = Head.of(made)
                row["row"] = made.model_dump(mode="json")
        return rows

    lines(content, ROWS, seal)
    assert before is not None
    own = KeyFile(
        key_id=signer.key_id,
        fingerprint=fingerprint_of(signer.public_key),
        public_key=pem_of(signer.public_key),
        changes=[],
    )
    content[KEYS] = own.model_dump_json().encode()
    manifest = Manifest.model_validate_json(content.pop(MANIFEST))
    entries = {name: Entry(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in content.items()}
    values = {"entries": entries, "key_id": signer.key_id, "seal": NewestSeal(**before._asdict())}
    manifest = manifest.model_copy(update=values)
    manifest = manifest.model_copy(update={"signature": signer.sign("export", manifest.content)})
    content[MANIFEST] = manifest.model_dump_json().encode()


async def test_a_record_signed_entirely_with_another_key_is_found(export: Export, tmp_path: Path) -> None:
    content = export.content
    forge_everything(content, Signer(Ed25519PrivateKey.generate()))
    ended = result_of(content, export.key, tmp_path)
    assert ended.code == 1
    assert ended.codes >= {"key_unknown", "manifest_forged", "seal_forged"}
    # The export is consistent with its own key, but the decision reveals the new approver.
    ended = await verify("project.zip", "--json", folder=tmp_path)
    assert (ended.code, ended.codes) == (1, {"decision_altered", "plan_altered"})


def test_duplicate_names_are_found(export: Export, tmp_path: Path) -> None:
    made = io.BytesIO(export.data)
    with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as opened:
        warnings.simplefilter("ignore")
        opened.writestr(EVENTS, export.content[EVENTS])
    ended = result_of(made.getvalue(), export.key, tmp_path)
    assert (ended.code, ended.codes) == (1, {"entry_duplicate"})


@pytest.mark.parametrize("name", [EVENTS, ROWS, MANIFEST])
async def test_a_bomb_is_refused_and_not_unpacked(export: Export, tmp_path: Path, name: str) -> None:
    content = export.content
    content[name] = b" " * 200_000_000
    bomb = zip_of(content)
    assert len(bomb) < 1_000_000
    del content
    (tmp_path / "project.zip").write_bytes(bomb)
    (tmp_path / "server.pub").write_text(export.key)
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        f"ulimit -v 400000; exec {sys.executable} -m app.cli verify project.zip --public-key server.pub --json",
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (1, b"")
    assert Ended(1, out.decode(), "").codes >= {"entry_too_large"}


async def test_other_files_are_refused_with_a_reason(export: Export, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("not a zip")
    (tmp_path / "other.zip").write_bytes(zip_of({"readme.txt": b"x"}))
    (tmp_path / "cut.zip").write_bytes(export.data[: len(export.data) // 2])
    (tmp_path / "good.zip").write_bytes(export.data)
    for arguments, said in {
        ("text.zip",): "is not a zip",
        ("cut.zip",): "is not a zip",
        ("other.zip",): "no sealed record",
        ("missing.zip",): "does not exist",
        ("good.zip", "--public-key", "nonsense"): "not a public key",
    }.items():
        ended = await verify(*arguments, folder=tmp_path)
        assert ended.code == 2, ended
        assert said in " ".join(ended.err.split()), ended
        assert "Traceback" not in ended.err
