"""A plan that sets every field which an approval covers, and what a view must show of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import Connection

from app.commands.handlers import request_plan
from app.domain.commands import CommandKind, CommandRequest
from app.domain.identity import new_id
from app.domain.plan import PlanDraft
from app.domain.registry import load_actions
from app.storage import decisions, plans, projects
from tests.factories import project_row, task

# How a view words a value that it does not show as it is: by the name of the field.
Words = Mapping[str, Callable[[Any], str]]
Leaf = tuple[tuple[str, ...], Any]

SETTINGS: dict[str, Any] = {
    "name": "Name of the sample",
    "description": "Description of the sample.",
    "strategy": "careful",
    "decision_mode": "human",
    "auto_approve_phases": False,
    "path": "/srv/place-of-work",
    "workspace": "/srv/place-of-work",
    "agent_id": "agent-of-the-project",
}
_ACTIONS: tuple[dict[str, Any], ...] = (
    {
        "type": "shell",
        "command": "run-this --fast",
        "cwd": "folder/below",
        "env": {"VARIABLE": "value-of-variable"},
        "expect": "Done and dusted",
        "every_seconds": 11,
        "until_seconds": 44,
    },
    {"type": "shell", "argv": ["first-word", "second-word"]},
    {
        "type": "http",
        "method": "PUT",
        "url": "https://host.example/path",
        "headers": {"X-Header": "value-of-header"},
        "body": "text-of-body",
        "expected_status": [207],
        "save_to": "saved/here.json",
        "follow_redirects": False,
        "max_bytes": 98765,
    },
    {
        "type": "agent",
        "prompt": "Think about this prompt.",
        "output_schema": {"title": "title-of-schema"},
        "max_calls": 17,
        "env": {"AGENT_VARIABLE": "value-for-agent"},
    },
    {
        "type": "decision",
        "question": "Is this the question?",
        "options": ["option-one", "option-two"],
        "default": "option-two",
        "expires_seconds": 33,
        "stop": ["option-one"],
    },
    {"type": "manual", "instructions": "Follow these instructions.", "shows": ["shown/code.py"]},
    {"type": "wait", "seconds": 22},
    {"type": "milestone"},
    {"type": "decision", "question": "Does a model answer this?", "options": ["perhaps"], "by": "model"},
    {"type": "decision", "question": "Who else agrees?", "other_than": "a4"},
)
_TERMS: dict[str, Any] = {
    "description": "What the task is for.",
    "agent_id": "agent-of-the-task",
    "depends_on": ["before"],
    "inputs": {
        "reference": "${{ tasks.before.outputs.output_name }}",
        "literal": "literal-value",
        "named": "${{ project.name }}",
        "described": "${{ project.description }}",
    },
    "expected_files": ["made/by-task.txt"],
    "retries": 7,
    "timeout_seconds": 41,
    "on_crash": "ask",
    "after_failure": "fail",
    "reads": ["/srv/may-read"],
    "writes": ["/srv/may-write"],
    "limits": {"memory": 123456789},
    "condition": {"task": "before", "is": ["completed"]},
    "requires_approval": True,
}
_ON_OUTPUTS = [
    task("due", condition={"task": "before", "output": "output_read", "is": ["value-to-have"]}),
    task("not_due", condition={"task": "before", "output": "output_read", "is_not": ["value-to-avoid"]}),
]
DRAFT = PlanDraft.model_validate(
    {
        "assumptions": ["This is taken for granted."],
        "questions": [
            {"question": "What is answered?", "answer": "This is the answer."},
            {"question": "What is open?"},
        ],
        "parameters": {
            "weekday": {
                "type": "choice",
                "description": "Day of the week.",
                "choices": ["monday", "friday"],
                "default": "monday",
                "value": "friday",
            },
            "tag": {"type": "string", "pattern": "v[0-9]+", "value": "v77"},
        },
        "phases": [
            {
                "key": "key-of-first",
                "name": "First phase",
                "tasks": [task("before"), task("after", **_TERMS), *_ON_OUTPUTS],
            },
            {
                "key": "key-of-second",
                "name": "Second phase",
                "description": "What the phase is for.",
                "strategy": "sequential",
                "requires_approval": True,
                "condition": {"parameter": "weekday", "is": ["friday"]},
                "runs_on": "failure",
                "tasks": [task(f"a{number}", action=action) for number, action in enumerate(_ACTIONS)],
            },
        ],
    }
)


def store(conn: Connection) -> str:
    """Create a project with this plan, and return its id."""
    row = project_row(**SETTINGS)
    projects.create(conn, cast("projects.NewProject", row), actor="ann")
    kind = CommandKind.GENERATE
    request = CommandRequest(project_id=row["id"], request_id=new_id("req"), kind=kind, actor="ann", payload={})
    decisions.decide(conn, request, request_plan)
    plans.finish_generation(conn, row["id"], 1, DRAFT, load_actions())
    return row["id"]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every single value in what is signed, with the names that lead to it. Names that the plan chose are values too."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            if path and path[-1] in {"inputs", "env", "headers", "limits", "parameters", "parameter_definitions"}:
                yield (*path, "name"), name
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from leaves(item, path)
    elif value is not None:
        yield path, value


def unset(value: object) -> bool:
    """Whether a field has no value of its own, so that a view need not show it."""
    return value in (None, "", [], {}, False, "rerun", "success", "string")


def hidden(covered: Any, shown: str, words: Words) -> list[Leaf]:
    """The values in what is signed that a text does not show. Spaces do not count, because views break lines."""
    seen = re.sub(r"\s", "", shown)
    missing: list[Leaf] = []
    for path, value in leaves(covered):
        worded = words.get(".".join(path[-2:])) or words.get(path[-1])
        if worded is None and unset(value):
            continue
        text = worded(value) if worded is not None else f"{value:g}" if isinstance(value, float) else str(value)
        if re.sub(r"\s", "", text) not in seen:
            missing.append((path, value))
    return missing
