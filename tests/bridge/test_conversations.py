"""Conversations that were held with a person as the model: the same answers make the same plans."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.bridge.briefs import BRIEFS
from tests.bridge.conversation import FOLDER, kept, plan
from tests.bridge.server import Bridge
from tests.conftest import Stack, running_stack
from tests.model_answers import Output, Text
from tests.model_server import ModelServer, model_server
from tests.models.drafts import GOOD, drafted
from tests.waiting import eventually

# How many of the plans a person must be ready to sign unchanged.
_SIGNABLE = 13


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


@pytest.fixture(scope="module")
async def planner(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory, model: ModelServer
) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("bridge")
    settings = {"model": "openai-chat:person", "model_base_url": f"{model.url}/v1"}
    async with running_stack(temporal_server, folder, **settings) as stack:  # pyright: ignore[reportArgumentType] - settings
        yield stack


@pytest.mark.parametrize("name", sorted(BRIEFS))
async def test_the_same_answers_make_the_same_plan(planner: Stack, model: ModelServer, name: str) -> None:
    conversation = kept(name)
    model.reset()
    model.say(*(Text(answer) if isinstance(answer, str) else Output(answer) for answer in conversation.answers))
    assert await plan(planner, BRIEFS[name]) == conversation.outcome
    assert (model.unsaid, model.faults) == ([], [])


def test_most_plans_can_be_signed_unchanged() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BRIEFS)
    scores = {name: kept(name).score for name in BRIEFS}
    assert [name for name, score in scores.items() if score is None] == [], "somebody must read these plans"
    whole = [name for name, score in scores.items() if score is not None and score.signable]
    assert len(whole) >= _SIGNABLE
    for name in whole:
        score = scores[name]
        assert score is not None
        assert (score.faithful, score.runs, score.honest, score.asks) == (True,) * 4, f"{name} cannot be signable"


async def test_a_person_answers_with_files(planner: Stack, model: ModelServer, tmp_path: Path) -> None:
    bridge = Bridge(tmp_path)
    model.reset()
    model.answer_with(bridge.answer)
    asked, answered = tmp_path / "1.request.md", tmp_path / "1.answer.json"

    async def waits() -> bool:
        return asked.exists()

    planning = asyncio.create_task(plan(planner, BRIEFS["photos"]))
    await eventually(waits, what="the request is a file")
    answered.write_text("{")
    answered.write_text(json.dumps(drafted(*GOOD)))
    outcome = await planning
    assert outcome.outline is not None
    assert "Gather" in outcome.outline
    assert BRIEFS["photos"].text in asked.read_text()
    assert bridge.answers == [drafted(*GOOD)]
