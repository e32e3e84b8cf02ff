"""Nothing in a request is ignored: every field and parameter has an effect, or is refused with a 4xx that names it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.storage import projects
from app.storage.projects import ProjectRow
from tests.api.answers import check_error, fields_of
from tests.api.conftest import end_planning
from tests.api.sent_values import (
    EDITS,
    ELSEWHERE,
    FIELDS,
    NEEDED,
    OF_ALL,
    OF_EDITS,
    ONLY,
    QUERIES,
    SHELL,
    SITUATIONS,
    STATELESS,
    STREAMING,
    Json,
    path_in,
)
from tests.api.test_call_table import TABLE
from tests.api.test_openapi import document, operations, resolved
from tests.conftest import Stack

# These are about what happens to a plan afterwards.
pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def bodies(stack: Stack) -> dict[str, tuple[str, str, set[str]]]:
    """The method, path and body fields of every operation that has a body."""
    spec, found = await document(stack), dict[str, tuple[str, str, set[str]]]()
    for path, method, operation in operations(spec):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            fields = set(resolved(spec, content["schema"]).get("properties", {}))
            if fields:
                found[operation["operationId"]] = (method.upper(), path, fields)
    return found


async def test_every_field_and_every_parameter_is_looked_at_here(signoff: Stack) -> None:
    taken = {name: fields for name, (_, _, fields) in (await bodies(signoff)).items()}
    assert {name: set(fields) for name, fields in FIELDS.items()} | ELSEWHERE == taken
    queried = {
        (operation["operationId"], item["name"])
        for _, _, operation in operations(await document(signoff))
        for item in operation.get("parameters", [])
        if item["in"] == "query"
    }
    assert {(name, field) for name, fields in QUERIES.items() for field in fields} | STREAMING | OF_ALL == queried


VOLATILE = {
    "duration_ms",
    "updated_at",
    "last_seq",
    "live",
    "since",
    "request_id",
    "hash",
    "seal",
    "checked_at",
    "token",
    "log",
    "wall_ms",
    "busy_ms",
}
ID = re.compile(r"\b(?:proj|phase|task|dec|run|req|key)_[0-9a-z]{26}\b")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")
VERSION = re.compile(r'("(?:[a-z_]*_)?(?:version|based_on)": )(\d+)')
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name not in VOLATILE}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def normal(value: Any) -> str:
    """A value without the parts that differ between two equal ones: ids, times, digests, numbers of versions."""
    names: dict[str, str] = {}
    text = MOMENT.sub("then", DIGEST.sub("digest", json.dumps(_plain(value), sort_keys=True)))
    text = ID.sub(lambda match: names.setdefault(match[0], f"id {len(names)}"), text)
    versions: dict[str, str] = {}
    return VERSION.sub(lambda match: match[1] + versions.setdefault(match[2], f"version {len(versions)}"), text)


async def observed(stack: Stack, project_id: str, answer: httpx.Response, after: int) -> str:
    """Everything that is visible of a project after a call, its events since number `after`, and the call's answer."""
    seen: list[Any] = [answer.status_code, answer.json()]
    copied = answer.json().get("id", "")
    if copied.startswith("proj_") and copied != project_id:
        seen.append((await stack.call("GET", f"/{copied}/output-files"))["total"])
    project = await stack.http.get(f"/api/projects/{project_id}")
    if project.status_code == 200:
        seen += [project.json(), await stack.call("GET", f"/{project_id}/plans")]
        # Earlier refusals are listed as well.
        decisions = (await stack.call("GET", f"/{project_id}/decisions"))["decisions"]
        seen.append([decision for decision in decisions if decision["error"] is None])
        seen.append([[event["type"], event["data"]] for event in await stack.events(project_id, after=after)])
    return normal(seen)


async def asked(stack: Stack, project: Json, operation: str, target: tuple[str, str], body: Json) -> httpx.Response:
    method, path = target
    tasks = [task["id"] for task in project["tasks"]] or ["nothing"]
    decision = "nothing"
    if "{decision_id}" in path:
        listed = (await stack.call("GET", f"/{project['id']}/decisions"))["decisions"]
        decision = next((item["id"] for item in listed if item["status"] == "open"), "nothing")
    address = path.format(project_id=project["id"], task_id=tasks[-1], decision_id=decision)
    return await stack.http.request(
        method, address, json=NEEDED.get(operation, {}) | body, headers={"Prefer": "wait=0"}
    )


