"""Attempts at tasks.

An attempt holds a fencing token, and it may write only with that token. An attempt that Signoff gave up on and that returns
late therefore changes nothing. An attempt whose outcome is recorded never runs again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NotRequired, TypedDict

from sqlalchemy import Connection, bindparam, insert, select, update

from app.database.prepared import Prepared
from app.domain.decisions import QuestionKind
from app.domain.errors import Conflict
from app.domain.identity import isoformat, milliseconds_between, now, parse_time
from app.domain.replay import outputs_hash
from app.domain.states import SKIPPED_BY_PERSON, AttemptStatus
from app.storage import events, projects, quarantines, questions, tasks
from app.storage.attempt_values import AttemptKey, Ending, Question, Recorded, Started, Subject
from app.storage.needs import Needed, is_being_cancelled
from app.storage.tables import attempts, plans
from app.storage.tables import tasks as task_table
from app.storage.task_fields import TaskError, error_of, reason_of
from app.storage.tasks import TaskChanges, TaskRow
from signoff.schemas.event_data import TaskMoved, TaskRetrying, TaskStarted, TaskWaiting
from signoff.schemas.json_value import JsonMapping
from signoff.vocabulary import AfterFailure, DecisionMode, TaskStatus, WaitReason, waits_for_person

KILLED = (
    "The task killed or froze its own worker process. It had that process to itself because two other workers were lost "
    "while they ran it. A task must not signal or exhaust processes that it did not start."
)
# Statements on the hot path are built once: building one costs more than running it.
_NEW = Prepared(insert(attempts))
_SIGNED = Prepared(
    select(plans.c.settings, plans.c.frozen).where(
        plans.c.project_id == bindparam("of_project"), plans.c.version == bindparam("numbered")
    )
)
_MINE = Prepared(
    update(attempts).where(attempts.c.task_id == bindparam("of_task"), attempts.c.token == bindparam("held"))
)


def look_up(conn: Connection, key: AttemptKey) -> Subject:
    """Read what an attempt is about. A write transaction locks the project from here on.

    Raises:
        Conflict: `fenced`: the run is over.
    """
    project = projects.find(conn, key.project_id)
    task = tasks.find(conn, key.project_id, key.task_id)
    if project is not None and task is not None and project.run_id == key.run_id:
        signed = _SIGNED.rows(conn, {"of_project": project.id, "numbered": project.plan_version})
        if signed:
            return Subject(project, task, *signed[0])
    raise Conflict("This run has ended.", code="fenced")


def start(conn: Connection, key: AttemptKey, subject: Subject | None = None) -> Started:
    """Begin the next attempt of a task. `subject` is what `look_up` has read in the same transaction.

    Raises:
        Conflict: `fenced`: the run is over or being cancelled, or the task must not start, even if Temporal asks for it.
    """
    subject = subject or look_up(conn, key)
    project, task = subject.project, subject.task
    needed = Needed.of(conn, task)

    def started(recorded: Recorded | None, number: int, at: str) -> Started:
        upstream, skipped = needed.outputs, needed.skipped
        return Started(recorded, task, project, number, upstream, skipped, subject.settings, at, subject.frozen)

    if task.recorded_try >= key.try_number:
        return started(recorded_of(task), task.attempt, now())
    if is_being_cancelled(conn, project.stage, task.phase_id):
        raise Conflict("The run is being cancelled.", code="fenced")
    if not needed.finished:
        raise Conflict("The task's phase has not started, or a dependency has not finished.", code="fenced")
    if task.status == TaskStatus.RUNNING and task.token == key.token:
        # The database committed this earlier, but its answer was lost.
        return started(None, task.attempt, str(task.started_at))
    number, at = task.attempt + 1, now()
    changes: TaskChanges = {
        "attempt": number,
        "token": key.token,
        "started_at": task.started_at or at,
        "completed_at": None,
        "reason": None,
        "due_at": None,
        "error": None,
        "exit_code": None,
        "log_bytes": 0,
        "outputs": {},
    }
    names = tasks.move(conn, task, TaskStatus.RUNNING, **changes)
    row = {
        "task_id": task.id,
        "number": number,
        "project_id": key.project_id,
        "run_id": key.run_id,
        "try_number": key.try_number,
        "token": key.token,
        "status": AttemptStatus.RUNNING,
        "started_at": at,
        "worker": key.worker,
        "with_worker": False,
        "witnessed": False,
    }
    _NEW.write(conn, row)
    began = TaskStarted(**names, attempt=number, try_number=key.try_number)
    events.append(conn, key.project_id, began, actor="worker", at=at)
    return started(None, number, at)


def recorded_of(task: TaskRow) -> Recorded:
    """Return the recorded result of a task's last attempt."""
    status = TaskStatus(task.status)
    return Recorded(status, asks=status == TaskStatus.WAITING and waits_for_person(task.reason, task.due_at))


