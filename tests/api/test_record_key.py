"""The record's key: shown, replaced, or given by a setting; and what the app knows about projects that are gone."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import Connection, delete, insert, select
from temporalio.testing import WorkflowEnvironment

from app.database.database import Database
from app.domain.identity import now
from app.domain.seals import Seal
from app.domain.signing import KeyRing, Signer, fingerprint_of
from app.main import create_app
from app.sealing.exported import verify
from app.sealing.keys import KeyUnusable, public_key_in
from app.settings import Settings
from app.storage import seals as seal_storage
from app.storage.record_tables import tombstones
from app.storage.tables import projects
from signoff.schemas.events import Event
from signoff.vocabulary import EventType
from tests.app_process import ROOT, AppProcess
from tests.conftest import Stack, running_stack
from tests.waiting import eventually
from tests.warm_processes import warm_command

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = "- Make: `echo made > out.txt` {#make files=out.txt timeout=60}"


async def signoff_command(settings: Settings, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run `signoff` as a separate process on a stack's data folder."""
    environment = {
        **os.environ,
        "SIGNOFF_DATA_DIR": str(settings.data_dir),
        "SIGNOFF_DATABASE_URL": settings.database_url,
        "SIGNOFF_PORT": str(settings.port),
        "SIGNOFF_TEMPORAL_ADDRESS": settings.temporal_address,
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *warm_command(*arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def record_key(stack: Stack) -> dict[str, Any]:
    answer = await stack.http.get("/api/record-key")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def found(stack: Stack, project_id: str) -> set[str]:
    told = await record_key(stack)
    codes = {item["code"] for item in told["findings"] if item["project_id"] == project_id}
    assert told["intact"] == (not told["findings"])
    return codes


async def test_the_public_key_is_shown_and_verifies_seals(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] Look {#look}")
    answer = await signoff.call("POST", f"/{project_id}/cancel")
    told = await record_key(signoff)
    key = public_key_in(told["public_key"])
    assert (told["fingerprint"], told["key_id"]) == (fingerprint_of(key), fingerprint_of(key)[:16])
    assert Seal.model_validate(answer["seal"]).is_signed_by(KeyRing([key]))
    assert (told["former_keys"], told["changes"]) == ([], [])
    code, out, err = await signoff_command(signoff.settings, "record", "key", "--url", signoff.url)
    assert (code, out) == (0, told["public_key"]), err
    assert told["fingerprint"] in err
    code, out, _ = await signoff_command(signoff.settings, "record", "key", "--json", "--url", signoff.url)
    assert (code, json.loads(out)["fingerprint"]) == (0, told["fingerprint"])


async def download(stack: Stack, project_id: str, target: Path) -> Path:
    target.write_bytes((await stack.http.get(f"/api/projects/{project_id}/download")).content)
    return target


async def test_after_a_rotation_old_records_stay_verifiable(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        first = await stack.started(PLAN)
        await stack.finished(first)
        before = await record_key(stack)
        old_zip = await download(stack, first, tmp_path / "old.zip")
        settings = stack.settings
    code, _, err = await signoff_command(settings, "record", "rotate")
    assert code == 0, err
    assert (settings.keys_dir / "seal.key").stat().st_mode & 0o777 == 0o600
    async with running_stack(temporal_server, tmp_path, database_url=settings.effective_database_url) as stack:
        second = await stack.started(PLAN)
        await stack.finished(second)
        await stack.call("PUT", f"/{first}", json={"name": "Renamed"})
        after = await record_key(stack)
        assert after["fingerprint"] != before["fingerprint"]
        assert after["fingerprint"] in err
        assert [key["fingerprint"] for key in after["former_keys"]] == [before["fingerprint"]]
        assert after["intact"]
        for project_id in (first, second):
            audit = await stack.call("POST", f"/{project_id}/audit")
            assert (audit["trail"]["intact"], audit["trail"]["unsealed"]) == (True, 0), audit
            assert audit["trail"]["seal"]["key_id"] == after["key_id"]
        new_zips = [await download(stack, first, tmp_path / "a.zip"), await download(stack, second, tmp_path / "b.zip")]
    old, new = public_key_in(before["public_key"]), public_key_in(after["public_key"])
    # Whoever knows the old key trusts the new one, which the old one has signed. The reverse is true too.
    for path in new_zips:
        for key in (old, new, before["fingerprint"], after["fingerprint"]):
            assert verify(path, key).findings == []
    assert verify(old_zip, old).findings == []
    assert {item.code for item in verify(old_zip, new).findings} >= {"key_unknown"}


async def test_a_key_that_nobody_signed_is_not_trusted(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """The key file is replaced manually: seals of the old key are not valid for the new one."""
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.planned(PLAN)
        before = await record_key(stack)
        settings = stack.settings
    (settings.keys_dir / "seal.key").unlink()
    async with running_stack(temporal_server, tmp_path, database_url=settings.effective_database_url) as stack:
        audit = await stack.call("POST", f"/{project_id}/audit")
        assert not audit["trail"]["intact"]
        path = await download(stack, project_id, tmp_path / "a.zip")
    codes = {item.code for item in verify(path, public_key_in(before["public_key"])).findings}
    assert codes >= {"key_unknown", "manifest_forged"}


async def test_a_key_from_a_setting_seals_and_is_not_stored(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    raw = os.urandom(32)
    given = base64.b64encode(raw).decode()
    key = Signer(Ed25519PrivateKey.from_private_bytes(raw)).public_key
    async with running_stack(temporal_server, tmp_path, seal_key=SecretStr(given)) as stack:
        project_id = await stack.started(PLAN)
        await stack.finished(project_id)
        assert (await record_key(stack))["fingerprint"] == fingerprint_of(key)
        assert verify(await download(stack, project_id, tmp_path / "a.zip"), key).findings == []
        stored = [path for path in stack.settings.data_dir.rglob("*") if path.is_file()]
        assert not [path for path in stored if raw in path.read_bytes() or given.encode() in path.read_bytes()]
        assert not (stack.settings.keys_dir / "seal.key").exists()
        settings = stack.settings
    code, out, err = await signoff_command(settings, "record", "rotate", SIGNOFF_SEAL_KEY=given)
    assert code == 0, err
    database = settings.effective_database_url
    async with running_stack(temporal_server, tmp_path, database_url=database, seal_key=SecretStr(out)) as stack:
        audit = await stack.call("POST", f"/{project_id}/audit")
        assert audit["trail"]["intact"]
        assert [item["fingerprint"] for item in (await record_key(stack))["former_keys"]] == [fingerprint_of(key)]


@pytest.mark.parametrize("given", ["nonsense", base64.b64encode(b"short").decode(), "-----BEGIN PRIVATE KEY-----"])
def test_a_key_that_cannot_be_used_is_refused_at_start(tmp_path: Path, given: str) -> None:
    with pytest.raises(KeyUnusable, match="SIGNOFF_SEAL_KEY is not an Ed25519 private key"):
        create_app(Settings(data_dir=tmp_path, seal_key=SecretStr(given)))


async def test_the_end_of_a_deleted_project_is_sealed(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await signoff.call("POST", f"/{project_id}/audit")
    await signoff.call("DELETE", f"/{project_id}")

    def read(conn: Connection) -> Seal | None:
        return seal_storage.tombstones_of_all(conn)[project_id]

    async def sealed() -> Seal | None:
        return await signoff.database.read(read)

    stone = await eventually(sealed, what="the tombstone is sealed")
    key = public_key_in((await record_key(signoff))["public_key"])
    assert stone.is_signed_by(KeyRing([key]))
    assert (stone.deleted, stone.unauthenticated, stone.contradicts) == (True, [], None)

    async def published() -> bool:
        lines = signoff.settings.effective_heads_file.read_text().splitlines()
        return stone.model_dump(mode="json") in [json.loads(line).get("seal", {}) for line in lines]

    await eventually(published, what="the seal of the tombstone is published")
    assert await found(signoff, project_id) == set()


def remove(conn: Connection, project_id: str) -> None:
    conn.execute(delete(projects).where(projects.c.id == project_id))


async def test_a_project_that_was_removed_without_a_trace_is_reported(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id, other = await stack.planned(PLAN), await stack.planned(PLAN)
        for each in (project_id, other):
            await stack.call("POST", f"/{each}/audit")
        assert await found(stack, project_id) == set()
        code, out, err = await signoff_command(stack.settings, "doctor", "--json")
        assert next(item["state"] for item in json.loads(out) if item["part"] == "record") == "ok", err
        await stack.database.transact(lambda conn: remove(conn, project_id))
        assert await found(stack, project_id) == {"project_removed"}
        assert await found(stack, other) == set()
        code, out, err = await signoff_command(stack.settings, "doctor", "--json")
        shown = next(item for item in json.loads(out) if item["part"] == "record")
        assert (code, shown["state"], project_id in shown["found"]) == (1, "bad", True), err
        settings = stack.settings
    # The app's memory survives a restart.
    async with running_stack(temporal_server, tmp_path, database_url=settings.effective_database_url) as stack:
        assert await found(stack, project_id) == {"project_removed"}


async def test_a_tombstone_that_nobody_asked_for_is_reported(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)
    await signoff.call("POST", f"/{project_id}/audit")

    def bury(conn: Connection) -> None:
        last = conn.execute(select(projects.c.last_seq).where(projects.c.id == project_id)).scalar_one()
        event = Event(
            seq=last + 1, type=EventType.PROJECT_DELETED, project_id=project_id, at=now(), actor="ceo@company", data={}
        )
        row = {
            "project_id": project_id,
            "deleted_at": now(),
            "deleted_by": "ceo@company",
            "event": event.model_dump(),
            "head": "0" * 64,
            "proof": {},
            "seal": None,
        }
        conn.execute(insert(tombstones).values(row))
        remove(conn, project_id)

    await signoff.database.transact(bury)

    async def reported() -> bool:
        return await found(signoff, project_id) == {"project_removed"}

    await eventually(reported, what="the tombstone is reported")
    await signoff.database.transact(
        lambda conn: conn.execute(delete(tombstones).where(tombstones.c.project_id == project_id)).rowcount
    )


async def test_a_deleted_project_that_comes_back_is_reported(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.create("")
        row: dict[str, Any] = await stack.database.read(
            lambda conn: dict(conn.execute(select(projects).where(projects.c.id == project_id)).mappings().one())
        )
        await stack.call("DELETE", f"/{project_id}")

        async def buried() -> bool:
            return await stack.database.read(seal_storage.unsealed_tombstones) == []

        await eventually(buried, what="the tombstone is sealed")

        def restore(conn: Connection) -> None:
            conn.execute(delete(tombstones))
            conn.execute(insert(projects).values(row))

        await stack.database.transact(restore)

        # The tombstone's seal is published a moment after it is stored.
        async def reported() -> bool:
            return await found(stack, project_id) == {"project_restored"}

        await eventually(reported, what="the project that came back is reported")


@pytest.mark.parametrize("what", ["a seal", "the seal of a deleted project"])
async def test_an_app_that_is_killed_before_it_publishes_a_seal_publishes_it_later(
    temporal_server: WorkflowEnvironment, tmp_path: Path, what: str
) -> None:
    """kill -9 between the commit of a seal and its line in the file of heads, and in the middle of another line."""
    deleted = what != "a seal"
    async with running_stack(temporal_server, tmp_path) as stack:
        settings, heads = stack.settings, stack.settings.effective_heads_file
        project_id = await stack.create("")
        await stack.call("POST", f"/{project_id}/audit")
    earlier = heads.read_text()
    database = Database(settings.effective_database_url)
    await database.start()
    process = AppProcess(settings)
    try:
        await process.ready()
        # From here on the app commits seals, but cannot publish them.
        kept = heads.parent.rename(heads.parent.with_name("moved"))
        heads.parent.write_text("no folder")
        path = f"/api/projects/{project_id}"
        answer = await (process.http.delete(path) if deleted else process.http.put(path, json={"name": "Renamed"}))
        assert answer.status_code == 200, answer.text

        async def committed() -> Seal | None:
            def read(conn: Connection) -> Seal | None:
                if deleted:
                    return seal_storage.tombstones_of_all(conn).get(project_id)
                newest = seal_storage.newest(conn, project_id)
                return newest if newest is not None and newest.seq == 2 else None

            return await database.read(read)

        seal = await eventually(committed, what="the seal is in the database")
        process.kill()
        heads.parent.unlink()
        kept.rename(heads.parent)
        assert heads.read_text() == earlier
        with heads.open("a") as file:
            file.write('{"seal":{"project_id":"proj_')
    finally:
        await database.close()
        await process.close()
    async with running_stack(temporal_server, tmp_path, database_url=settings.effective_database_url) as stack:

        async def published() -> list[Any]:
            return [
                json.loads(line)["seal"]
                for line in heads.read_text().splitlines()
                if line.startswith(f'{{"seal":{{"project_id":"{project_id}"')
            ]

        async def complete() -> bool:
            return (await published())[-1] == seal.model_dump(mode="json")

        await eventually(complete, what="the seal is published")
        numbers = [item["number"] for item in await published()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert await found(stack, project_id) == set()
        if not deleted:
            audit = await stack.call("POST", f"/{project_id}/audit")
            assert (audit["trail"]["intact"], audit["trail"]["unsealed"]) == (True, 0), audit
