"""Plans whose commands run what a model writes: what is found before the signature, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.agents import AgentEntry
from app.domain.plan import PlanDraft
from app.domain.unseen import Unseen, check_unseen, find_unseen, steps_of
from tests.factories import task

AGENTS = {"default": AgentEntry(), "talker": AgentEntry(tools=())}


def write(key: str = "write", *files: str, **fields: Any) -> dict[str, Any]:
    return task(key, action={"type": "agent", "prompt": "Write it."}, expected_files=list(files), **fields)


def run(command: str, key: str = "run", **fields: Any) -> dict[str, Any]:
    return task(key, action={"type": "shell", "command": command}, **fields)


def look(*files: str, key: str = "look", **fields: Any) -> dict[str, Any]:
    return task(key, action={"type": "manual", "shows": list(files)}, **fields)


def found(*phases: list[dict[str, Any]], strategy: str = "sequential", there: set[str] | None = None) -> list[Unseen]:
    names = [{"key": f"p{n}", "name": "P", "strategy": strategy, "tasks": tasks} for n, tasks in enumerate(phases)]
    draft = PlanDraft.model_validate({"phases": names})
    return list(find_unseen(steps_of(draft), AGENTS, exists=None if there is None else there.__contains__))


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("clean.py", "python3 clean.py customers.csv"),
        ("clean.py", "cd . && timeout 5 python3 ./clean.py"),
        ("a.sh", "sh a.sh"),
        ("a.sh", "bash -eu a.sh"),
        ("a.sh", "./a.sh"),
        ("a.sh", "cat a.sh | sh"),
        ("a.sh", "sh < a.sh"),
        ("a.sh", "sh -c 'sh a.sh'"),
        ("env", ". ./env"),
        ("index.js", "node index.js"),
        ("Makefile", "make all"),
        ("sub/Makefile", "make -C sub"),
        ("rules", "make -f rules"),
        ("package.json", "npm run build"),
        ("tools/clean.py", "python3 -m tools.clean"),
        ("query.sql", "psql -f query.sql"),
        ("tests/test_a.py", "pytest"),
        ("scripts", "python3 scripts/clean.py"),
    ],
)
def test_a_command_that_runs_what_a_model_writes_is_found(path: str, command: str) -> None:
    (one,) = found([write("write", path), run(command)])
    assert (one.step.key, one.writers, one.certain) == ("run", ("write",), True)
    (finding,) = check_unseen([one])
    assert (finding.severity, finding.code, finding.task_id) == ("high", "runs_unseen_code", "run")
    assert finding.message.startswith("Task 'run' runs ")


@pytest.mark.parametrize(
    "command", ["cat notes.md", "wc -l clean.py", "cp clean.py copy.py", "git add clean.py", "python3 mine.py notes.md"]
)
def test_a_command_that_only_reads_it_is_not_found(command: str) -> None:
    assert found([write("write", "notes.md", "clean.py"), run(command)]) == []


def test_a_model_that_comes_later_has_not_written_it() -> None:
    assert found([run("python3 clean.py"), write("write", "clean.py")]) == []
    assert found([run("python3 clean.py")], [write("write", "clean.py")]) == []


def test_a_model_that_works_at_the_same_time_may_have_written_it() -> None:
    assert len(found([run("python3 clean.py"), write("write", "clean.py")], strategy="parallel")) == 1


def test_a_file_that_a_person_reads_before_it_runs_is_seen() -> None:
    assert found([write("write", "clean.py"), look("clean.py"), run("python3 clean.py")]) == []
    assert found([write("write", "clean.py"), look("clean.py")], [run("python3 clean.py")]) == []


def test_a_step_that_shows_another_file_or_comes_too_late_does_not_help() -> None:
    assert len(found([write("write", "clean.py"), look("other.py"), run("python3 clean.py")])) == 1
    assert len(found([write("write", "clean.py"), run("python3 clean.py"), look("clean.py")])) == 1
    side_by_side = [write("write", "clean.py"), look("clean.py"), run("python3 clean.py", depends_on=["write"])]
    assert len(found(side_by_side, strategy="dag")) == 1


def test_a_file_that_nothing_explains_may_come_from_a_model() -> None:
    (one,) = found([write(), run("python3 clean.py")], there=set())
    assert (one.paths, one.writers, one.certain) == (("clean.py",), ("write",), False)
    (make,) = found([write(), run("make")], there=set())
    assert make.paths == ("Makefile",)


@pytest.mark.parametrize(
    "tasks",
    [
        [write("write", agent_id="talker"), run("python3 clean.py")],
        [run("curl -O https://example.org/clean.py", "get"), write(), run("python3 clean.py")],
        [run("git clone https://example.org/tools.git", "get"), write(), run("python3 tools/clean.py")],
        [run("echo pass > clean.py", "get"), write(), run("python3 clean.py")],
        [run("generate --to clean.py", "get"), write(), run("python3 clean.py")],
        [run("true", "get", expected_files=["clean.py"]), write(), run("python3 clean.py")],
        [write(), run("echo pass > clean.py; python3 clean.py")],
        [write(), run("pytest")],
        [write(), run("python3 -m json.tool a.json")],
        [run("python3 clean.py")],
    ],
)
def test_a_file_that_something_else_explains_does_not(tasks: list[dict[str, Any]]) -> None:
    assert found(tasks, there=set()) == []


def test_a_file_of_the_workspace_is_signed_with_the_plan() -> None:
    assert found([write(), run("python3 clean.py")], there={"clean.py"}) == []
    assert len(found([write("write", "clean.py"), run("python3 clean.py")], there={"clean.py"})) == 1