async def prepared(stack: Stack, situation: str, operation: str) -> Json:
    """A project in a situation, with everything that the fields of a call could affect."""
    project_id = await TABLE[situation][0](stack)
    if operation == "duplicateProject":
        await stack.call("POST", f"/{project_id}/files/upload", files={"file": ("a.txt", b"a")})
    return await stack.project(project_id)


# The part of a project's row that says what was sent, and whether a workflow is open. A refusal may change it.
RECORDED = ("last_seq", "last_hash", "updated_at", "engaged")


class Probe:
    """A project in a situation. A refusal changes nothing of it, so that it serves until it accepts a call."""

    def __init__(self, stack: Stack, situation: str) -> None:
        self._stack, self._situation = stack, situation
        self._project: Json | None = None

    async def send(
        self, operation: str, target: tuple[str, str], field: str | None = None
    ) -> tuple[httpx.Response | None, str]:
        """Make a call with one field, or with none. Returns the answer, and if it was accepted, all that is then visible of the
        project. The events of earlier refusals are left out.

        The answer is None if the field has no value in the situation.
        """
        if self._project is None or operation == "duplicateProject":
            await self.drop()
            self._project = await prepared(self._stack, self._situation, operation)
        project = self._project
        body: Json = {}
        if field is not None:
            value = FIELDS[operation][field]
            if callable(value):
                value = path_in(self._stack, project) if value is path_in else value(project)
            if value is None:
                return None, ""
            body = {field: value}
        before = await self._row()
        sent = await asked(self._stack, project, operation, target, body)
        if not sent.is_success:
            left = await self._row()
            same: dict[str, Any] = {name: getattr(before, name) for name in RECORDED}
            same["failure"] = before.failure
            assert replace(left, **same) == before, f"{operation} changed the project, although it was refused"
            if left.failure != before.failure:
                # A planner has refused the call, and its project shows that.
                await self.drop()
            return sent, ""
        if operation in EDITS and self._situation == "running":
            seen = await self._proposed(sent, after=before.last_seq)
            await self._discard()
        else:
            seen = await observed(self._stack, project["id"], sent, after=before.last_seq)
            await self.drop()
        return sent, seen

    async def _proposed(self, answer: httpx.Response, after: int) -> str:
        """What an edit of a run proposes. The project and its run stay as they are, so one project serves every edit."""
        assert self._project is not None
        project_id = self._project["id"]
        events = [[event["type"], event["data"]] for event in await self._stack.events(project_id, after=after)]
        return normal([answer.status_code, answer.json(), await self._stack.project(project_id), events])

    async def _discard(self) -> None:
        assert self._project is not None
        project_id = self._project["id"]
        # An edit that changes nothing proposes nothing.
        if (await self._stack.project(project_id))["edited_plan"] is not None:
            await self._stack.call("POST", f"/{project_id}/discard-edit")

    async def _row(self) -> ProjectRow:
        assert self._project is not None
        project_id = self._project["id"]
        return await self._stack.database.read(lambda conn: projects.get(conn, project_id))

    async def drop(self) -> None:
        if self._project is not None:
            await end_planning(self._stack, self._project["id"])
            self._project = None


async def ignored(probe: Probe, operation: str, target: tuple[str, str], fields: set[str]) -> list[str]:
    """The fields of a call that make no difference in a situation, or are refused without being named."""
    plain, without = await probe.send(operation, target)
    assert plain is not None
    if not plain.is_success:
        # The project's state does not allow the call, regardless of its fields.
        check_error(plain)
        return []
    if operation in EDITS:
        # The comparison shows something only if the same call looks the same the next time.
        assert (await probe.send(operation, target))[1] == without
    found: list[str | None] = []
    for field in sorted(fields):
        sent, seen = await probe.send(operation, target, field)
        if sent is None:
            continue
        if not sent.is_success:
            found.append(unnamed(field, check_error(sent)))
            continue
        found.append(f"{field}: made no difference" if seen == without else None)
    return [f"{operation} {item}" for item in found if item is not None]


