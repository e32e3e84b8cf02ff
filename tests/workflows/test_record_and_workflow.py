"""For every state of a task in the record, and every outcome of its activity: the run ends, or a person is asked.

Each pair of the two is a separate project. The first activity of its task puts the task into a state of the record, with the
production code for it, and then ends in its own way. Everything that follows is the real workflow on the real record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.actions.masking import Masker
from activities.advice import Advice
from activities.planning import Planning
from activities.records import Records
from activities.tasks import TaskActivities, TaskSurroundings
from app.commands.handlers import HANDLERS
from app.domain.commands import CommandKind, CommandRequest
from app.domain.registry import load_actions
from app.planning.archetypes import load_archetypes
from app.planning.outline import OutlinePlanner
from app.storage import attempts, decisions
from app.storage.attempt_values import AttemptKey, Ending, Question
from app.temporal.tuning import worker_options
from app.workspace.workspaces import workspaces_of
from signoff.vocabulary import TaskStatus
from tests.conftest import Stack, eventually, running_stack
from tests.databases import full
from workflows.contracts import ADVISE, ASKED, TaskInput, TaskResult
from workflows.project import ProjectWorkflow

SECONDS = 240.0
ERROR = {"type": "exit_code", "message": "exit code 1"}
Change = Callable[[Connection, AttemptKey], Any]


def _ended(ending: Ending) -> Change:
    def change(conn: Connection, key: AttemptKey) -> None:
        attempts.start(conn, key)
        attempts.finish(conn, key, ending)

    return change


def _lost(status: TaskStatus, *, ask: bool = False) -> Change:
    def change(conn: Connection, key: AttemptKey) -> None:
        attempts.start(conn, key)
        attempts.mark_worker_lost(conn, key, status=status, cause="a test", ask=ask)

    return change


def _said(kind: CommandKind, before: Change | None = None) -> Change:
    """A person's decision that the workflow is never told about."""

    def change(conn: Connection, key: AttemptKey) -> None:
        if before is not None:
            before(conn, key)
        request = CommandRequest(
            project_id=key.project_id, request_id="unheard", kind=kind, actor="ann", payload={"task": "a"}
        )
        decisions.decide(conn, request, HANDLERS[kind]).raise_if_refused()

    return change


_ASKS = Ending(TaskStatus.FAILED, {}, error=ERROR, asks=True)
RECORDS: dict[str, Change] = {
    "pending": lambda _conn, _key: None,
    "running": attempts.start,
    "completed": _ended(Ending(TaskStatus.COMPLETED, {"x": "1"})),
    "failed": _ended(Ending(TaskStatus.FAILED, {}, error=ERROR)),
    "cancelled": _ended(Ending(TaskStatus.CANCELLED, {}, reason="interrupted")),
    "waiting-retry": _ended(Ending(TaskStatus.WAITING, {}, error=ERROR, next_try_in=1.0)),
    "waiting-asks": _ended(_ASKS),
    "waiting-question": _ended(Ending(TaskStatus.WAITING, {}, question=Question("Which?", ["one"], "q"))),
    "lost-rerun": _lost(TaskStatus.WAITING),
    "lost-asks": _lost(TaskStatus.WAITING, ask=True),
    "lost-failed": _lost(TaskStatus.FAILED),
    "skipped-by-person": _said(CommandKind.SKIP),
    "failed-by-person": _said(CommandKind.FAIL, _ended(_ASKS)),
    "completed-by-person": _said(CommandKind.COMPLETE, _ended(_ASKS)),
    "retried-by-person": _said(CommandKind.RETRY, _ended(_ASKS)),
}


def _fails(kind: str, *details: str) -> ApplicationError:
    return ApplicationError("a test", *details, type=kind, non_retryable=True)


OUTCOMES: dict[str, Any] = {
    "completed": TaskResult(status="completed"),
    "skipped": TaskResult(status="skipped"),
    "running": TaskResult(status="running"),
    "foreign": {"x": 1},
    "null": None,
    "task-failed": _fails("TaskFailed", "failed"),
    "task-waits": _fails("TaskFailed", "waiting"),
    "task-asks": _fails("TaskFailed", ASKED),
    "task-asks-model": _fails("TaskFailed", ASKED, ADVISE),
    "no-details": _fails("TaskFailed"),
    "fenced": _fails("Fenced"),
    "worker-lost": _fails("WorkerLost"),
    "broken": ValueError("a test"),
    "cancelled": asyncio.CancelledError(),
    "silent": TimeoutError(),
}


