"""Claims on requests with a key: who may work on a request, what is stored about it, and for how long."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from app.database.database import Database
from app.domain.errors import Conflict, Invalid
from app.domain.identity import isoformat
from app.storage import idempotency
from app.storage.idempotency import Answer, Claim, RequestKey
from app.storage.tables import idempotency as table
from tests.unit.conftest import opened

KEY = RequestKey("ann", "POST", "/api/projects", "k")
LEASE = timedelta(seconds=30)
ANSWER = Answer(201, {"content-type": "application/json", "etag": '"r1"'}, b'{"id":"\xc3\xa4"}')


def take(conn: Connection, key: RequestKey = KEY, body: str = "a" * 64) -> Claim | Answer:
    return idempotency.take(conn, key, body, LEASE)


async def claimed(database: Database, key: RequestKey = KEY) -> Claim:
    claim = await database.transact(lambda conn: take(conn, key))
    assert isinstance(claim, Claim)
    return claim


async def change(database: Database, **values: Any) -> None:
    await database.transact(lambda conn: conn.execute(update(table).values(**values)))


def ago(**span: float) -> str:
    return isoformat(datetime.now(UTC) - timedelta(**span))


async def test_first_request_gets_the_claim_and_a_repeat_has_to_wait(database: Database) -> None:
    claim = await claimed(database)
    assert claim.first
    with pytest.raises(Conflict) as refused:
        await database.transact(take)
    assert refused.value.info.code == "request_in_progress"


async def test_repeat_gets_the_answer_as_it_was_sent(database: Database) -> None:
    claim = await claimed(database)
    await database.transact(lambda conn: idempotency.keep(conn, claim, ANSWER))
    assert await database.transact(take) == ANSWER


@pytest.mark.parametrize("answered", [True, False])
async def test_another_body_is_refused(database: Database, answered: bool) -> None:
    claim = await claimed(database)
    if answered:
        await database.transact(lambda conn: idempotency.keep(conn, claim, ANSWER))
    with pytest.raises(Invalid) as refused:
        await database.transact(lambda conn: take(conn, body="b" * 64))
    assert refused.value.info.code == "idempotency_key_reused"


@pytest.mark.parametrize(
    "other",
    [
        RequestKey("bob", "POST", "/api/projects", "k"),
        RequestKey("ann", "PUT", "/api/projects", "k"),
        RequestKey("ann", "POST", "/api/projects/x", "k"),
        RequestKey("ann", "POST", "/api/projects", "K"),
    ],
)
async def test_key_means_something_only_to_its_caller_method_and_path(database: Database, other: RequestKey) -> None:
    first, second = await claimed(database), await claimed(database, other)
    assert first.request_id != second.request_id


async def test_lapsed_lease_lets_a_repeat_go_on_under_the_same_request_id(database: Database) -> None:
    first = await claimed(database)
    await change(database, claimed_until=ago(seconds=1))
    second = await claimed(database)
    assert (second.request_id, second.first) == (first.request_id, False)
    with pytest.raises(Conflict):
        await database.transact(take)


async def test_renewed_lease_does_not_lapse(database: Database) -> None:
    claim = await claimed(database)
    await change(database, claimed_until=ago(seconds=1))
    await database.transact(lambda conn: idempotency.renew(conn, claim, LEASE))
    with pytest.raises(Conflict):
        await database.transact(take)


async def test_given_back_claim_is_taken_up_at_once_and_a_forgotten_key_is_new(database: Database) -> None:
    claim = await claimed(database)
    await database.transact(lambda conn: idempotency.give_back(conn, claim))
    again = await claimed(database)
    assert again.request_id == claim.request_id
    await database.transact(lambda conn: idempotency.forget(conn, again))
    fresh = await database.transact(lambda conn: take(conn, body="b" * 64))
    assert isinstance(fresh, Claim)
    assert fresh.first
    assert fresh.request_id != claim.request_id


async def test_of_two_that_work_on_one_request_the_first_answer_stays(database: Database) -> None:
    late = await claimed(database)
    await change(database, claimed_until=ago(seconds=1))
    prompt = await claimed(database)
    assert await database.transact(lambda conn: idempotency.answer_of(conn, prompt)) is None
    await database.transact(lambda conn: idempotency.keep(conn, prompt, ANSWER))
    assert await database.transact(lambda conn: idempotency.answer_of(conn, late)) == ANSWER
    other = Answer(409, {}, b"late")
    for settle in (idempotency.give_back, idempotency.forget):
        await database.transact(lambda conn, settle=settle: settle(conn, late))
    await database.transact(lambda conn: idempotency.keep(conn, late, other))
    assert await database.transact(take) == ANSWER


async def test_claim_on_a_key_that_became_free_is_worth_nothing(database: Database) -> None:
    late = await claimed(database)
    await database.transact(lambda conn: idempotency.forget(conn, late))
    with pytest.raises(Conflict):
        await database.transact(lambda conn: idempotency.answer_of(conn, late))
    await claimed(database)
    with pytest.raises(Conflict):
        await database.transact(lambda conn: idempotency.answer_of(conn, late))


async def test_answer_is_kept_for_a_day(database: Database) -> None:
    claim = await claimed(database)
    await database.transact(lambda conn: idempotency.keep(conn, claim, ANSWER))
    await change(database, created_at=ago(hours=23, minutes=59))
    assert await database.transact(take) == ANSWER
    await change(database, created_at=ago(hours=24, seconds=1))
    fresh = await claimed(database)
    assert fresh.request_id != claim.request_id


async def test_sweep_deletes_what_is_old_a_part_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_SWEPT", 2)
    keys = [RequestKey("ann", "POST", "/api/projects", f"k{number}") for number in range(4)]
    for key in keys:
        await claimed(database, key)
    old = table.c.key != "k3"
    await database.transact(lambda conn: conn.execute(update(table).where(old).values(created_at=ago(hours=25))))
    assert [await database.transact(idempotency.sweep) for _ in range(3)] == [True, False, False]
    assert await database.read(lambda conn: list(conn.execute(select(table.c.key)).scalars())) == ["k3"]


async def test_of_many_at_once_in_two_processes_one_gets_the_claim(database: Database, database_url: str) -> None:
    async with opened(database_url) as other:
        results = await asyncio.gather(
            *(place.transact(take) for place in (database, other) for _ in range(10)), return_exceptions=True
        )
    assert sum(isinstance(result, Claim) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 19
    assert await database.read(lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one()) == 1
