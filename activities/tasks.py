"""The activities that execute tasks. There is one for each action, with the name of the action.

Each activity records `running` at its start and the outcome at its end, together with the event. The workflow needs no further
step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import ends
from activities.actions.attempt_log import AttemptLog
from activities.actions.masking import Masker
from activities.actions.products import check_products
from activities.actions.sandbox import Sandbox
from activities.actions.workspace_paths import has_temporary_folder, remove_temporary_folder
from activities.cancel_watch import CancelWatch
from activities.heartbeat import Heartbeat, Stop, uncancelled
from activities.read_outputs import check_read_outputs
from activities.reporting import Reporting
from activities.signed import SignedChanged, SignedState
from activities.task_values import TaskValues
from app.database.database import Database
from app.domain.actions import Action, Actions, Mode, PersonAsked, TaskContext, TaskFailed
from app.domain.errors import Conflict, NotFound
from app.domain.identity import parse_time
from app.domain.plan import DEFAULT_AGENT
from app.domain.program_values import MAX_OUTPUT_LENGTH, UnstorableValue, storable
from app.llm.agent_context import AgentContext
from app.settings import Settings
from app.storage import attempts, model_steps, needs, permission
from app.storage.attempt_values import AttemptKey, Ending, Question, Recorded, Started
from app.storage.attempts import TaskError
from app.storage.model_steps import Conversation
from app.storage.projects import ProjectRow
from app.storage.quarantines import PREFIX
from app.workspace import files
from app.workspace.workspaces import Workspaces, workspaces_of
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import OnCrash, TaskStatus, WaitReason
from workflows.contracts import TaskInput, TaskResult
from workflows.options import QUARANTINE

R = TypeVar("R")
T = TypeVar("T")
logger = logging.getLogger(__name__)
# The longest pause that a server can ask for.
MAX_RETRY_AFTER_SECONDS = 3600.0


@dataclass(frozen=True)
class TaskSurroundings:
    """What tasks receive from their worker. No task receives the values in `masked`, and no log may show them."""

    kill_grace: float = 2.0
    http_allow: list[str] = field(default_factory=list[str])
    app_url: str = ""
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    masked: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    sandbox: Sandbox | None = None
    # Identifies this instance of a worker.
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")


class TaskActivities:
    """The task activities, bound to a database.

    Args:
        database: the database that stores tasks and their outcomes.
        actions: the actions to execute.
        surroundings: what tasks receive from this worker.

    Attributes:
        masker: masks the secrets of this worker.
        reporting: lets attempts that end together be reported together.
        agents, agent_queues: the agents that this worker knows, and the task queues of those that do not use the usual one.
    """

    def __init__(self, database: Database, actions: Actions, surroundings: TaskSurroundings) -> None:
        self._database = database
        self._actions = actions
        self._surroundings = surroundings
        self._workspaces = workspaces_of(surroundings.settings)
        self._cancels = CancelWatch(database)
        self.masker = Masker([*surroundings.secrets.values(), *surroundings.masked])
        self.reporting = Reporting()
        # Settings compute these two each time they are read.
        self.agents = surroundings.settings.known_agents
        self.agent_queues = surroundings.settings.agent_queues

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """One activity for each action that runs as an activity."""
        return [self._activity_of(kind) for kind in self._actions.values() if kind.mode == Mode.ACTIVITY]

    def _activity_of(self, kind: type[Action]) -> Callable[..., Any]:
        @activity.defn(name=kind.type)
        async def execute(task: TaskInput) -> TaskResult:
            return await self._execute(kind, task)

        return execute

    async def _execute(self, kind: type[Action], task: TaskInput) -> TaskResult:
        info = activity.info()
        if info.attempt > 1:
            # An operator has paused and resumed the activity. The workflow decides what to do about the first attempt.
            raise ends.lost("Temporal started the activity again", retryable=False)
        key = AttemptKey(
            project_id=task.project_id,
            run_id=task.run_id,
            task_id=task.task,
            try_number=task.try_number,
            # Unique even if an operator has reset the activity, which then starts as attempt 1 again.
            token=f"{info.workflow_run_id}/{info.activity_id}/{uuid4().hex[:16]}",
            worker=self._surroundings.worker,
        )
        attempt = _Attempt(self, kind, task, key, info.task_queue.removesuffix(QUARANTINE))
        with self._cancels.follow(task.project_id) as cancelling:
            heartbeat = Heartbeat(attempt.note_stopping, cancelling)
            recorded, message = await heartbeat.run(attempt.run(heartbeat))
        await self.reporting.wait(task.run_id)
        if recorded.status == TaskStatus.CANCELLED:
            await heartbeat.end_as_cancelled()
        if recorded.status in {TaskStatus.FAILED, TaskStatus.WAITING}:
            settings = self._surroundings.settings
            raise ends.failed(recorded, message, has_model=bool(settings.model or settings.small_model))
        return TaskResult(status=recorded.status)

    async def persist(self, work: Callable[[Connection], R]) -> R:
        """Write to the database, and retry until it is available, even if the activity is cancelled meanwhile."""
        return await uncancelled(self._database.persist(work))

    @property
    def database(self) -> Database:
        """The database that stores tasks and their outcomes."""
        return self._database

    @property
    def workspaces(self) -> Workspaces:
        """The workspaces of projects."""
        return self._workspaces

    @property
    def surroundings(self) -> TaskSurroundings:
        """What tasks receive from this worker."""
        return self._surroundings


class _Attempt:
    """One attempt of one task."""

    def __init__(self, owner: TaskActivities, kind: type[Action], task: TaskInput, key: AttemptKey, queue: str) -> None:
        self._owner = owner
        self._kind = kind
        self._task = task
        self._key = key
        self._queue = queue
        self._log: AttemptLog | None = None
        # Read from the plan; the workflow's value is not trusted.
        self._last = True
        self._signed: SignedState | None = None
        self._expected: tuple[Path, list[str]] | None = None
        self._may_rerun = False
        # When a command that is repeated until it succeeds has failed; None for others.
        self._repeats_until: datetime | None = None
        self._left_over: JsonObject = {}
        # Read first: nothing that may fail or be cancelled comes between an outcome and its record.
        self._readers: dict[str, list[str]] = {}

    async def run(self, heartbeat: Heartbeat) -> tuple[Recorded, str]:
        """Start the attempt, run the action and record the outcome. Return the record and the message of a failure."""
        try:
            started = await self._start()
            if started.recorded is not None:
                return started.recorded, str(started.task.error["message"] if started.task.error else "")
            outputs = self._checked(await self._act(started))
            ending = Ending(TaskStatus.COMPLETED, outputs, exit_code=self._kind.exit_code_of_success)
        except TaskFailed as failure:
            ending = self._failed(failure)
        except PersonAsked as asked:
            question = Question(self._masked(asked.question), self._masked(asked.options), asked.reference)
            ending = Ending(TaskStatus.WAITING, {}, question=question)
        except SignedChanged as changed:
            asked = changed.question
            question = replace(asked, text=self._masked(asked.text), details=self._masked(asked.details))
            error = TaskError(type=WaitReason.SIGNED_CHANGED, message=question.text)
            ending = Ending(TaskStatus.WAITING, {}, error=error, question=question)
        except asyncio.CancelledError:
            ending = await self._interrupted(heartbeat.stop)
        except ApplicationError:
            raise
        except Exception as error:
            logger.exception("task %s: the %s action raised an unexpected error", self._task.task, self._kind.type)
            message = f"The {self._kind.type} action raised an unexpected error: {type(error).__name__}."
            ending = self._failed(TaskFailed("internal_error", message))
        finally:
            if self._log is not None:
                self._log.close()
        return await self._record(ending)

    async def _start(self) -> Started:
        try:
            started, self._readers = await self._owner.persist(self._begin)
        except Conflict as error:
            raise ends.fenced(error.info.message) from error
        self._key = replace(self._key, task_id=started.task.id)
        self._may_rerun = started.task.on_crash == OnCrash.RERUN
        self._last = self._key.try_number > started.task.retries
        repeat = self._kind.repeat(started.task.action)
        if repeat is not None:
            begun = parse_time(started.task.started_at or started.at)
            self._repeats_until = begun + timedelta(seconds=repeat.until_seconds)
        return started

    def _begin(self, conn: Connection) -> tuple[Started, dict[str, list[str]]]:
        settings = self._owner.surroundings.settings
        subject = attempts.look_up(conn, self._key)
        permission.check_queue(subject, self._queue, self._owner.agent_queues, settings.task_queue)
        permission.check_attempt(subject, self._key, self._kind.type)
        started = attempts.start(conn, self._key, subject)
        return started, needs.readers_of(conn, started.task)

    async def _act(self, started: Started) -> JsonObject:
        surroundings, project, row = self._owner.surroundings, started.project, started.task
        workspace = self._workspace(project)
        self._expected = (workspace, list(row.expected_files))
        self._log = AttemptLog(workspace, row.id, started.number, self._owner.masker)
        self._signed = SignedState(self._owner.persist, surroundings.settings, self._kind, started)
        values = TaskValues(
            started,
            app_url=surroundings.app_url,
            secrets=surroundings.secrets,
            scopes=surroundings.settings.secret_scopes,
        )
        inputs, fields = values.resolved(self._kind)
        context = TaskContext(
            project_id=project.id,
            project_name=started.project_value("name"),
            task_id=row.id,
            key=row.key,
            attempt=started.number,
            workspace=workspace,
            fields=fields,
            inputs=inputs,
            log=self._log,
            parameters=started.parameters,
            timeout_seconds=row.timeout_seconds,
            kill_grace=surroundings.kill_grace,
            task_path=[str(folder) for folder in surroundings.settings.task_path],
            http_allow=surroundings.http_allow,
            app_url=surroundings.app_url,
            sandbox=None
            if surroundings.sandbox is None
            else surroundings.sandbox.around(workspace, row.reads, row.writes),
            limits=self._signed.limits(),
            expected_files=tuple(row.expected_files) if (started.frozen or {}).get("products") else (),
            agent_context=await self._agent_context(started),
        )
        await self._signed.check()
        action = self._kind()
        try:
            async with asyncio.timeout(row.timeout_seconds):
                outputs = await action.run(context)
            await check_products(context, outputs, self._kind.exit_code_of_success)
            check_read_outputs(self._readers, outputs, self._kind.exit_code_of_success)
            return outputs
        except TimeoutError:
            message = f"The task exceeded its time limit of {row.timeout_seconds:g} s."
            raise TaskFailed("timeout", message, outputs=self._left_by(action, context)) from None
        except asyncio.CancelledError:
            self._left_over = self._left_by(action, context)
            raise
        finally:
            temporary = (workspace, row.id, started.number)
            if has_temporary_folder(*temporary):
                # Not awaited: a cancel must not come between an outcome and its record.
                asyncio.get_running_loop().run_in_executor(None, remove_temporary_folder, *temporary)

    def _left_by(self, action: Action, context: TaskContext) -> JsonObject:
        try:
            return action.left_over(context)
        except Exception:
            logger.exception("task %s: the outputs of its unfinished work cannot be read", self._task.task)
            return {}

    def _workspace(self, project: ProjectRow) -> Path:
        try:
            # On the loop, as the log that is opened there next: a thread would cost more than these system calls.
            return self._owner.workspaces.checked(project.workspace, project.path)
        except (NotFound, Conflict) as error:
            message = f"{error.info.message} The worker looked in {project.workspace}."
            raise TaskFailed(error.info.code, message, retryable=False) from error

    async def _agent_context(self, started: Started) -> AgentContext:
        settings = self._owner.surroundings.settings
        project, row = started.project, started.task
        name = row.agent_id or project.agent_id or DEFAULT_AGENT
        agent = self._owner.agents.get(name)
        if agent is None:
            raise TaskFailed(
                "unknown_agent", f"This worker has no agent '{name}'. Add it to signoff.toml.", retryable=False
            )
        run_id, resumed = self._key.run_id, ""
        if self._kind.calls_model:
            resumed = await self._owner.database.read(lambda conn: model_steps.conversation_of(conn, run_id, row.id))
        conversation = Conversation(project.id, resumed, row.id, self._key.token)
        # Only what was signed: a plan from before models got the description runs as it was.
        brief = started.settings.get("project_description") or ""
        return AgentContext(
            settings, self._owner.database, conversation, name, agent, project.strategy, row.title, brief
        )

    def _checked(self, outputs: JsonObject) -> JsonObject:
        try:
            kept = self._masked(outputs)
        except UnstorableValue as error:
            raise TaskFailed("bad_outputs", f"The outputs cannot be stored: they {error}.", retryable=False) from error
        size = len(str(kept))
        if size > MAX_OUTPUT_LENGTH:
            raise TaskFailed(
                "output_too_large", f"The outputs have {size} characters; the limit is 1 MiB.", retryable=False
            )
        return kept

    def _masked(self, value: T) -> T:
        """`value`, which is JSON, as it can be stored, with all secrets masked."""
        return cast("T", self._owner.masker.value(storable(value)))

    def _checked_or_none(self, outputs: JsonObject) -> JsonObject:
        """The outputs of an attempt that did not complete. How it ended matters more than outputs that cannot be kept."""
        try:
            return self._checked(outputs)
        except TaskFailed:
            return {}

    def _failed(self, failure: TaskFailed) -> Ending:
        pause = max(self._task.next_try_in or 0.0, min(failure.retry_after or 0.0, MAX_RETRY_AFTER_SECONDS))
        is_late = self._repeats_until is not None and datetime.now(UTC) + timedelta(seconds=pause) > self._repeats_until
        again = failure.retryable and not self._last and not is_late
        return Ending(
            TaskStatus.WAITING if again else TaskStatus.FAILED,
            self._checked_or_none(failure.outputs),
            error={"type": failure.kind, "message": self._masked(failure.message)},
            exit_code=failure.exit_code,
            next_try_in=pause if again else None,
            asks=failure.asks,
        )

    async def note_stopping(self) -> None:
        """Record that the attempt was told to stop but has not ended yet."""
        await self._owner.persist(lambda conn: attempts.note_stopping(conn, self._key))

    async def _interrupted(self, stop: Stop | None) -> Ending:
        """The ending of interrupted work. A cancel is an outcome. For any other reason, the workflow decides what is next.

        A paused activity stays in Temporal until it is unpaused, if its task may simply run again. If the plan says otherwise,
        a person is asked or the task fails at once.
        """
        if stop == Stop.CANCELLED:
            return Ending(TaskStatus.CANCELLED, self._checked_or_none(self._left_over), reason="interrupted")
        cause = stop.value if stop is not None else "the worker stopped it"
        stays_paused = stop == Stop.PAUSED and self._may_rerun
        if stays_paused:
            await self._owner.persist(lambda conn: attempts.give_up(conn, self._key, cause))
        else:
            # The worker itself ends a quarantine, because it knows whether it was told to stop.
            gone = stop == Stop.SHUTDOWN and not self._key.worker.startswith(PREFIX)
            await self._owner.persist(lambda conn: attempts.end(conn, self._key, with_worker=gone))
        raise ends.lost(cause, retryable=stays_paused)

    async def _record(self, ending: Ending) -> tuple[Recorded, str]:
        expected = self._expected
        made = await asyncio.to_thread(files.fingerprints, *expected) if expected and expected[1] else None
        explained = self._signed.explained if self._signed is not None else []
        whole = replace(ending, files=made, left_behind=await self._left_behind(), not_as_signed=explained)
        if self._log is not None:
            whole = replace(whole, log_bytes=self._log.size, log_sha256=self._log.sha256)
        with self._owner.reporting.recording(self._key.run_id):
            recorded = await self._owner.persist(lambda conn: attempts.finish(conn, self._key, whole))
        if recorded is None:
            raise ends.fenced("Another attempt has replaced this one.")
        return recorded, str((whole.error or {}).get("message", ""))

    async def _left_behind(self) -> dict[str, str | None]:
        """The signed files that the attempt has changed. They are recorded even after a second cancel."""
        return await uncancelled(self._signed.left_behind()) if self._signed is not None else {}