# The call itself is refused, regardless of its fields.
OF_THE_WHOLE = {"task_started", "phase_finished"}


def unnamed(field: str, refusal: Json) -> str | None:
    """A refusal that does not say what it concerns."""
    said = json.dumps([refusal["details"], refusal["message"], refusal["context"]])
    named = field in said or refusal["code"] in {*NAMED_BY_CODE.get(field, ()), *OF_THE_WHOLE}
    return None if named else f"{field}: {refusal}"


# Codes that identify the field.
NAMED_BY_CODE = {
    "phase_id": ("phase_not_waiting",),
    "tasks": ("task_not_found",),
    "message": ("planner_unavailable",),
    "key": ("read_only",),
    "frozen_digest": ("frozen_changed", "signed_changed"),
    "position": ("phase_started",),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("situation", SITUATIONS)
async def test_every_field_is_heeded_or_refused_in_each_situation(patient: Stack, situation: str) -> None:
    found: list[str] = []
    probe = Probe(patient, situation)
    for operation, (method, path, fields) in (await bodies(patient)).items():
        if operation in STATELESS | set(ELSEWHERE) or (operation in EDITS and situation not in OF_EDITS):
            continue
        if operation not in ONLY.get(situation, {operation}):
            continue
        found += await ignored(probe, operation, (method, path), fields)
    await probe.drop()
    assert not found


@pytest.mark.parametrize("operation", ["createProject", "previewOutline"])
async def test_every_field_of_calls_without_a_project(signoff: Stack, operation: str) -> None:
    method, path, fields = (await bodies(signoff))[operation]
    least = NEEDED.get(operation, {})
    plain = await signoff.http.request(method, path, json=least)
    assert plain.is_success
    for field in fields:
        value = FIELDS[operation][field]
        if callable(value):
            value = path_in(signoff, {"id": "new"}) if value is path_in else value({})
        sent = await signoff.http.request(method, path, json=least | {field: value})
        if sent.is_success:
            assert normal(sent.json()) != normal(plain.json()), field
        else:
            assert field in fields_of(check_error(sent)), field


def filled(path: str, **ids: str) -> str:
    """A path with these ids, and with `x` for any other."""
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], "x"), path)


async def rich(stack: Stack) -> Json:
    """A finished project with two phases, two plan versions, files and a log."""
    plan = "## One\n\n- A: `echo a > a.txt` {#a}\n- B: `echo b > b.txt` {#b}\n\n## Two\n\n- [ ] Look {#look}"
    project_id = await stack.planned(plan)
    await stack.call("POST", f"/{project_id}/tasks", status=201, json={"title": "C", "action": SHELL})
    await stack.call("POST", f"/{project_id}/approve")
    await stack.task_in(project_id, "look", "waiting")
    await stack.call("POST", f"/{project_id}/tasks/look/complete")
    return await stack.finished(project_id)


async def test_every_query_parameter_is_heeded_or_refused(signoff: Stack) -> None:
    project, _ = await rich(signoff), await rich(signoff)
    needed = {"getFile": {"path": "a.txt"}, "diffPlans": {"from": "1", "to": "2"}, "streamEvents": {"follow": "false"}}
    for path, method, operation in operations(await document(signoff)):
        name = operation["operationId"]
        address = filled(path, project_id=project["id"], task_id="a")
        for field, value in QUERIES.get(name, {}).items():
            least = needed.get(name, {})
            plain = await signoff.http.request(method, address, params=least)
            assert plain.is_success, (name, plain.text)
            chosen = value(project) if callable(value) else value
            sent = await signoff.http.request(method, address, params=least | {field: chosen})
            if sent.is_success:
                assert sent.content != plain.content, f"{name} {field}"
            elif (name, field) != ("getTaskLog", "attempt"):
                assert field in fields_of(check_error(sent)), f"{name} {field}"


