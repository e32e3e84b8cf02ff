"""Attacks by someone who can write to the database but cannot sign: everything that a worker could do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update
from temporalio.testing import WorkflowEnvironment

from app.database.database import Database
from app.domain.commands import CommandRecord
from app.domain.events import GENESIS, chain_hash
from app.domain.identity import new_id, now
from app.domain.signing import Signer
from app.sealing.heads import HeadsLog
from app.storage import decisions as decision_storage
from app.storage import seals as seal_storage
from app.storage.record_tables import events, seals
from app.storage.tables import commands, decisions, plans, projects
from signoff.schemas.event_data import FileUploaded, PlanApproved
from signoff.schemas.events import Event
from tests.conftest import Stack, eventually, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

PLAN = """
- Make: `echo made > out.txt` {#make files=out.txt timeout=60}
- [ ] Look {#look after=make}
"""
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


async def done(stack: Stack) -> str:
    project_id = await stack.started(PLAN)
    await stack.task_in(project_id, "look", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/look/complete", json={"comment": "fine"})
    await stack.finished(project_id)
    audit = await stack.call("POST", f"/{project_id}/audit")
    assert (audit["trail"]["intact"], audit["trail"]["unsealed"]) == (True, 0), audit
    return project_id


async def found(stack: Stack, project_id: str) -> set[str]:
    """Return the codes of the critical findings. If there are any, the record must not be reported as intact."""
    audit = await stack.call("POST", f"/{project_id}/audit")
    codes = {item["code"] for item in audit["results"]["findings"] if item["severity"] == "critical"}
    assert audit["trail"]["intact"] == (not codes)
    return codes


def rewrite(conn: Connection, project_id: str, change: Change) -> None:
    """Replace a project's events with others, whose chain of hashes is valid."""
    rows = conn.execute(select(events).where(events.c.project_id == project_id).order_by(events.c.seq)).mappings()
    changed = change([dict(row) for row in rows])
    conn.execute(delete(events).where(events.c.project_id == project_id))
    head = GENESIS
    for seq, row in enumerate(changed, start=1):
        event = Event.model_validate({**row, "seq": seq})
        head = chain_hash(head, event)
        values = {**event.model_dump(), "hash": head, "seal": row.get("seal") if row["seq"] == seq else None}
        conn.execute(insert(events).values(values))
    end = {"last_seq": len(changed), "last_hash": head}
    conn.execute(update(projects).where(projects.c.id == project_id).values(**end))


def as_ceo(conn: Connection, project_id: str) -> None:
    """Change the approver everywhere: also in the decision and its hash."""
    made = [one for one in decision_storage.all_of(conn, project_id) if one.kind == "approve"]
    by_id = {one.id: one.model_copy(update={"actor": "ceo@company"}) for one in made}
    for decision in by_id.values():
        conn.execute(update(decisions).where(decisions.c.id == decision.id).values(actor=decision.actor))
    conn.execute(update(plans).where(plans.c.project_id == project_id).values(approved_by="ceo@company"))
    chosen = (commands.c.project_id == project_id, commands.c.kind == "approve")
    conn.execute(update(commands).where(*chosen).values(actor="ceo@company"))

    def change(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows:
            decision = by_id.get(row["data"].get("decision_id"))
            if decision is not None:
                row["data"] = {**row["data"], **decision.seal()}
            if decision is not None or row["type"] in {"plan.approved", "run.started"}:
                row["actor"] = "ceo@company"
        return rows

    rewrite(conn, project_id, change)


async def test_an_approval_in_another_name_with_every_hash_recomputed_is_found(signoff: Stack) -> None:
    project_id = await done(signoff)
    await signoff.database.transact(lambda conn: as_ceo(conn, project_id))
    assert await found(signoff, project_id) >= {"record_rewritten", "command_altered"}
    # A finding stays, even if everything is restored.
    assert "record_rewritten" in await found(signoff, project_id)


@pytest.mark.parametrize("what", ["inserted", "deleted", "reordered", "cut off"])
async def test_events_that_were_rewritten_with_a_chain_that_holds_are_found(signoff: Stack, what: str) -> None:
    project_id = await done(signoff)
    changes: dict[str, Change] = {
        "inserted": lambda rows: [*rows[:3], {**rows[3], "type": "task.progress", "data": {}}, *rows[3:]],
        "deleted": lambda rows: rows[:3] + rows[4:],
        "reordered": lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]],
        "cut off": lambda rows: rows[:-2],
    }
    await signoff.database.transact(lambda conn: rewrite(conn, project_id, changes[what]))
    assert "record_rewritten" in await found(signoff, project_id)


async def test_seals_that_are_deleted_with_the_events_that_they_cover_are_missed(signoff: Stack) -> None:
    project_id = await done(signoff)

    def roll_back(conn: Connection) -> None:
        rewrite(conn, project_id, lambda rows: rows[:-2])
        conn.execute(delete(seals).where(seals.c.project_id == project_id))

    await signoff.database.transact(roll_back)
    assert await found(signoff, project_id) >= {"record_rewritten", "seal_missing"}


async def test_a_seal_by_another_key_is_none(signoff: Stack) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    project_id = await done(signoff)
    forger = Signer(Ed25519PrivateKey.generate())

    def forge(conn: Connection) -> None:
        seal = seal_storage.newest(conn, project_id)
        assert seal is not None
        forged = seal.model_copy(update={"key_id": forger.key_id}).signed(forger)
        where = (seals.c.project_id == project_id, seals.c.number == seal.number)
        conn.execute(update(seals).where(*where).values(body=forged.model_dump(mode="json")))

    await signoff.database.transact(forge)
    assert await found(signoff, project_id)


def approve_unasked(conn: Connection, project_id: str, *, command: bool) -> None:
    """Append an approval to a record as a worker would: a decision, an event and, if asked for, a command."""
    plan = conn.execute(select(plans).where(plans.c.project_id == project_id)).mappings().one()
    decision = CommandRecord(
        id=new_id("dec"),
        project_id=project_id,
        request_id=new_id("req"),
        kind="approve",
        actor="ceo@company",
        at=now(),
        plan_version=1,
        plan_digest=plan["digest"],
        outcome="accepted",
        payload={"plan_version": 1},
    )
    decision_storage.record(conn, decision)
    if command:
        row = {
            "id": new_id("cmd"),
            "project_id": project_id,
            "request_id": decision.request_id,
            "kind": "approve",
            "actor": "ceo@company",
            "comment": "",
            "payload": {"plan_version": 1},
            "at": now(),
            "seal": None,
        }
        conn.execute(insert(commands).values(row))
    approved = PlanApproved(plan_version=1, plan_digest=plan["digest"], approved_at=decision.at, **decision.seal())
    from app.storage import events as event_storage  # noqa: PLC0415

    event_storage.append(conn, project_id, approved, actor="ceo@company")


@pytest.mark.parametrize("command", [False, True], ids=["without a command", "with a forged command"])
async def test_an_approval_that_nobody_asked_for_is_sealed_as_such(signoff: Stack, *, command: bool) -> None:
    """The sealer signs new events, but it does not vouch that somebody asked for them."""
    project_id = await signoff.planned(PLAN)
    await signoff.database.transact(lambda conn: approve_unasked(conn, project_id, command=command))
    assert "unauthenticated" in await found(signoff, project_id)


async def test_a_command_is_good_for_the_plan_that_it_names_alone(signoff: Stack) -> None:
    """A person's stored command is used for a decision of another kind."""
    project_id = await done(signoff)

    def reuse(conn: Connection) -> None:
        conn.execute(update(commands).where(commands.c.project_id == project_id).values(comment="changed"))

    await signoff.database.transact(reuse)
    assert await found(signoff, project_id) == {"command_altered"}


async def test_an_event_in_the_name_of_a_person_without_a_decision_is_sealed_as_such(signoff: Stack) -> None:
    project_id = await signoff.create("")

    def forge(conn: Connection) -> None:
        from app.storage import events as event_storage  # noqa: PLC0415

        told = FileUploaded(path="x", size=1, sha256="0" * 64)
        event_storage.append(conn, project_id, told, actor="ceo@company")

    await signoff.database.transact(forge)
    assert await found(signoff, project_id) == {"unauthenticated"}


async def test_seals_come_by_themselves_and_cover_everything(signoff: Stack) -> None:
    project_id = await signoff.planned(PLAN)

    async def covered() -> bool:
        def read(conn: Connection) -> bool:
            seal = seal_storage.newest(conn, project_id)
            last = conn.execute(select(projects.c.last_seq).where(projects.c.id == project_id)).scalar_one()
            return seal is not None and seal.seq == last

        return await signoff.database.read(read)

    await eventually(covered, what="every event is sealed")
    key = signoff.settings.keys_dir / "seal.key"
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    log = HeadsLog(signoff.settings.effective_heads_file)
    await asyncio.to_thread(log.refresh)
    assert project_id in log.heads


async def test_records_of_before_are_sealed_as_such(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """A database from before its first seal: its events are sealed, but nobody vouches for them."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with running_stack(temporal_server, tmp_path / "one") as stack:
        project_id = await done(stack)
        url = stack.settings.effective_database_url
    database = Database(url)
    await database.start()
    await database.transact(forget_seals)
    await database.close()
    async with running_stack(temporal_server, tmp_path / "two", database_url=url) as stack:
        audit = await stack.call("POST", f"/{project_id}/audit")
        assert audit["trail"]["sealed_later"] == audit["trail"]["events"]
        assert audit["trail"]["unsealed"] == 0
        codes = {item["code"] for item in audit["results"]["findings"] if item["severity"] == "critical"}
        assert codes == set()


def forget_seals(conn: Connection) -> None:
    """Put a database into its state before there were seals."""
    conn.execute(delete(seals))
    conn.execute(delete(commands))
    conn.execute(text("UPDATE events SET seal = NULL"))


async def test_a_database_from_yesterday_is_found(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """Every row of the project is restored to an earlier state. Only the file of heads knows what was published since."""
    async with running_stack(temporal_server, tmp_path) as stack:
        project_id = await stack.planned(PLAN)
        await stack.call("POST", f"/{project_id}/audit")
        tables = (projects, plans, events, seals, decisions, commands)

        def copy(conn: Connection) -> dict[str, list[dict[str, Any]]]:
            return {table.name: [dict(row) for row in conn.execute(select(table)).mappings()] for table in tables}

        yesterday = await stack.database.read(copy)
        await stack.call("PUT", f"/{project_id}", json={"name": "Renamed"})
        await stack.call("POST", f"/{project_id}/audit")

        def restore(conn: Connection) -> None:
            for table in (seals, events):
                conn.execute(delete(table))
                conn.execute(insert(table), yesterday[table.name])
            row = yesterday["projects"][0]
            conn.execute(update(projects).where(projects.c.id == project_id).values(**row))

        await stack.database.transact(restore)
        assert await found(stack, project_id) >= {"record_rewritten"}


async def test_two_apps_seal_the_same_record(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """Both sign with the same key. Neither loses or duplicates a seal, or takes the other's seal for a forgery."""
    from app.sealing.keys import load_keys  # noqa: PLC0415
    from app.sealing.sealer import Sealer  # noqa: PLC0415

    async with running_stack(temporal_server, tmp_path) as stack:
        keys = load_keys(stack.settings.keys_dir)
        database = Database(stack.settings.effective_database_url, keys.signer)
        await database.start()
        try:
            other = Sealer(database, keys, HeadsLog(tmp_path / "elsewhere" / "heads.log"))
            await other.start()
            project_id = await stack.planned(PLAN)
            for number in range(20):
                await stack.call("PUT", f"/{project_id}", json={"name": f"Name {number}"})
                await asyncio.gather(other.seal(project_id), stack.call("POST", f"/{project_id}/audit"))
            made = await database.read(lambda conn: seal_storage.all_of(conn, project_id))
            assert [seal.number for seal in made] == list(range(1, len(made) + 1))
            assert await found(stack, project_id) == set()
        finally:
            await database.close()


class _Counting(Database):
    """Counts write transactions."""

    transactions = 0

    async def transact(self, work: Callable[[Connection], Any]) -> Any:
        self.transactions += 1
        return await super().transact(work)


async def test_what_is_sealed_is_left_alone(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """A new event of one project causes no write for other projects."""
    from app.sealing.keys import load_keys  # noqa: PLC0415
    from app.sealing.sealer import Sealer  # noqa: PLC0415

    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        keys = load_keys(stack.settings.keys_dir)
        database = _Counting(stack.settings.effective_database_url, keys.signer)
        await database.start()
        sealer = Sealer(database, keys, HeadsLog(tmp_path / "elsewhere" / "heads.log"))
        running = asyncio.create_task(sealer.seal_periodically())
        try:
            made = [await stack.create("") for _ in range(20)]

            async def sealed() -> bool:
                numbers = {project_id: (await stack.project(project_id))["last_seq"] for project_id in made}
                return all(getattr(sealer.heads.get(name), "seq", 0) >= seq for name, seq in numbers.items())

            await eventually(sealed, what="every project is sealed")
            before = database.transactions
            await stack.call("PUT", f"/{made[-1]}", json={"name": "Another"})
            await eventually(sealed, what="the change is sealed")
            assert 1 <= database.transactions - before < 10
        finally:
            running.cancel()
            await asyncio.wait({running})
            await database.close()
