"""The state tables against the contract, which is written out here a second time."""

from __future__ import annotations

from enum import StrEnum

import pytest

from app.domain.errors import Conflict
from app.domain.states import (
    FINISHED_PHASE,
    FINISHED_PROJECT,
    FINISHED_TASK,
    PHASE_MOVES,
    PROJECT_MOVES,
    TASK_MOVES,
    Call,
    Situation,
    check_call,
    situation_of,
    sources,
)
from signoff.vocabulary import PhaseStatus, ProjectStatus, Stage, TaskStatus, WaitReason, waits_for_person

COLUMNS = (
    "generate",
    "regenerate",
    "refine",
    "approve",
    "cancel",
    "fields",
    "edit",
    "pause",
    "discard",
    "review",
    "retry",
)
CALLS = {
    "generate": Call.GENERATE,
    "regenerate": Call.REGENERATE,
    "refine": Call.REFINE,
    "approve": Call.APPROVE,
    "cancel": Call.CANCEL,
    "fields": Call.UPDATE_PLAN_FIELDS,
    "edit": Call.EDIT_PLAN,
    "pause": Call.PAUSE,
    "discard": Call.DISCARD,
    "review": Call.REVIEW,
    "retry": Call.RETRY,
}
# One line for each row of the contract's table, one word for each column: `ok`, or the code of the refusal.
TABLE = {
    Situation.NO_PLAN: "ok ok no_plan no_plan ok ok ok project_not_running no_edit_waiting no_plan no_plan",
    Situation.PLANNING: "plan_not_ready plan_not_ready plan_not_ready plan_not_ready ok plan_not_ready "
    "plan_not_ready project_not_running no_edit_waiting plan_not_ready plan_not_ready",
    Situation.PLAN_READY: "plan_exists ok ok ok ok ok ok project_not_running no_edit_waiting ok not_finished",
    Situation.RUNNING: "project_running project_running project_running ok ok project_running ok ok ok plan_not_waiting "
    "project_running",
    Situation.FINISHED: "plan_exists ok ok not_pending already_finished ok ok project_not_running no_edit_waiting "
    "plan_not_waiting ok",
    Situation.CANCELLED_UNPLANNED: "ok ok no_plan no_plan already_finished ok ok project_not_running no_edit_waiting "
    "no_plan no_plan",
}
MATRIX = [
    pytest.param(situation, CALLS[column], word, id=f"{situation.name.lower()}-{column}")
    for situation, line in TABLE.items()
    for column, word in zip(COLUMNS, line.split(), strict=True)
]


def outcome(call: Call, situation: Situation) -> str:
    try:
        check_call(call, situation)
    except Conflict as refusal:
        return refusal.info.code
    return "ok"


@pytest.mark.parametrize(("situation", "call", "word"), MATRIX)
def test_call_is_allowed_or_refused_as_the_contract_says(situation: Situation, call: Call, word: str) -> None:
    assert outcome(call, situation) == word
    if word != "ok":
        with pytest.raises(Conflict, match=r"\w.*\.$") as refusal:
            check_call(call, situation)
        assert refusal.value.info.status == 409


def test_matrix_has_every_row_and_column() -> None:
    assert set(TABLE) == set(Situation)
    assert set(CALLS.values()) == set(Call)


@pytest.mark.parametrize("status", list(ProjectStatus))
@pytest.mark.parametrize("has_plan", [False, True])
def test_planning_is_a_row_of_its_own_whatever_the_status(status: ProjectStatus, has_plan: bool) -> None:
    assert situation_of(status, Stage.PLANNING, has_plan=has_plan) == Situation.PLANNING


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage != Stage.PLANNING])
def test_status_and_plan_give_the_other_rows(stage: Stage) -> None:
    for has_plan in (False, True):
        assert situation_of("running", stage, has_plan=has_plan) == Situation.RUNNING
    assert situation_of("pending", stage, has_plan=False) == Situation.NO_PLAN
    assert situation_of("pending", stage, has_plan=True) == Situation.PLAN_READY
    for status in ("completed", "failed", "cancelled"):
        assert situation_of(status, stage, has_plan=True) == Situation.FINISHED
    assert situation_of("cancelled", stage, has_plan=False) == Situation.CANCELLED_UNPLANNED


