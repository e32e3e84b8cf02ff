"""Experts that projects name: their list, the field, and unknown names."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.agents import Archetype
from app.domain.plan import PlanDraft
from app.planning.archetypes import load_archetypes
from app.planning.outline import OutlinePlanner
from app.planning.planner import Brief
from tests.api.answers import fields_of, refused
from tests.conftest import Stack, running_stack

OWN = {
    "marketer": Archetype(title="Our marketer", summary="Knows our customers.", brief="Ask Anna."),
    "translator": Archetype(title="Translator", brief="Terms first."),
}


class Listener:
    """The outline planner, which stores what it receives about the expert."""

    name = "outline"

    def __init__(self) -> None:
        self.told: list[str | None] = []

    async def plan(self, brief: Brief) -> PlanDraft:
        self.told.append(brief.archetype)
        return await OutlinePlanner().plan(brief)


@pytest.fixture(scope="module")
async def with_own(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("own_experts")
    async with running_stack(temporal_server, folder, worker=False, archetypes=OWN) as stack:
        yield stack


async def test_built_in_ones_are_listed(signoff: Stack) -> None:
    listed = (await signoff.http.get("/api/archetypes")).json()
    expected = [
        {"id": name, "title": expert.title, "summary": expert.summary, "brief": expert.brief, "built_in": True}
        for name, expert in load_archetypes({}).items()
    ]
    assert listed == {"archetypes": expected, "total": len(expected)}


async def test_own_ones_are_listed_and_win(with_own: Stack) -> None:
    listed = (await with_own.http.get("/api/archetypes")).json()
    own = [item for item in listed["archetypes"] if not item["built_in"]]
    assert own == [{"id": name, **expert.model_dump(), "built_in": False} for name, expert in OWN.items()]
    assert listed["total"] == len(listed["archetypes"]) == len(load_archetypes(OWN))
    project = await with_own.create("", sme_archetype="translator")
    assert (await with_own.project(project))["sme_archetype"] == "translator"


async def test_every_one_that_is_listed_may_be_named_and_taken_away(signoff: Stack) -> None:
    project = await signoff.create("")
    for name in load_archetypes({}):
        changed = await signoff.call("PUT", f"/{project}", json={"sme_archetype": name})
        assert changed["sme_archetype"] == name
    assert (await signoff.call("PUT", f"/{project}", json={"name": "Kept"}))["sme_archetype"] == name
    assert (await signoff.call("PUT", f"/{project}", json={"sme_archetype": None}))["sme_archetype"] is None


@pytest.mark.parametrize("name", ["nobody", "Data_Analyst", "data analyst", "translator", "__init__", "../researcher"])
async def test_an_unknown_one_is_refused_with_the_list(signoff: Stack, name: str) -> None:
    project = await signoff.create("", sme_archetype="researcher")
    for method, path in (("POST", ""), ("PUT", f"/{project}")):
        body = await refused(signoff, method, path, 422, "validation_error", json={"sme_archetype": name})
        assert fields_of(body) == ["sme_archetype"]
        known = ", ".join(load_archetypes({}))
        expected = f"There is no archetype '{name}'. Known: {known}. GET /api/archetypes describes each of them."
        assert body["message"] == body["details"][0]["message"] == expected
    assert (await signoff.project(project))["sme_archetype"] == "researcher"


async def test_agent_and_archetype_are_told_together(with_own: Stack) -> None:
    given = {"agent_id": "nobody", "sme_archetype": "nobody"}
    body = await refused(with_own, "POST", "", 422, json=given)
    assert fields_of(body) == ["agent_id", "sme_archetype"]
    assert body["message"].startswith("There is no agent 'nobody'. Known: default. GET /api/agents")
    assert "technical_writer, translator." in body["details"][1]["message"]


async def test_a_planner_is_told_the_brief(with_own: Stack) -> None:
    listener = Listener()
    await with_own.start_worker([listener])
    try:
        for name in ("researcher", "marketer", "translator", None):
            await with_own.planned("- Say: `true`", sme_archetype=name)
    finally:
        await with_own.stop_worker()
    assert listener.told == [load_archetypes({})["researcher"].brief, "Ask Anna.", "Terms first.", None]
