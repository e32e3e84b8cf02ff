"""Every answer conforms to the OpenAPI document: schemathesis generates single requests and sequences of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from app.api.http import throttle
from tests.api.test_openapi import document, operations
from tests.conftest import Stack, running_stack
from tests.contract.campaign import KEY, attack
from tests.databases import tries


@pytest.fixture
async def locked(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    # Wrong keys are part of the attack, and each would make every later request two seconds slower.
    monkeypatch.setattr(throttle, "FIRST_DELAY", 0.0)
    async with running_stack(temporal_server, tmp_path_factory.mktemp("contract"), api_key=KEY) as stack:
        stack.http.headers["Authorization"] = f"Bearer {KEY}"
        yield stack


@pytest.mark.timeout(300)
async def test_no_answer_is_outside_the_document(locked: Stack) -> None:
    found = await attack(locked, phases="fuzzing", examples=tries(2, 8))
    assert found.passed, found.report
    described = {operation["operationId"] for _, _, operation in operations(await document(locked))}
    # The requests reached every operation except the endless stream, and were not all refused by the gateway.
    assert {name for name, _ in found.tally} == described - {"streamLiveEvents"}
    assert found.share_of_success() > 0.3, found.table()


@pytest.mark.timeout(300)
async def test_nor_is_one_to_a_request_that_builds_on_another(locked: Stack) -> None:
    found = await attack(locked, phases="stateful", mode="positive", examples=tries(4, 15))
    assert found.passed, found.report
    assert found.share_of_success() > 0.3, found.table()
