"""A new value that could change what runs is put on the list of what a signature covers, or on that of what changes nothing."""

from __future__ import annotations

from dataclasses import fields

import pytest

from activities.tasks import TaskSurroundings
from app.domain import signed_list as covered
from app.domain.actions import Action, TaskContext
from app.domain.agents import AgentEntry
from app.domain.plan import PhaseDraft, PlanDraft, RunSettings, TaskDraft, digest_of
from app.domain.registry import load_actions
from app.settings import Settings
from app.signing import action_entry
from app.storage.tables import metadata
from tests.factories import plan_of, task

ATTRIBUTES = set(vars(Action).get("__annotations__", {}))
LISTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "tasks": (covered.TASK, set(TaskDraft.model_fields)),
    "phases": (covered.PHASE, set(PhaseDraft.model_fields)),
    "plans": (covered.PLAN, set(PlanDraft.model_fields)),
    "run settings": (covered.RUN_SETTINGS, set(RunSettings.model_fields)),
    "projects": (covered.PROJECT, {column.name for column in metadata.tables["projects"].columns}),
    "agents": (covered.AGENT, set(AgentEntry.model_fields)),
    "settings": (covered.SETTINGS, set(Settings.model_fields)),
    "surroundings": (covered.SURROUNDINGS, {field.name for field in fields(TaskSurroundings)}),
    "context": (covered.CONTEXT, {field.name for field in fields(TaskContext)}),
    "actions": (covered.ACTION, ATTRIBUTES),
}


@pytest.mark.parametrize("what", LISTS)
def test_every_value_is_on_the_list(what: str) -> None:
    listed, there = LISTS[what]
    assert there - set(listed) == set(), f"say in app/domain/signed_list.py how a signature covers these {what}"
    assert set(listed) - there == set(), "the list names what is gone"


def test_what_a_plan_says_is_in_the_digest() -> None:
    made = task("a")
    draft = plan_of(made)
    before = digest_of(draft, RunSettings())
    for kind in load_actions().values():
        for name in kind.fields_model.model_fields:
            other = draft.model_copy(deep=True)
            other.phases[0].tasks[0].action = TaskDraft.model_validate(
                {**made, "action": {"type": kind.type, name: "x"}}
            ).action
            assert digest_of(other, RunSettings()) != before, (kind.type, name)


def test_the_defaults_of_every_action_are_frozen() -> None:
    for kind in load_actions().values():
        entry = action_entry(kind)
        optional = {name for name, field in kind.fields_model.model_fields.items() if field.default is not None}
        missing = {
            name
            for name in optional - set(entry.defaults)
            if not kind.fields_model.model_fields[name].is_required()
            and kind.fields_model.model_fields[name].default_factory is None
        }
        assert not missing, (kind.type, missing)
