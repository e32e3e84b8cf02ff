"""`signoff projects plan` and `approve` show every field that an approval covers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from rich.console import Console
from sqlalchemy import Connection

from app.api.views import frozen, present
from app.cli.display import plan_tree
from app.cli.frozen import frozen_text
from app.database.database import Database
from app.domain.agents import AgentEntry, AgentKind, AgentTool
from app.domain.parameters import Parameter
from app.domain.plan import PhaseDraft, PlanDraft, Question, RunSettings, TaskDraft, covered_by
from app.domain.registry import load_actions
from app.settings import Settings
from app.signing import capture
from app.storage import plans, projects
from tests.every_field import DRAFT, Words, hidden, leaves, store

WORDS: Words = {
    "action.type": {
        "shell": "$ ",
        "http": "PUT https:",
        "agent": "asks a model",
        "manual": "a person reads",
        "decision": "a person decides",
        "wait": "waits",
        "milestone": "milestone",
    }.__getitem__,
    "action.by": lambda _: "a model answers this first",
    "action.other_than": lambda key: f"must be answered by a different person than {key}",
    "depends_on": lambda key: f"after {key}",
    "inputs.reference": lambda _: "reference ← before.output_name",
    "inputs.literal": lambda value: f"literal = {value}",
    "inputs.named": lambda _: "named ← project.name",
    "inputs.described": lambda _: "described ← project.description",
    "tasks.timeout_seconds": lambda _: "timeout 41 s",
    "tasks.retries": lambda value: f"retries {value}",
    "tasks.on_crash": lambda value: "if its worker is lost: ask a person" if value == "ask" else "",
    "tasks.after_failure": lambda _: "if it fails: it fails",
    "tasks.requires_approval": lambda _: "a person releases it before it starts",
    "phases.requires_approval": lambda _: "requires approval",
    "phases.runs_on": lambda _: "only after a failure",
    "reads": lambda path: f"reads {path}",
    "writes": lambda path: f"writes {path}",
    "limits.memory": lambda value: f"limits: memory {value} bytes",
    "expected_files": lambda path: f"makes {path}",
    "condition.task": lambda key: f"only if {key} is completed",
    "condition.parameter": lambda name: f"only if {name} is friday",
    "decision_mode": lambda _: "after a failure  a person is asked",
    "auto_approve_phases": lambda _: "wait for approval, apart from the first",
    "action.follow_redirects": lambda _: "follow_redirects: false",
    "action.seconds": lambda _: "waits 22 s",
    "parameters.weekday": lambda value: f"weekday = {value}",
    "parameters.tag": lambda value: f"tag = {value}",
}


def set_by(model: type[BaseModel], items: list[Any]) -> set[str]:
    """The fields of a model that some of the items set to something else than the default."""
    return {
        name
        for name, field in model.model_fields.items()
        for item in items
        if getattr(item, name) not in (None, "", [], {}, field.default)
    }


async def shown(database: Database, width: int) -> tuple[dict[str, Any], str]:
    def read(conn: Connection) -> tuple[dict[str, Any], str]:
        row = projects.get(conn, project_id)
        draft = plans.verified_draft(plans.current(conn, row))
        covered = covered_by(draft, plans.run_settings(row, draft, load_actions()))
        console = Console(width=width, color_system=None)
        with console.capture() as capture:
            console.print(plan_tree(present.plan(conn, row, None).model_dump(mode="json", by_alias=True), row.name))
        return covered, capture.get()

    project_id = await database.transact(store)
    return await database.read(read)


async def test_the_terminal_shows_every_field_that_is_signed(database: Database) -> None:
    covered, text = await shown(database, 1000)
    assert hidden(covered, text, WORDS) == []


def test_the_sample_sets_every_field_that_is_signed() -> None:
    tasks = DRAFT.tasks()
    groups: list[tuple[type[BaseModel], list[Any], set[str]]] = [
        (TaskDraft, tasks, set()),
        (PhaseDraft, DRAFT.phases, set()),
        (Question, DRAFT.questions, set()),
        (Parameter, list(DRAFT.parameters.values()), set()),
        (PlanDraft, [DRAFT], {"summary", "warnings"}),
    ]
    for model, items, unsigned in groups:
        assert set(model.model_fields) - set_by(model, items) == unsigned, model
    for name, action in load_actions().items():
        named = {field for task in tasks if task.action.type == name for field in task.action.fields()}
        assert named == set(action.fields_model.model_fields), name


async def test_what_is_signed_has_every_run_setting(database: Database) -> None:
    covered, _ = await shown(database, 80)
    assert {name for name in RunSettings.model_fields if covered.get(name) is None} == set()


@pytest.mark.parametrize("gone", ["/srv/may-read", "literal-value", "retries 7", "key-of-second", "option-two"])
async def test_a_field_that_is_not_shown_is_noticed(database: Database, gone: str) -> None:
    covered, text = await shown(database, 1000)
    assert hidden(covered, text.replace(gone, ""), WORDS) != []


async def test_references_do_not_swamp_what_a_task_does(database: Database) -> None:
    _, text = await shown(database, 100)
    assert "${{" not in text
    assert any(line.strip(" │└├─") == "reference ← before.output_name" for line in text.splitlines())
    assert list(leaves({"inputs": {"a": ["b"]}})) == [(("inputs", "name"), "a"), (("inputs", "a"), "b")]


async def test_the_terminal_shows_what_an_approval_freezes_of_the_agents(database: Database, tmp_path: Path) -> None:
    agent = AgentEntry(
        model="openai:model-of-agent",
        base_url="http://127.0.0.1:1/v1",
        api_key_env="KEY_OF_AGENT",
        instructions="Be careful.\nBe quick.",
        tools=tuple(AgentTool),
        commands=("program-of-agent",),
        hosts=("host-of-agent",),
        queue="queue-of-agent",
    )
    assert set_by(AgentEntry, [agent]) == set(AgentEntry.model_fields) - {"kind"}
    agents = {"agent-of-the-task": agent, "agent-of-the-project": AgentEntry(kind=AgentKind.LOCAL)}
    settings = Settings(data_dir=tmp_path, agents=agents, http_allow=["10.1.2.3"])
    project_id = await database.transact(store)
    project = await database.read(lambda conn: projects.get(conn, project_id))
    captured = capture(project, DRAFT.tasks(), load_actions(), settings)
    info = frozen.shown(captured.frozen, sealed=False).model_dump(mode="json")
    covered = {name: info[name] for name in ("agents", "limits", "http_allow", "sandbox")}
    words: Words = {
        "limits.name": lambda name: name.replace("_", " "),
        "limits.stop_at_first_failure": lambda _: "stop at first failure true",
        "agent-of-the-task.instructions": json.dumps,
    }
    assert hidden(covered, frozen_text({"frozen": info}).plain, words) == []
