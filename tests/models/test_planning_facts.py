"""What a planning model is told about the machine and the workspace, and the fields that it may use then."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities import planning_facts
from activities.actions.masking import Masker
from activities.planning_facts import FactFinder
from app.domain.agents import ModelEntry
from app.domain.secret_scopes import SecretEntry, SecretScopes
from app.llm.clock import time_in_words
from app.planning.facts import USUAL_PROGRAMS
from tests.conftest import Stack
from tests.model_server import ModelServer, Output
from tests.models.conftest import Signoffs
from tests.models.drafts import GOOD, MANUAL, drafted, plan

WORDS = "Gather the figures of the quarter and have somebody check them."


def finder(*, shows_files: bool = True, scopes: SecretScopes | None = None, path: str = "") -> FactFinder:
    masker = Masker(["T0p-s3cret-value"])
    return FactFinder(
        task_path=[path] if path else [],
        secrets=["B_KEY", "A_KEY"],
        scopes=scopes or SecretScopes(),
        masked=lambda data: masker.data(data, cut=True),
        shows_files=shows_files,
    )


def test_files_come_with_sizes_and_their_first_lines_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,Ada\n2,T0p-s3cret-value\n3,Bob\n")
    (tmp_path / "long.csv").write_text("id,name\n1,Ada\n2,T0p-s3cret-value\n" + "3,Bob\n" * 100)
    (tmp_path / "wide.txt").write_text("x" * 5000)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    (tmp_path / "empty").write_text("")
    for name in (".env", "id_rsa", "server.key", "passwords.txt"):
        (tmp_path / name).write_text("PASSWORD=1")
    (tmp_path / "link").symlink_to("/etc/passwd")
    found = finder().facts(tmp_path, "proj_1", None, own_folder=False)
    shown = {file.path: (file.size, file.beginning) for file in found.files}
    assert shown.pop("a.csv") == (39, "id,name\n1,Ada\n2,***\n3,Bob")
    assert shown.pop("long.csv") == (633, "id,name\n1,Ada\n2,***")
    assert [file.path for file in found.files if file.complete] == ["a.csv"]
    assert shown.pop("wide.txt") == (5000, "x" * planning_facts.MAX_LINE_LENGTH)
    assert {beginning for _, beginning in shown.values()} == {None}
    assert set(shown) == {"photo.jpg", "empty", ".env", "id_rsa", "server.key", "passwords.txt"}
    assert (found.own_folder, found.repository, found.more_files) == (False, False, False)
    hidden = finder(shows_files=False).facts(tmp_path, "proj_1", None, own_folder=False)
    assert {file.beginning for file in hidden.files} == {None}
    assert [file.path for file in hidden.files] == [file.path for file in found.files]


def test_a_secret_at_the_end_of_what_is_read_is_not_shown_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning_facts, "_READ_BYTES", 12)
    (tmp_path / "a.txt").write_text("key: T0p-s3cret-value\n")
    (file,) = finder().facts(tmp_path, "proj_1", None, own_folder=True).files
    assert (file.beginning, file.complete) == ("key: ***", False)


def test_what_is_shown_has_limits(tmp_path: Path) -> None:
    for number in range(planning_facts.MAX_FILES + 5):
        (tmp_path / f"{number:03}.txt").write_text("\n".join(["y" * 300] * 5))
    found = finder().facts(tmp_path, "proj_1", None, own_folder=True)
    assert (len(found.files), found.more_files) == (planning_facts.MAX_FILES, True)
    shown = [file.beginning for file in found.files if file.beginning]
    assert 0 < len(shown) <= planning_facts.MAX_BEGINNINGS
    assert sum(map(len, shown)) <= planning_facts.MAX_CHARACTERS
    assert max(map(len, shown)) <= planning_facts.MAX_LINES * (planning_facts.MAX_LINE_LENGTH + 1)


def test_programs_are_those_that_a_task_finds(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "pandoc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "work" / ".git").mkdir(parents=True)
    found = finder(path=str(program.parent)).facts(tmp_path / "work", "proj_1", None, own_folder=True)
    assert "pandoc" in found.programs
    assert set(found.programs) <= set(USUAL_PROGRAMS)
    assert (found.repository, found.files) == (True, [])
    assert found.system.endswith(os.uname().machine)


def test_only_the_secrets_of_the_project_are_known(tmp_path: Path) -> None:
    scopes = SecretScopes({"B_KEY": SecretEntry(projects=("proj_2",))})
    assert finder().facts(tmp_path, "proj_1", None, own_folder=True).secrets == ["A_KEY", "B_KEY"]
    assert finder(scopes=scopes).facts(tmp_path, "proj_1", None, own_folder=True).secrets == ["A_KEY"]


@pytest.mark.parametrize(
    ("zone", "name", "offset", "clock"),
    [("Asia/Tokyo", "Asia/Tokyo", "+09:00", "23:05"), ("UTC", "UTC", "+00:00", "14:05")],
)
def test_the_time_is_that_of_the_worker(
    monkeypatch: pytest.MonkeyPatch, zone: str, name: str, offset: str, clock: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        said = time_in_words(datetime(2026, 11, 27, 14, 5, tzinfo=UTC))
        assert said == f"It is Friday, 27 November 2026, {clock}, time zone {name} (UTC{offset})."
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_model_is_told_when_and_where_its_plan_runs(planner: Stack, model: ModelServer) -> None:
    model.say(plan(*GOOD), plan(*GOOD))
    project_id = await planner.create(WORDS)
    files = {"file": ("figures.csv", b"region,amount\nnorth,1\n")}
    answer = await planner.http.post(f"/api/projects/{project_id}/files/upload", files=files)
    assert answer.status_code < 300
    await planner.call("POST", f"/{project_id}/generate-plan")
    told = model.requests[0].texts
    assert f"Now: {datetime.now().astimezone():%A}, " in told
    assert "figures.csv (22 bytes)" in told
    assert "== figures.csv (complete)\nregion,amount\nnorth,1" in told
    assert re.search(r"Programs that exist, .*\bsed\b", told)
    assert "so `http` is not offered" in told


async def test_a_small_model_is_told_less(signoffs: Signoffs, model: ModelServer) -> None:
    model.say(plan(*GOOD), plan(*GOOD))
    name = "openai-chat:test-model"
    stack = await signoffs.having(models={name: ModelEntry(small=True)})
    project_id = await stack.create(WORDS)
    await stack.call("POST", f"/{project_id}/generate-plan")
    (request,) = model.requests
    assert "# Facts" not in request.texts
    assert "Example 3." in request.texts
    assert "Example 4." not in request.texts
    shape = str(request.body["response_format"])
    assert ("maxLength" in shape, "runs_on" in shape, "cannot_plan" in shape) == (True, False, False)


async def test_contents_of_files_can_be_kept_from_the_planner(signoffs: Signoffs, model: ModelServer) -> None:
    model.say(plan(*GOOD))
    stack = await signoffs.having(planner_files="names")
    project_id = await stack.create(WORDS)
    files = {"file": ("figures.csv", b"quarter;sum\n")}
    await stack.http.post(f"/api/projects/{project_id}/files/upload", files=files)
    await stack.call("POST", f"/{project_id}/generate-plan")
    assert "figures.csv (12 bytes)" in model.requests[0].texts
    assert "quarter;sum" not in model.requests[0].texts


async def test_the_first_plan_may_use_the_whole_language(planner: Stack, model: ModelServer) -> None:
    ask = {
        "type": "decision",
        "question": "Publish?",
        "options": ["publish", "later"],
        "stop": ["later"],
        "default": "later",
    }
    check = {"type": "shell", "command": "cat state", "expect": "ok", "every_seconds": 5, "until_seconds": 60}
    write = {
        "type": "agent",
        "prompt": "Rate it.",
        "max_calls": 3,
        "output_schema": {"type": "object", "properties": {}},
    }
    value = drafted(
        ("check", "Check", check, (), {"timeout_seconds": 30}),
        ("write", "Write", write, ("check",), {"retries": 2}),
        ("ask", "Ask", {**ask, "expires_seconds": 3600}, ("write",)),
        ("send", "Send", MANUAL, ("ask",), {"condition": {"task": 3, "is": ["publish"]}}),
    )
    last = {"number": 5, "title": "Tidy", "action": {"type": "shell", "command": "rm -f x"}, "requires_approval": False}
    tidy = {
        "name": "Tidy",
        "strategy": "sequential",
        "runs_on": "always",
        "description": "In any case.",
        "tasks": [last],
    }
    value["phases"].append(tidy)
    model.say(Output(value))
    made = await planner.call("POST", f"/{await planner.create(WORDS)}/generate-plan")
    work, after = made["phases"]
    assert (after["runs_on"], after["description"]) == ("always", "In any case.")
    check_task, write_task, ask_task, send_task = work["tasks"]
    assert check_task["action"]["until_seconds"] == 60
    assert (write_task["retries"], write_task["action"]["max_calls"]) == (2, 3)
    assert (ask_task["action"]["stop"], ask_task["action"]["expires_seconds"]) == (["later"], 3600)
    assert send_task["condition"] == {"task": "ask", "is": ["publish"]}


async def test_parameters_of_the_description_can_be_used(planner: Stack, model: ModelServer) -> None:
    description = "---\nparameters:\n  version: {type: string}\n---\nRelease the version and have somebody check it.\n"
    release = {"type": "shell", "command": 'echo "$VERSION"'}
    value = drafted(
        ("release", "Release", release, (), {"condition": {"parameter": "version", "is": ["2.4"]}}),
        ("tell", "Tell", release, ("release",), {"inputs": {"version": "${{ parameters.version }}"}}),
    )
    model.say(Output(value))
    project_id = await planner.create(description, parameters={"version": "2.4"})
    made = await planner.call("POST", f"/{project_id}/generate-plan", json={"planner": "model"})
    assert "Parameters: version = '2.4'. A command reads one as `$VERSION`" in model.requests[0].texts
    release_task, tell_task = made["phases"][0]["tasks"]
    assert release_task["condition"]["parameter"] == "version"
    assert tell_task["inputs"] == {"version": "${{ parameters.version }}"}
