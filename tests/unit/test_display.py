from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from app.cli.arguments import heading_of
from app.cli.display import action_text, duration, output_files, plan_tree, projects_table, size, tasks_table, visible
from app.cli.live import event_line, person_hints, progress_picture
from app.cli.progress import Progress
from app.domain.limits import exact_size_text
from signoff.schemas.events import Event


def shown(renderable: RenderableType, width: int = 120) -> str:
    console = Console(width=width, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def a_task(key: str, **fields: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "id": f"task_{key}",
        "phase_id": "phase_1",
        "key": key,
        "title": key.title(),
        "description": "",
        "status": "pending",
        "reason": None,
        "agent_id": None,
        "action": {"type": "shell", "command": f"do {key}"},
        "depends_on": [],
        "inputs": {},
        "expected_files": [],
        "retries": 0,
        "timeout_seconds": None,
        "on_crash": "rerun",
        "after_failure": None,
        "attempt": 0,
        "duration_ms": None,
        "error": None,
        "reads": [],
        "writes": [],
        "limits": {},
        "condition": None,
        "requires_approval": False,
    }
    return defaults | fields


def a_plan(*tasks: dict[str, Any], version: int = 1) -> dict[str, Any]:
    phase = {
        "id": "phase_1",
        "key": "gather",
        "name": "Gather",
        "description": "",
        "strategy": "dag",
        "requires_approval": False,
        "condition": None,
        "runs_on": "success",
        "tasks": list(tasks),
    }
    return {
        "version": version,
        "status": "ready",
        "digest": "d" * 64,
        "summary": "",
        "parameters": [],
        "warnings": [],
        "answers": {},
        "phases": [phase],
    }


def an_event(kind: str, second: int, **data: Any) -> Event:
    at = f"2026-01-01T00:00:{second:02d}.000Z"
    return Event(seq=second, type=kind, project_id="proj_1", at=at, actor="worker", data=data)


def a_progress(*tasks: dict[str, Any]) -> Progress:
    progress = Progress("proj_1", "Report")
    progress.show_plan(a_plan(*tasks))
    return progress


def about(key: str, **data: Any) -> dict[str, Any]:
    return {"task_id": f"task_{key}", "phase_id": "phase_1", "key": key, "title": key.title(), **data}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ünïcode\n\ttext", "plain ünïcode\n\ttext"),
        ("\x1b[2K\rhidden", "\\x1b[2K\\rhidden"),
        ("ev\u202eil\u200b\u2028", "ev\\u202eil\\u200b\\u2028"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
    ],
)
def test_nothing_that_a_terminal_obeys_or_hides_gets_through(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_a_plan_shows_every_command_whole_whatever_is_in_it() -> None:
    command = "first [red]line\x1b[1A\nsecond " + "x" * 300
    plan = a_plan(a_task("one", title="[b]One[/b]", action={"type": "shell", "command": command, "cwd": "sub"}))
    text = shown(plan_tree(plan, "Report"), width=400)
    assert "[b]One[/b]" in text
    assert "$ first [red]line\\x1b[1A " in text
    assert "second " + "x" * 300 in text
    assert "cwd: sub" in text


def test_a_plan_shows_conditions_and_warnings() -> None:
    second = a_task(
        "two",
        depends_on=["task_one"],
        retries=2,
        timeout_seconds=90.0,
        on_crash="ask",
        inputs={"N": 3},
        expected_files=["a.txt"],
        limits={"memory": 1024**3, "processes": 0},
    )
    plan = a_plan(a_task("one"), second) | {"parameters": [], "warnings": ["A person has to do this."]}
    text = shown(plan_tree(plan, "Report"), width=200)
    assert "2 tasks in 1 phase, digest dddddddddddd" in text
    assert "after one · retries 2 · timeout 1 m 30 s · if its worker is lost: ask a person · " in text
    assert "limits: memory 1 GiB, processes without limit · makes a.txt" in text
    assert "N = 3" in text
    assert "Warning: A person has to do this." in text


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            {"type": "http", "method": "POST", "url": "https://a.example", "body": "b"},
            "POST https://a.example\nbody: b",
        ),
        ({"type": "manual"}, "a person does this"),
        ({"type": "wait", "seconds": 30}, "waits 30 s"),
        ({"type": "shell", "argv": ["rm", "-r", "x y"]}, 'shell\nargv: ["rm", "-r", "x y"]'),
        ({"type": "mail", "to": "a@b.example"}, "mail\nto: a@b.example"),
        (
            {"type": "decision", "options": ["Ship it", "Wait"], "stop": ["a, b"], "expires_seconds": 172_800.0},
            'a person decides\noptions: Ship it, Wait\nstop: ["a, b"]\nexpires after: 2 d',
        ),
        (
            {"type": "shell", "command": "make check", "every_seconds": 60, "until_seconds": 5400.0},
            "$ make check\nrepeats every: 1 m\nrepeats for at most: 1 h 30 m",
        ),
    ],
)
def test_actions(action: dict[str, Any], expected: str) -> None:
    assert action_text(action).plain == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (1500, "1.5 s"), (185_000, "3 m 05 s"), (7_620_000, "2 h 07 m")],
)
def test_durations(milliseconds: float | None, expected: str) -> None:
    assert duration(milliseconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536 * 1024**2, "1536 MiB"), (2**30 + 1, "1073741825 bytes")],
)
def test_sizes_that_are_signed_are_exact(count: int, expected: str) -> None:
    assert exact_size_text(count) == expected