def end(conn: Connection, key: AttemptKey, *, with_worker: bool = False) -> None:
    """Record that an attempt is no longer running, without an outcome. `with_worker`: its worker has ended too."""
    ended = {"ended_at": now(), "stopping_at": None, **({"with_worker": True} if with_worker else {})}
    _MINE.write(conn, {"of_task": key.task_id, "held": key.token, **ended})


def finish(conn: Connection, key: AttemptKey, ending: Ending) -> Recorded | None:
    """Record the outcome of an attempt. If it was fenced meanwhile, record only that it ended, and return None.

    A task that has used up its retries asks a person first, if the task or its project says so.
    """
    task = tasks.find(conn, key.project_id, key.task_id)
    if task is None or task.token != key.token or task.status != TaskStatus.RUNNING:
        end(conn, key)
        return None
    _note_left_behind(conn, key, ending.left_behind)
    if ending.question is not None:
        _finish_with_question(conn, key, task, ending, ending.question)
        return Recorded(TaskStatus.WAITING, asks=True)
    if ending.status == TaskStatus.FAILED and (ending.asks or asks_after_failure(conn, task)):
        _finish_asking(conn, key, task, ending)
        mode = projects.get(conn, key.project_id).decision_mode
        return Recorded(TaskStatus.WAITING, asks=True, advise=mode == DecisionMode.AGENT and not ending.asks)
    at = now()
    again = ending.status == TaskStatus.WAITING
    outcome = {"status": AttemptStatus.FAILED if again else AttemptStatus(ending.status), "error": ending.error}
    attempt = {"of_task": key.task_id, "held": key.token}
    _MINE.write(conn, {**attempt, **outcome, "ended_at": at, "stopping_at": None})
    values: TaskChanges = {
        "reason": WaitReason.RETRY if again else ending.reason,
        "outputs": ending.outputs,
        "error": ending.error,
        "exit_code": ending.exit_code,
        "log_bytes": ending.log_bytes,
        "completed_at": None if again else at,
        "due_at": _later(at, ending.next_try_in) if again else None,
        "recorded_try": key.try_number,
        "token": None,
    }
    names = tasks.move(conn, task, ending.status, **values)
    evidence, reason, error = _evidence(ending), reason_of(ending.reason), error_of(ending.error)
    number, took = task.attempt, milliseconds_between(task.started_at, at)
    ended: TaskMoved
    if again:
        following, pause = key.try_number + 1, ending.next_try_in
        ended = TaskRetrying(
            **names,
            attempt=number,
            duration_ms=took,
            **evidence,
            **reason,
            **error,
            next_try=following,
            next_try_in=pause,
        )
    else:
        ended = tasks.EVENT_OF[ending.status](**names, attempt=number, duration_ms=took, **evidence, **reason, **error)
    events.append(conn, key.project_id, ended, actor="worker", at=at)
    return Recorded(ending.status)


def _note_left_behind(conn: Connection, key: AttemptKey, left_behind: dict[str, str | None] | None) -> None:
    if left_behind:
        conditions = (attempts.c.task_id == key.task_id, attempts.c.token == key.token)
        conn.execute(update(attempts).where(*conditions).values(left_behind=left_behind))


class _LogFacts(TypedDict):
    bytes: int
    sha256: str


class _Evidence(TypedDict):
    outputs_hash: str | None
    exit_code: int | None
    log: NotRequired[_LogFacts]
    files: NotRequired[dict[str, JsonMapping | None]]
    left_behind: NotRequired[dict[str, str | None]]
    not_as_signed: NotRequired[list[JsonMapping]]