@pytest.mark.parametrize("extra", ["nothing=1", "nothing", "NOTHING=%00", "no%20thing=1&more=2"])
async def test_unknown_query_parameters_are_refused_everywhere(signoff: Stack, extra: str) -> None:
    project_id = await signoff.create("- A")
    for path, method, operation in operations(await document(signoff)):
        address = filled(path, project_id=project_id)
        answer = await signoff.http.request(method, f"{address}?{extra}")
        assert answer.status_code == 400, f"{method} {path}"
        refusal = check_error(answer)
        assert refusal["code"] == "unknown_parameter"
        assert "othing" in refusal["message"].replace("no thing", "nothing").replace("NOTHING", "nothing")
        for known in (item["name"] for item in operation.get("parameters", []) if item["in"] == "query"):
            assert known in refusal["message"]


async def test_a_parameter_that_is_there_twice_is_refused(signoff: Stack) -> None:
    answer = await signoff.http.get("/api/projects?limit=1&limit=2")
    assert answer.status_code == 400
    assert fields_of(check_error(answer)) == ["limit"]


@pytest.mark.parametrize(
    "header", ["If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since", "Idempotency-Key"]
)
async def test_conditions_that_a_change_does_not_heed_are_refused(signoff: Stack, header: str) -> None:
    project_id = await signoff.create("- A")
    for path, method, operation in operations(await document(signoff)):
        taken = {item["name"] for item in operation.get("parameters", []) if item["in"] == "header"}
        if method == "get" or header in taken:
            continue
        address = filled(path, project_id=project_id)
        answer = await signoff.http.request(method, address, headers={header: '"r1"'})
        assert answer.status_code == 400, f"{method} {path}"
        refusal = check_error(answer)
        assert (refusal["code"], fields_of(refusal)) == ("unsupported_header", [header])
    assert (await signoff.http.get(f"/api/projects/{project_id}")).status_code == 200


async def test_what_browsers_and_proxies_add_to_a_get_is_no_mistake(signoff: Stack) -> None:
    conditions = {"If-None-Match": '"x"', "If-Modified-Since": "Thu, 26 Nov 2026 10:00:00 GMT"}
    for path in ("/api/projects", "/health", "/api/strategies"):
        assert (await signoff.http.get(path, headers=conditions)).status_code == 200


@pytest.mark.parametrize("content", [b"{}", b'{"reason": "x"}', b"x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_body_where_none_is_taken_is_refused(signoff: Stack, method: str, content: bytes) -> None:
    project_id = await signoff.create("- A")
    address = f"/api/projects/{project_id}"

    async def pieces() -> Any:
        yield content

    for body in (content, pieces()):
        headers = {"Content-Type": "application/json"}
        answer = await signoff.http.request(method, address, content=body, headers=headers)
        assert answer.status_code == 400
        if method != "HEAD":
            assert check_error(answer)["code"] == "unexpected_body"
    assert (await signoff.http.get(address)).status_code == 200


async def test_words_for_a_planner_that_cannot_use_them_are_refused(signoff: Stack) -> None:
    project_id = await signoff.create("- A: `true`")
    words = {"instructions": "shorter, please"}
    for call in ("generate-plan", "regenerate-plan"):
        for body in (words, words | {"planner": "outline"}):
            answer = await signoff.http.post(f"/api/projects/{project_id}/{call}", json=body)
            assert answer.status_code == 422
            refusal = check_error(answer)
            assert (refusal["code"], fields_of(refusal)) == ("instructions_unused", ["instructions"])
    assert (await signoff.project(project_id))["stage"] == "draft"


async def test_outputs_of_a_task_that_is_retried_are_refused(signoff: Stack) -> None:
    project_id = await signoff.started("- [ ] A {#a}")
    await signoff.task_in(project_id, "a", "waiting")
    refused = await signoff.http.post(f"/api/projects/{project_id}/tasks/a/retry", json={"outputs": {"x": 1}})
    assert refused.status_code == 422
    assert fields_of(check_error(refused)) == ["outputs"]
    await signoff.call("POST", f"/{project_id}/cancel")


async def test_a_task_cannot_be_put_into_no_phase(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] A {#a}")
    refused = await signoff.http.put(f"/api/projects/{project_id}/tasks/a", json={"phase_id": None})
    assert refused.status_code == 422
    assert fields_of(check_error(refused)) == ["phase_id"]