def test_sizes() -> None:
    assert [size(count) for count in (0, 1023, 1536, 5 * 1024**3)] == ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]


def test_tables_show_failures_and_reasons_without_reading_them_as_markup() -> None:
    failed = a_task(
        "one", status="failed", attempt=2, duration_ms=90, error={"type": "exit_code", "message": "[/red] 7"}
    )
    skipped = a_task("two", status="skipped", reason="dependency_failed")
    text = shown(tasks_table({"phases": [{"id": "phase_1", "name": "[x]"}], "tasks": [failed, skipped]}))
    assert "[x]" in text
    assert "✗ failed         2  90 ms  [/red] 7" in text
    assert "- skipped                  dependency failed" in text
    row = {
        "id": "proj_1",
        "status": "running",
        "name": "[red]A",
        "created_at": "2026-01-01T10:20:30.000Z",
        "stage": "executing",
        "manual_waiting": 0,
        "undo_until": None,
        "blocked": None,
        "outcome": None,
    }
    listing = {"projects": [row], "total": 7, "status_counts": {"running": 7, "failed": 0}}
    assert "proj_1  ▸ running  [red]A  2026-01-01 10:20" in shown(projects_table(listing))
    assert "1 of 7  (all projects: 7 running)" in shown(projects_table(listing))


@pytest.mark.parametrize(
    ("stage", "manual_waiting", "expected"),
    [
        ("awaiting_approval", 0, ["waits for approval"]),
        ("changes_requested", 0, ["waits for changes by its author"]),
        ("awaiting_decision", 1, ["waits for an answer"]),
        ("executing", 1, ["waits for 1 manual task"]),
        ("paused", 2, ["waits for 2 manual tasks"]),
        ("cancelling", 2, []),
    ],
)
def test_a_list_tells_what_a_project_waits_for(stage: str, manual_waiting: int, expected: list[str]) -> None:
    row = {
        "id": "proj_1",
        "status": "running",
        "name": "A",
        "created_at": "2026-01-01T10:20:30.000Z",
        "stage": stage,
        "manual_waiting": manual_waiting,
        "undo_until": None,
        "blocked": None,
        "outcome": None,
    }
    listing = {"projects": [row], "total": 1, "status_counts": {}}
    (line,) = shown(projects_table(listing)).splitlines()[1:-1]
    assert [part.strip() for part in line.split("  ")[3:-1] if part] == expected


def test_a_list_tells_what_holds_a_project_up() -> None:
    row = {
        "id": "proj_1",
        "status": "running",
        "name": "A",
        "created_at": "2026-01-01T10:20:30.000Z",
        "stage": "executing",
        "manual_waiting": 0,
        "undo_until": None,
        "blocked": "workflow_task_failing",
        "outcome": None,
    }
    listing = {"projects": [row], "total": 1, "status_counts": {}}
    assert "blocked: its workflow task keeps failing" in shown(projects_table(listing))