def _evidence(ending: Ending) -> _Evidence:
    """Return what the final event of an attempt records about its outputs, its log and its files."""
    evidence: _Evidence = {"outputs_hash": outputs_hash(ending.outputs), "exit_code": ending.exit_code}
    if ending.log_sha256 is not None:
        evidence["log"] = {"bytes": ending.log_bytes, "sha256": ending.log_sha256}
    if ending.files:
        evidence["files"] = {**ending.files}
    if ending.left_behind:
        evidence["left_behind"] = ending.left_behind
    if ending.not_as_signed:
        evidence["not_as_signed"] = [*ending.not_as_signed]
    return evidence


def asks_after_failure(conn: Connection, task: TaskRow) -> bool:
    """Whether a person decides what happens to the task once its retries are used up."""
    if task.after_failure is not None:
        return task.after_failure == AfterFailure.ASK
    return projects.get(conn, task.project_id).decision_mode == DecisionMode.HUMAN


def _finish_asking(conn: Connection, key: AttemptKey, task: TaskRow, ending: Ending) -> None:
    at = now()
    outcome = {"status": AttemptStatus.FAILED, "error": ending.error, "ended_at": at, "stopping_at": None}
    _MINE.write(conn, {"of_task": key.task_id, "held": key.token, **outcome})
    values: TaskChanges = {
        "reason": WaitReason.AFTER_FAILURE,
        "outputs": ending.outputs,
        "error": ending.error,
        "exit_code": ending.exit_code,
        "log_bytes": ending.log_bytes,
        "recorded_try": key.try_number,
        "token": None,
        "due_at": None,
    }
    names, evidence = tasks.move(conn, task, TaskStatus.WAITING, **values), _evidence(ending)
    waiting = TaskWaiting(
        **names,
        reason=WaitReason.AFTER_FAILURE,
        attempt=task.attempt,
        error={**ending.error} if ending.error is not None else None,
        **evidence,
    )
    events.append(conn, key.project_id, waiting, actor="worker", at=at)
    _ask_what_now(conn, task, key.run_id, ending.error)


def _finish_with_question(conn: Connection, key: AttemptKey, task: TaskRow, ending: Ending, question: Question) -> None:
    outcome = {"status": AttemptStatus.WAITING, "error": None, "ended_at": now(), "stopping_at": None}
    _MINE.write(conn, {"of_task": key.task_id, "held": key.token, **outcome})
    values: TaskChanges = {
        "reason": question.reason,
        "error": ending.error,
        "log_bytes": ending.log_bytes,
        "recorded_try": key.try_number,
        "token": None,
        "due_at": None,
    }
    names, evidence = tasks.move(conn, task, TaskStatus.WAITING, **values), _evidence(ending)
    error = error_of(ending.error)
    waiting = TaskWaiting(**names, reason=question.reason, attempt=task.attempt, **evidence, **error)
    events.append(conn, key.project_id, waiting, actor="worker")
    questions.ask(
        conn,
        task,
        key.run_id,
        question.kind,
        question.text,
        options=question.options,
        reference=question.reference,
        details=question.details,
    )


def _ask_what_now(conn: Connection, task: TaskRow, run_id: str, error: TaskError | None) -> None:
    why = error["message"] if error is not None else "no reason is known"
    question = f"Task '{task.title}' has failed: {why} What now?"
    options = questions.ANSWERS_TO_A_FAILURE
    questions.ask(conn, task, run_id, QuestionKind.TASK_FAILED, question, options=options)


class _Isolated(TypedDict, total=False):
    quarantine: str


