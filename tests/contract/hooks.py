"""Hooks that tell schemathesis about this API: existing ids, harmless plans, streams that end; and a count of answers."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.generation.meta import TestPhase

from tests.contract.world import OUTLINES, Project, World

_COMMANDS = ("true", "false", "echo a=1 >> $SIGNOFF_OUTPUT", "cat no-such-file", "sleep 0.2", "echo out > result.txt")
_URL = "http://127.0.0.1:9/nothing"
_ACTIONS: tuple[dict[str, Any], ...] = (
    {"type": "shell", "command": "true"},
    {"type": "shell", "command": "echo a=1 >> $SIGNOFF_OUTPUT"},
    {"type": "manual"},
    {"type": "wait", "duration": "1s"},
    {"type": "milestone"},
)
# Names that exist only if they are configured, and folders that only some servers allow.
_RARE = ("path", "agent_id", "sme_archetype", "planner", "instructions", "inputs", "message")
# The share of requests that are aimed at something that exists.
_AIMED = 0.85

_lock = threading.RLock()
_tally: Counter[tuple[str, int]] = Counter()
_world = World(
    os.environ["SIGNOFF_FUZZ_URL"],
    {"Authorization": f"Bearer {os.environ['SIGNOFF_FUZZ_KEY']}"},
    int(os.environ["SIGNOFF_FUZZ_SEED"]),
)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Aim a request at something that exists, and remove what could do harm or wait forever."""
    with _lock:
        _aim(case)
        case.body = _harmless(case.body)
    query = case.query if isinstance(case.query, dict) else {}
    if case.path.endswith(("/events", "/logs")):
        case.query = {**query, "follow": "false"}
    if _operation(case) == "getFile" and _world.random.random() < _AIMED:
        case.query = {**query, "path": "made.txt"}
        if "Range" in (case.headers or {}):
            case.headers["Range"] = _world.random.choice(
                ["bytes=0-1", "bytes=2-", "bytes=-3", "bytes=90-", "bytes=2-1"]
            )


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Count an answer and learn from it."""
    name = _operation(case)
    with _lock:
        _tally[name, response.status_code] += 1
        if "json" in str(response.headers.get("content-type", "")):
            body: Any = json.loads(response.content or b"null")
            _world.learn(case.method, response.status_code, body)
            if response.status_code == 404 and case.path.endswith("{project_id}"):
                _world.forget(str(case.path_parameters.get("project_id", "")))


def _operation(case: Any) -> str:
    return str(case.operation.definition.raw["operationId"])


def _aim(case: Any) -> None:
    parameters = case.path_parameters
    if not isinstance(parameters, dict):
        parameters = {}
    if _world.random.random() > _AIMED:
        return
    project = _world.project(str(parameters.get("project_id")))
    if project is None or case.meta.phase.name != TestPhase.STATEFUL:
        project = _world.project_for(_operation(case))
    if "project_id" in parameters:
        parameters["project_id"] = project.id
    for name, known in (("task_id", project.tasks), ("phase_id", project.phases), ("decision_id", project.decisions)):
        if name in parameters and known and parameters[name] not in known:
            parameters[name] = known[0] if _world.random.random() < _AIMED else _world.random.choice(known)
    if isinstance(case.body, dict):
        if _operation(case) == "refinePlan":
            case.body["edits"] = [_world.random.choice(_edits(project))]
        _aim_body(case.body, project)
        _keep_known_fields(case)


def _aim_body(body: dict[str, Any], project: Project) -> None:
    choose = _world.random.choice
    for name in (*_RARE, "plan_version", "plan_digest"):
        if _world.random.random() < _AIMED:
            body.pop(name, None)
    if "phase_id" in body and project.phases:
        body["phase_id"] = choose(project.phases)
    if "action" in body and _world.random.random() < _AIMED:
        body["action"] = choose(_ACTIONS)
    if "answer" in body:
        body["answer"] = choose(["retry", "skip", "fail", "yes", "no"])
    if "ids" in body:
        body["ids"] = [project.id]
    for name in ("depends_on", "tasks"):
        if isinstance(body.get(name), list) and project.tasks:
            body[name] = [choose(project.tasks)]


def _edits(project: Project) -> list[dict[str, Any]]:
    task = project.tasks[0] if project.tasks else "a"
    return [
        {"op": "add_task", "title": "One more"},
        {"op": "update_task", "task": task, "title": "Another title"},
        {"op": "remove_task", "task": task},
        {"op": "add_phase", "name": "One more"},
    ]


def _keep_known_fields(case: Any) -> None:
    """Drop most additional fields, where a schema allows them and leaves the server to judge them."""
    schemas = case.operation.schema.raw_schema["components"]["schemas"]
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = schemas.get(reference.rpartition("/")[2], {})
    if schema.get("additionalProperties") is True and _world.random.random() < _AIMED:
        for name in set(case.body) - set(schema["properties"]):
            del case.body[name]


def _harmless(value: Any) -> Any:
    """Return the value with harmless commands and addresses."""
    if isinstance(value, list):
        return [_harmless(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _harmless(item) for name, item in value.items()}
    for name, choices in (("command", _COMMANDS), ("url", (_URL,)), ("description", OUTLINES)):
        if isinstance(changed.get(name), str):
            changed[name] = _world.random.choice(choices)
    return changed


@atexit.register
def _write_tally() -> None:
    with _lock:
        rows = [[name, status, number] for (name, status), number in sorted(_tally.items())]
    Path(os.environ["SIGNOFF_FUZZ_TALLY"]).write_text(json.dumps(rows))