TABLES = [
    pytest.param(ProjectStatus, PROJECT_MOVES, FINISHED_PROJECT, id="project"),
    pytest.param(PhaseStatus, PHASE_MOVES, FINISHED_PHASE, id="phase"),
    pytest.param(TaskStatus, TASK_MOVES, FINISHED_TASK, id="task"),
]
Moves = dict[StrEnum, frozenset[StrEnum]]


@pytest.mark.parametrize(("statuses", "moves", "finished"), TABLES)
def test_move_tables_cover_every_status_and_reach_each_from_pending(
    statuses: type[StrEnum], moves: Moves, finished: frozenset[StrEnum]
) -> None:
    assert set(moves) == set(statuses)
    reached, queue = {statuses("pending")}, [statuses("pending")]
    for status in queue:
        assert status not in moves[status], "a move changes the status"
        for target in moves[status] - reached:
            reached.add(target)
            queue.append(target)
    assert reached == set(statuses)
    assert finished < set(statuses)


@pytest.mark.parametrize(("statuses", "moves", "finished"), TABLES)
def test_finished_begins_again_or_stays(statuses: type[StrEnum], moves: Moves, finished: frozenset[StrEnum]) -> None:
    """A retry begins again with a project that runs, and with phases and tasks that have not started."""
    way_back = {"pending", "running"} if statuses is ProjectStatus else {"pending"}
    assert {status: {str(target) for target in moves[status]} for status in finished} == dict.fromkeys(
        finished, way_back
    )


@pytest.mark.parametrize(("statuses", "moves", "finished"), TABLES)
def test_every_open_status_can_end_in_a_cancel(
    statuses: type[StrEnum], moves: Moves, finished: frozenset[StrEnum]
) -> None:
    assert all("cancelled" in moves[status] for status in set(statuses) - finished)


@pytest.mark.parametrize(("statuses", "moves", "finished"), TABLES)
def test_sources_are_the_moves_read_backwards(
    statuses: type[StrEnum], moves: Moves, finished: frozenset[StrEnum]
) -> None:
    for target in statuses:
        assert set(sources(moves, target)) == {status for status in statuses if target in moves[status]}


@pytest.mark.parametrize(
    ("moves", "before", "after"),
    [
        (PROJECT_MOVES, "pending", "completed"),
        (PROJECT_MOVES, "pending", "failed"),
        (PROJECT_MOVES, "running", "pending"),
        (PROJECT_MOVES, "completed", "failed"),
        (PHASE_MOVES, "completed", "running"),
        (TASK_MOVES, "completed", "running"),
        (TASK_MOVES, "failed", "completed"),
        (PHASE_MOVES, "pending", "completed"),
        (PHASE_MOVES, "running", "awaiting_approval"),
        (PHASE_MOVES, "running", "skipped"),
        (PHASE_MOVES, "awaiting_approval", "completed"),
        (TASK_MOVES, "running", "pending"),
        (TASK_MOVES, "running", "skipped"),
        (TASK_MOVES, "waiting", "pending"),
    ],
)
def test_moves_that_would_hide_what_happened_do_not_exist(moves: Moves, before: str, after: str) -> None:
    assert before not in sources(moves, after)  # type: ignore[type-var]


@pytest.mark.parametrize("reason", WaitReason)
def test_who_a_waiting_task_waits_for(reason: WaitReason) -> None:
    for_nobody = {WaitReason.TIMER, WaitReason.RETRY}
    assert waits_for_person(reason, None) == (reason not in for_nobody)
    assert waits_for_person(reason, "2026-01-01T00:00:00.000Z") == (reason not in {*for_nobody, WaitReason.WORKER_LOST})