def mark_worker_lost(
    conn: Connection, key: AttemptKey, *, status: TaskStatus, cause: str, ask: bool = False, killed: bool = False
) -> Recorded:
    """Give up on an attempt that did not finish. The task moves to `status`; with `ask`, it waits for a person's decision.

    An outcome that was recorded after all stays. `killed`: the task ended the process that it had to itself. Returns the
    recorded result.

    Raises:
        Conflict: `fenced`: the run is over.
    """
    project = projects.find(conn, key.project_id)
    task = tasks.find(conn, key.project_id, key.task_id)
    if project is None or task is None or project.run_id != key.run_id:
        raise Conflict("This run has ended.", code="fenced")
    if task.status != TaskStatus.RUNNING:
        # Its outcome is recorded, its loss is recorded, or it never began.
        return recorded_of(task)
    at = now()
    error: TaskError = {"type": "worker_lost", "message": f"The attempt was lost while the task was running: {cause}."}
    if killed:
        error = {"type": "worker_killed", "message": KILLED}
    lost = {"status": AttemptStatus.LOST, "error": error, "ended_at": at}
    conn.execute(
        update(attempts).where(attempts.c.task_id == task.id, attempts.c.status == AttemptStatus.RUNNING).values(**lost)
    )
    asks_now = status == TaskStatus.FAILED and asks_after_failure(conn, task)
    if asks_now:
        status = TaskStatus.WAITING
    # A task that waits for its next attempt has a due time. A task that waits for a person has none.
    values: TaskChanges = {
        "reason": WaitReason.WORKER_LOST,
        "error": error,
        "token": None,
        "due_at": None if ask else at,
    }
    if asks_now:
        values.update(reason=WaitReason.AFTER_FAILURE, recorded_try=key.try_number, due_at=None)
    if status == TaskStatus.FAILED:
        values.update(completed_at=at, recorded_try=key.try_number, due_at=None)
    values["quarantine"] = quarantine = quarantines.reason_for(conn, task, key.run_id)
    names = tasks.move(conn, task, status, **values)
    retrying = status == TaskStatus.WAITING and not ask and not asks_now
    moved = TaskRetrying if retrying else tasks.EVENT_OF[status]
    isolated: _Isolated = {"quarantine": quarantine} if quarantine is not None else {}
    gone = moved(**names, attempt=task.attempt, error={**error}, reason=values["reason"], **isolated)
    events.append(conn, key.project_id, gone, actor="signoff", at=at)
    if asks_now:
        _ask_what_now(conn, task, key.run_id, error)
    elif ask:
        asked = (
            f"The worker of task '{task.title}' was lost during the task. The task may have done its work. What now?"
        )
        options = questions.ANSWERS_TO_A_LOSS
        questions.ask(conn, task, key.run_id, QuestionKind.WORKER_LOST, asked, options=options)
    return Recorded(status, asks=ask or asks_now)


def note_stopping(conn: Connection, key: AttemptKey) -> None:
    """Record that an attempt is still alive after it was told to stop."""
    conditions = (attempts.c.task_id == key.task_id, attempts.c.token == key.token, attempts.c.ended_at.is_(None))
    conn.execute(update(attempts).where(*conditions).values(stopping_at=now()))


def give_up(conn: Connection, key: AttemptKey, cause: str) -> None:
    """Give up on an attempt that its own worker has stopped, as `mark_worker_lost` does. Its task waits for the next attempt."""
    task = tasks.find(conn, key.project_id, key.task_id)
    if task is None or task.token != key.token or task.status != TaskStatus.RUNNING:
        end(conn, key)
    else:
        mark_worker_lost(conn, key, status=TaskStatus.WAITING, cause=cause)


def _later(at: str, seconds: float | None) -> str:
    return isoformat(parse_time(at) + timedelta(seconds=seconds or 0.0))


def skipped_after_failing(conn: Connection, project_id: str) -> list[str]:
    """Return the ids of the tasks that a person skipped after their last attempt had failed or was lost."""
    failed = (
        attempts.c.task_id == task_table.c.id,
        attempts.c.number == task_table.c.attempt,
        attempts.c.status.in_([AttemptStatus.FAILED, AttemptStatus.LOST]),
    )
    skipped = (
        task_table.c.project_id == project_id,
        task_table.c.status == TaskStatus.SKIPPED,
        task_table.c.reason == SKIPPED_BY_PERSON,
        task_table.c.started_at.is_not(None),
    )
    query = select(task_table.c.id).where(*skipped, select(attempts.c.task_id).where(*failed).exists())
    return list(conn.execute(query.order_by(task_table.c.position)).scalars())