def test_a_plan_shows_what_follows_from_an_answer() -> None:
    ask = a_task("ask", action={"type": "decision", "options": ["yes", "no"]})
    ship = a_task("ship", condition={"task": "ask", "is": ["yes"]}, requires_approval=True)
    plan = a_plan(ask, ship)
    plan["answers"] = {
        "ask": [
            {"answer": "yes", "ends_run": False, "starts": ["ship"], "skips": []},
            {"answer": "no", "ends_run": True, "starts": [], "skips": ["ship"]},
        ]
    }
    plan["phases"][0] |= {"runs_on": "failure", "condition": {"task": "x", "is": ["failed", "skipped"]}}
    text = shown(plan_tree(plan, "Release"), width=200)
    assert "only after a failure  only if x is failed or skipped" in text
    assert "yes: runs ship" in text
    assert "no: ends the run: what depends on it and all later phases are skipped; skips ship" in text
    assert "only if ask is yes · a person releases it before it starts" in text


def test_a_plan_says_on_its_line_who_decides() -> None:
    decision = {"type": "decision", "options": ["yes", "no"]}
    text = shown(
        plan_tree(
            a_plan(
                a_task("mine", action=decision),
                a_task("theirs", action=decision | {"by": "model"}),
                a_task("second", action=decision | {"other_than": "mine"}),
            ),
            "Plan",
        )
    )
    assert text.count("a model answers this first") == 1
    assert text.count("a person decides") == 2
    assert "must be answered by a different person than mine" in text


def test_a_list_tells_that_failures_were_skipped() -> None:
    row = {
        "id": "proj_1",
        "status": "completed",
        "name": "A",
        "created_at": "2026-01-01T10:20:30.000Z",
        "stage": "finished",
        "manual_waiting": 0,
        "undo_until": None,
        "blocked": None,
        "outcome": "completed_with_skipped_failures",
    }
    assert "failed tasks were skipped" in shown(projects_table({"projects": [row], "total": 1, "status_counts": {}}))


def test_output_files_are_those_of_completed_tasks_with_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc")
    done = a_task("one", status="completed", expected_files=["a.txt", "gone.txt"])
    failed = a_task("two", status="failed", expected_files=["b.txt"])
    project = {"workspace": str(tmp_path), "tasks": [done, failed]}
    assert output_files(project) == [("one", tmp_path / "a.txt", 3), ("one", tmp_path / "gone.txt", None)]


def test_progress_follows_attempts_retries_and_a_second_run() -> None:
    progress = a_progress(a_task("one"), a_task("two"))
    progress.apply(an_event("run.started", 1))
    progress.apply(an_event("task.started", 2, **about("one", attempt=1)))
    progress.apply(an_event("task.retrying", 3, **about("one", attempt=1, error={"message": "No."}, next_try_in=2.0)))
    one, two = progress.task("task_one"), progress.task("task_two")
    assert one is not None
    assert two is not None
    assert (one.status, one.note, one.needs_person) == ("waiting", "No.; next attempt in 2 s", False)
    progress.apply(an_event("task.completed", 4, **about("one", attempt=2)))
    progress.apply(an_event("task.failed", 5, **about("two", attempt=1, error={"message": "Bad."})))
    progress.apply(an_event("project.failed", 6))
    progress.apply(an_event("run.started", 7))
    assert (one.status, two.status, two.note) == ("completed", "pending", "")
    assert progress.stage == "executing"


def test_progress_tells_tasks_that_wait_for_a_person_from_those_that_wait_for_time() -> None:
    progress = a_progress(a_task("one"), a_task("two"))
    progress.apply(an_event("task.waiting", 1, **about("one", reason="timer", due_at="2026-01-01T00:01:00.000Z")))
    progress.apply(an_event("task.waiting", 2, **about("two", reason="manual", due_at=None)))
    hint = "two waits for a person: signoff tasks complete proj_1 two"
    assert list(person_hints(progress)) == [("task_two", hint)]
    progress.apply(an_event("task.completed", 3, **about("two")))
    assert list(person_hints(progress)) == []