class Scripts:
    """The activity of each project's task. The first follows the script, later ones are real."""

    def __init__(self, stack: Stack, real: Callable[[TaskInput], Any]) -> None:
        self._stack = stack
        self._real = real
        self.scripts: dict[str, tuple[Change, Any]] = {}

    @property
    def activity(self) -> Callable[..., Any]:
        @activity.defn(name="shell")
        async def carry_out(task: TaskInput) -> Any:
            script = self.scripts.pop(task.project_id, None)
            if task.task != "a" or script is None:
                return await self._real(task)
            change, outcome = script
            key = AttemptKey(task.project_id, task.run_id, task.task, task.try_number, "scripted")
            await self._stack.database.transact(lambda conn: change(conn, _with_id(conn, key)))
            if isinstance(outcome, TimeoutError):
                await asyncio.Event().wait()
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return carry_out


def _with_id(conn: Connection, key: AttemptKey) -> AttemptKey:
    task = attempts.tasks.get(conn, key.project_id, key.task_id)
    return AttemptKey(key.project_id, key.run_id, task.id, key.try_number, key.token)


def _worker(stack: Stack) -> tuple[Worker, Scripts]:
    settings, database, actions = stack.settings, stack.database, load_actions()
    tasks = TaskActivities(database, actions, TaskSurroundings(settings=settings))
    real = next(one for one in tasks.activities if getattr(one, "__temporal_activity_definition").name == "shell")
    scripts = Scripts(stack, real)
    planner = OutlinePlanner()
    planning = Planning(
        database, actions, settings.known_agents, load_archetypes(settings.archetypes), {planner.name: planner}
    )
    records = Records(database, actions, workspaces_of(settings), settings)
    worker = Worker(
        stack.temporal,
        task_queue=settings.task_queue,
        workflows=[ProjectWorkflow],
        activities=[
            *records.activities,
            planning.make_plan,
            Advice(database, settings, Masker()).advise,
            scripts.activity,
        ],
        **worker_options(settings.max_concurrent_tasks),
    )
    return worker, scripts


async def _listed(stack: Stack) -> list[dict[str, Any]]:
    """Every project, a page at a time."""
    found: list[dict[str, Any]] = []
    while True:
        page = await stack.call("GET", f"?limit=100&offset={len(found)}&sort_by=oldest")
        found += page["projects"]
        if len(found) >= page["total"]:
            return found


async def _answer(stack: Stack, project_id: str) -> None:
    """Answer everything that a project asks."""
    for decision in (await stack.call("GET", f"/{project_id}/decisions?status=open"))["decisions"]:
        answer = "one" if decision["options"] == ["one"] else "skip"
        await stack.http.post(f"/api/projects/{project_id}/decisions/{decision['id']}", json={"answer": answer})


@pytest.mark.timeout(400)
async def test_pairs_of_record_and_outcome_come_to_an_end(temporal_server: WorkflowEnvironment, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False) as stack:
        worker, scripts = _worker(stack)
        async with worker:
            pairs = _pairs()
            projects: dict[str, str] = {}
            some_at_once = asyncio.Semaphore(10)

            async def start(record: str, outcome: str) -> None:
                async with some_at_once:
                    plan = "- A: `true` {#a}\n- B: `true` {#b after=a}"
                    project_id = await stack.create(plan, name=f"{record}, {outcome}")
                    projects[project_id] = f"{record}, {outcome}"
                    scripts.scripts[project_id] = (RECORDS[record], OUTCOMES[outcome])
                    await stack.call("POST", f"/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
                    # On a busy machine, the request is recorded and decided later.
                    await stack.http.post(f"/api/projects/{project_id}/approve")

            await asyncio.gather(*(start(record, outcome) for record, outcome in pairs))
            ends: dict[str, str] = {}

            async def all_settled() -> bool:
                for project in await _listed(stack):
                    if project["stage"] == "finished":
                        ends[project["id"]] = project["status"]
                    elif project["stage"] == "awaiting_decision":
                        await _answer(stack, project["id"])
                return len(ends) == len(projects)

            try:
                await eventually(all_settled, what="every run has ended", seconds=SECONDS)
            except AssertionError:
                hanging = sorted(projects[key] for key in set(projects) - set(ends))
                raise AssertionError(f"{len(hanging)} of {len(pairs)} runs hang: {hanging}") from None
            for project_id, status in ends.items():
                a = (await stack.project(project_id))["tasks"][0]
                assert (status == "completed") == (a["status"] in {"completed", "skipped"}), projects[project_id]


def _pairs() -> list[tuple[str, str]]:
    """Every pair with `make test-full`; otherwise every seventh, so that each record and each outcome comes up twice."""
    if full():
        return list(product(RECORDS, OUTCOMES))
    return [
        (record, outcome)
        for (row, record), (column, outcome) in product(enumerate(RECORDS), enumerate(OUTCOMES))
        if (row + column) % 7 == 0
    ]
