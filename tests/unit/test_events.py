"""The seal of events: a chain of hashes that anybody can check with a few lines of their own."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given

from app.domain.commands import CommandKind, CommandRecord, Outcome
from app.domain.errors import Conflict, DomainError
from app.domain.events import GENESIS, chain_hash
from signoff.schemas.event_data import TaskStarted, TaskWaiting
from signoff.schemas.events import MODELS, Event
from signoff.schemas.problems import Problem
from signoff.vocabulary import EventType
from tests.unit.test_plan import JSON

EVENT = Event(
    seq=3, type="task.failed", project_id="proj_1", at="2024-02-29T00:00:00.000Z", actor="ü", data={"b": 1, "a": 2}
)


def test_hash_is_sha256_of_the_previous_hash_and_the_event_as_canonical_json() -> None:
    first = '{"actor":"ü","at":"2024-02-29T00:00:00.000Z","data":{"a":2,"b":1},'
    canonical = first + '"project_id":"proj_1","seq":3,"type":"task.failed"}'
    assert chain_hash(GENESIS, EVENT) == hashlib.sha256(("0" * 64 + canonical).encode("utf-8")).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 4},
        {"type": "task.completed"},
        {"project_id": "proj_2"},
        {"at": "2024-02-29T00:00:00.001Z"},
        {"actor": "u"},
        {"data": {"b": 1}},
        {"data": {"b": 1, "a": 2.0}},
        {"data": {"b": 1, "a": "2"}},
    ],
)
def test_hash_changes_with_every_field_and_with_what_came_before(change: dict[str, Any]) -> None:
    assert chain_hash(GENESIS, EVENT.model_copy(update=change)) != chain_hash(GENESIS, EVENT)
    assert chain_hash("1" + GENESIS[1:], EVENT) != chain_hash(GENESIS, EVENT)


@given(JSON)
def test_hash_is_the_same_after_storage_as_json(data: Any) -> None:
    event = EVENT.model_copy(update={"data": {"x": data}})
    read = Event.model_validate(json.loads(json.dumps(event.model_dump(mode="json"))))
    assert chain_hash(GENESIS, read) == chain_hash(GENESIS, event)


def test_event_types_are_those_of_the_contract() -> None:
    listed = {
        "project": "created updated completed failed cancelled deleted",
        "plan": "generating ready failed approved returned superseded discarded changes_requested rejected commented",
        "run": "started paused resumed cancelling lost",
        "phase": "started completed failed skipped awaiting_approval approved",
        "task": "created started progress retrying completed failed cancelled skipped waiting",
        "decision": "requested made",
        "file": "uploaded",
        "gate": "opened",
    }
    allowed = {f"{subject}.{verb}" for subject, verbs in listed.items() for verb in verbs.split()}
    assert {str(kind) for kind in EventType} <= allowed


def test_there_is_a_model_for_the_data_of_every_type() -> None:
    assert set(MODELS) == set(EventType)
    assert {model.type: kind for kind, model in MODELS.items()} == {kind: kind for kind in EventType}


def test_data_is_stored_with_the_fields_that_were_given_in_that_order() -> None:
    names: Any = {"task_id": "task_1", "phase_id": "phase_1", "key": "one", "title": "One"}
    waiting = TaskWaiting(**names, reason="timer", due_at=None, attempt=1)
    assert json.dumps(waiting.stored()) == json.dumps({**names, "reason": "timer", "due_at": None, "attempt": 1})
    assert TaskStarted(**names, attempt=2, try_number=1).stored() == {**names, "attempt": 2, "try": 1}


def test_reading_tolerates_what_other_versions_wrote() -> None:
    assert EVENT.model_copy(update={"type": "task.praised"}).payload is None
    data = {"task_id": "task_1", "phase_id": 7, "attempt": 2, "try": "x", "mood": "good", "self": 1}
    event = EVENT.model_copy(update={"type": "task.started", "data": data})
    payload = event.payload
    assert isinstance(payload, TaskStarted)
    assert (payload.task_id, payload.phase_id, payload.attempt, payload.try_number) == ("task_1", "", 2, None)
    assert (payload.model_extra or {})["mood"] == "good"
    assert event.data == data


def decision(**changes: Any) -> CommandRecord:
    values: dict[str, Any] = {
        "id": "dec_1",
        "project_id": "proj_1",
        "request_id": "req_1",
        "kind": CommandKind.APPROVE,
        "actor": "ann",
        "at": "2024-02-29T00:00:00.000Z",
        "plan_version": 2,
        "plan_digest": "d" * 64,
        "outcome": Outcome.ACCEPTED,
        "payload": {"plan_version": 2},
    }
    return CommandRecord.model_validate(values | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": CommandKind.CANCEL},
        {"actor": "bob"},
        {"at": "2024-02-29T00:00:00.001Z"},
        {"comment": "fine"},
        {"plan_version": 3},
        {"plan_digest": "e" * 64},
        {"outcome": Outcome.REFUSED},
        {"payload": {}},
    ],
)
def test_seal_covers_every_field_of_a_decision(change: dict[str, Any]) -> None:
    assert decision().seal() == decision().seal()
    assert decision().seal()["decision_id"] == "dec_1"
    assert decision(**change).seal()["decision_hash"] != decision().seal()["decision_hash"]


def test_refused_decision_raises_the_error_it_was_refused_with() -> None:
    decision().raise_if_refused()
    error = Conflict("No.", code="not_pending", context={"a": 1}, details=[Problem(field="x", message="y")])
    stored = decision(outcome=Outcome.REFUSED, error=error.info).model_dump(mode="json")
    with pytest.raises(Conflict) as again:
        CommandRecord.model_validate(stored).raise_if_refused()
    assert again.value.info == error.info


@pytest.mark.parametrize("kind", DomainError.__subclasses__())
def test_every_error_survives_as_data(kind: type[DomainError]) -> None:
    error = kind("Text.", context={"n": 1})
    again = DomainError.from_info(type(error.info).model_validate_json(error.info.model_dump_json()))
    assert type(again) is kind
    assert again.info == error.info
    assert again.info.context == {"n": 1}