def test_progress_shows_open_decisions_until_something_comes_of_them() -> None:
    progress = a_progress(a_task("one"), a_task("two"))
    progress.apply(an_event("run.started", 0))
    for second, key in ((1, "one"), (2, "two")):
        progress.apply(
            an_event("task.waiting", second, **about(key, reason="after_failure", error={"message": "Bad."}))
        )
        asked = {"question_id": f"dec_{key}", "question": "What\x1b now?", "options": ["retry", "skip"]}
        progress.apply(an_event("decision.requested", second, **about(key, **asked)))
    assert progress.stage == "awaiting_decision"
    hint = "one: What\\x1b now? signoff decisions answer proj_1 dec_one retry|skip"
    assert next(iter(person_hints(progress))) == ("task_one", hint)
    progress.apply(an_event("decision.made", 3, **about("one", answer="retry")))
    progress.apply(an_event("task.skipped", 4, **about("two", reason="skipped_by_person")))
    assert progress.open_questions() == []
    assert progress.stage == "executing"


def test_a_failed_planning_leaves_the_stage_as_it_was() -> None:
    progress = a_progress(a_task("one"))
    for second, kind in enumerate(("plan.generating", "plan.failed")):
        progress.apply(an_event(kind, second))
    assert progress.stage == "draft"
    for second, kind in enumerate(("plan.generating", "plan.ready", "plan.generating", "plan.failed"), start=2):
        progress.apply(an_event(kind, second))
    assert progress.stage == "awaiting_approval"


def test_a_pause_hides_nothing_that_waits() -> None:
    progress = a_progress(a_task("one"))
    progress.apply(an_event("run.started", 1))
    progress.apply(an_event("phase.awaiting_approval", 2, phase_id="phase_1", name="Gather"))
    progress.apply(an_event("run.paused", 3, comment=""))
    assert progress.stage == "paused"
    assert [subject for subject, _ in person_hints(progress)] == ["phase_1", "proj_1"]
    progress.apply(an_event("run.resumed", 4, comment=""))
    assert progress.stage == "awaiting_phase_approval"


def test_a_newer_plan_keeps_the_state_of_the_tasks_it_keeps() -> None:
    progress = a_progress(a_task("one"))
    progress.apply(an_event("task.started", 1, **about("one", attempt=1)))
    assert progress.needs_plan(an_event("plan.ready", 2, plan_version=2))
    progress.show_plan(a_plan(a_task("one"), a_task("new"), version=2))
    assert not progress.needs_plan(an_event("plan.ready", 2, plan_version=2))
    one, new = progress.task("task_one"), progress.task("task_new")
    assert one is not None
    assert new is not None
    assert (one.status, new.status) == ("running", "pending")


def test_the_picture_shows_bars_running_tasks_and_fits_the_screen() -> None:
    tasks = [a_task(f"t{number}") for number in range(100)]
    progress = a_progress(*tasks)
    progress.apply(an_event("run.started", 1))
    for task in tasks:
        progress.apply(an_event("task.started", 2, **about(task["key"], attempt=3)))
    progress.apply(an_event("task.failed", 3, **about("t0", attempt=3, error={"message": "Bad."})))
    text = shown(progress_picture(progress, datetime(2026, 1, 1, 0, 0, 12, tzinfo=UTC), height=24))
    assert "Report  executing  11.0 s" in text
    assert "0/100  1 failed  99 running" in text
    assert "▸ t1  10.0 s attempt 3" in text
    assert "… 89 more in progress" in text
    assert len(text.splitlines()) <= 24


def test_lines_tell_what_happened_and_with_which_attempt() -> None:
    progress = a_progress(a_task("one"))
    event = an_event("task.failed", 1, **about("one", attempt=2, duration_ms=1500, error={"message": "Bad\x1b."}))
    progress.apply(event)
    line = event_line(event, progress)
    assert line is not None
    assert line.plain.endswith("✗   one failed (attempt 2, 1.5 s): Bad\\x1b.")
    assert event_line(an_event("task.created", 2, **about("one")), progress) is None


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Weekly report\n\ntext", "Weekly report"),
        ("text\n## Phase\n# Later #\n", "Later"),
        ("```sh\n# a comment\n```\n# Real", "Real"),
        ("````\n```\n# no\n```\n````\n# Yes", "Yes"),
        ("Just prose", None),
        ("#\n", None),
        ("# " + "x" * 300, "x" * 200),
    ],
)
def test_the_first_heading_names_the_project(markdown: str, expected: str | None) -> None:
    assert heading_of(markdown) == expected
