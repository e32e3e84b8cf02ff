"""Tasks: list, read, add, change and remove them, and decide on tasks that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import Connection

from app.api.controllers.completing import completion
from app.api.controllers.editing import Shown, edit
from app.api.controllers.passkey_approvals import with_passkey
from app.api.http.actor import new_command
from app.api.http.answer_rules import check_task
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import AnswerTask, CompleteTask, CreateTask, FailTask, ReleaseTask, UpdateTask
from app.api.http.cursors import MAX_CURSOR_LENGTH, cursor_of, place_of
from app.api.http.outcome import RECORDED, recorded, submit
from app.api.http.permission import SCOPE
from app.api.http.plan_match import plan_to_match
from app.api.http.read_only import check_unchanged
from app.api.http.remembered import encoded, grows, response_of
from app.api.http.services import Services
from app.api.views import present
from app.database.remembered_reads import Encoded
from app.domain import commands
from app.domain.commands import CommandKind
from app.domain.errors import Invalid, NotFound
from app.domain.plan import canonical_json
from app.storage import model_steps, plans, projects, proposals, tasks
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.schemas.tasks import Task, TaskDeleted, TaskList
from signoff.vocabulary import Scope, TaskStatus

# Outputs travel through Temporal, whose payloads are limited to 2 MiB.
MAX_OUTPUT_BYTES = 262_144


class TaskController(Controller):
    """The tasks of one project."""

    path = "/api/projects/{project_id:str}/tasks"
    tags = ("tasks",)

    @get("/", operation_id="listTasks", opt={SCOPE: Scope.READ}, summary="List tasks")
    async def list_tasks(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        status: FromQuery[TaskStatus | None] = None,
        phase_id: FromQuery[str | None] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=10_000)] = None,
        offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
        cursor: Annotated[str | None, QueryParameter(max_length=MAX_CURSOR_LENGTH)] = None,
    ) -> Response[TaskList]:
        """Tasks with their status and outputs, in the plan's order; all tasks by default."""
        query = ("tasks", project_id, status, phase_id)
        place = place_of(cursor, (int, str), *query, offset=offset)
        after = None if place is None else (int(place[0]), str(place[1]))

        def work(conn: Connection) -> Encoded | TaskList:
            projects.get(conn, project_id)
            chosen = {"status": status, "phase_id": phase_id}
            most = None if limit is None else limit + 1
            found = tasks.all_of(conn, project_id, **chosen, limit=most, offset=offset, after=after)
            rows = found[:limit]
            end = [rows[-1].position, rows[-1].id] if len(found) > len(rows) else None
            ids = tasks.ids_by_key(conn, project_id)
            used = model_steps.tokens_by_task(conn, project_id)
            users = tasks.output_users(conn, project_id)
            shown = [present.task(row, ids, used, whole=False, users=users) for row in rows]
            answer = TaskList(
                tasks=shown,
                total=tasks.count(conn, project_id, **chosen),
                limit=limit,
                offset=offset,
                next_cursor=cursor_of(end, *query),
            )
            return answer if grows(shown) else encoded(answer)

        found = await services.remembered_reads.read((query, limit, offset, after), work)
        return response_of(found) if isinstance(found, Encoded) else Response(found)

    @post(
        "/", operation_id="createTask", opt={SCOPE: Scope.AUTHOR}, summary="Add a task to the plan", responses=RECORDED
    )
    async def create_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[CreateTask],
    ) -> Response[Task]:
        """Creates the next version of the plan, or the first, which needs an approval, during a run as well.

        Until then, a run starts nothing more. The answer shows the task as that version has it.
        """
        fields = data.model_dump(mode="json", exclude={"phase_id"}, exclude_unset=True)
        operation = {"op": "add_task", **fields} | ({"phase": data.phase_id} if data.phase_id else {})
        return await edit(request, services, project_id, [operation], _shown(project_id), status=201)

    @get(
        "/{task_id:str}", operation_id="getTask", opt={SCOPE: Scope.READ}, summary="Get a task with all of its outputs"
    )
    async def get_task(
        self, services: NamedDependency[Services], project_id: FromPath[str], task_id: FromPath[str]
    ) -> Task:
        """Finds the task by its id or its key."""
        return await services.database.read(lambda conn: _read(conn, project_id, task_id))

    @put(
        "/{task_id:str}",
        operation_id="updateTask",
        opt={SCOPE: Scope.AUTHOR},
        summary="Change a task",
        responses=RECORDED,
    )
    async def update_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        data: JSONBody[UpdateTask],
    ) -> Response[Task]:
        """Creates the next version of the plan. Omitted fields keep their values.

        After a run that failed, the version keeps what is done. During a run, it starts nothing more until the version is
        approved; a task that has started cannot be changed, unless it waits for a decision because it failed.
        """
        current, _ = await services.database.read(
            lambda conn: (_planned(conn, project_id, task_id), plan_to_match(conn, request, project_id))
        )
        edits = _changes(current, data)
        if not edits:
            return Response(current)
        return await edit(request, services, project_id, edits, _shown(project_id))

    @delete(
        "/{task_id:str}",
        operation_id="deleteTask",
        opt={SCOPE: Scope.AUTHOR},
        summary="Remove a task from the plan",
        status_code=200,
        responses=RECORDED,
    )
    async def delete_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
    ) -> Response[TaskDeleted]:
        """Creates the next version of the plan. No other task may depend on the removed one."""
        task = await services.database.read(lambda conn: _planned(conn, project_id, task_id))

        def shown(conn: Connection, _tasks: Sequence[str], _phases: Sequence[str]) -> TaskDeleted:
            project = projects.get(conn, project_id)
            version = proposals.version_waiting(conn, project) or plans.current_version(project)
            return TaskDeleted(id=task.id, plan_version=version)

        return await edit(request, services, project_id, [{"op": "remove_task", "task": task.id}], shown)

    @post(
        "/{task_id:str}/complete",
        operation_id="completeTask",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Complete a task that waits for a person",
        status_code=200,
        responses=RECORDED,
    )
    async def complete_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        data: JSONBody[CompleteTask],
    ) -> Response[Task]:
        """Completes a manual task, ends a timer early, or replaces a task that failed or lost its worker by manual work.

        If the task shows files, their checksums are recorded: later tasks run them only as they are now. If an expected file is
        missing, the request must name it in `missing_files`.
        """
        check_size(data.outputs)
        task = await services.database.read(
            lambda conn: _answerable(conn, request, project_id, task_id, CommandKind.COMPLETE)
        )
        command = await completion(services, project_id, task, data)
        command = await with_passkey(request, services, project_id, command, data.passkey)
        return await _submit(request, services, project_id, command, data.comment)

    @post(
        "/{task_id:str}/skip",
        operation_id="skipTask",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Skip a task that waits or has not started",
        status_code=200,
        responses=RECORDED,
    )
    async def skip_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        data: JSONBody[AnswerTask],
    ) -> Response[Task]:
        """Dependent tasks treat a skipped task as done, and can use the outputs that are given here.

        A skipped task also keeps the outputs that it had. `outputs_used_by` of the task says which tasks will use which outputs;
        a task that uses an output which is then missing fails.
        """
        return await _answer(request, services, project_id, task_id, data, commands.SkipTask)

    @post(
        "/{task_id:str}/fail",
        operation_id="failTask",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Report that a task did not work",
        status_code=200,
        responses=RECORDED,
    )
    async def fail_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        data: JSONBody[FailTask],
    ) -> Response[Task]:
        """Ends a task as failed that waits for a person: somebody tried it, and it did not work.

        The comment says why. What the plan says about a failure follows: what depends on the task is skipped, and phases for a
        failure run.
        """
        return await _answer(
            request, services, project_id, task_id, AnswerTask(comment=data.comment), commands.FailTask
        )

    @post(
        "/{task_id:str}/retry",
        operation_id="retryTask",
        opt={SCOPE: (Scope.APPROVE, Scope.OPERATE)},
        summary="Retry a task that waits",
        status_code=200,
        responses=RECORDED,
    )
    async def retry_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        task_id: FromPath[str],
        data: JSONBody[ReleaseTask],
    ) -> Response[Task]:
        """Starts the task now. It must wait for a person after it failed or lost its worker, or wait to be retried."""
        return await _answer(request, services, project_id, task_id, _without_outputs(data), commands.RetryTask)


def _without_outputs(data: ReleaseTask) -> AnswerTask:
    return AnswerTask(comment=data.comment, passkey=data.passkey)


def _read(conn: Connection, project_id: str, task_id: str) -> Task:
    projects.get(conn, project_id)
    row, used = tasks.get(conn, project_id, task_id), model_steps.tokens_by_task(conn, project_id)
    return present.task(
        row, tasks.ids_by_key(conn, project_id), used, whole=True, users=tasks.output_users(conn, project_id)
    )


def _answerable(conn: Connection, request: AnyRequest, project_id: str, task_id: str, kind: CommandKind) -> Task:
    """A task that the sender may complete, skip or retry.

    Raises:
        Forbidden: `role_needed`.
    """
    task = _read(conn, project_id, task_id)
    check_task(conn, request, task, kind)
    return task


def _planned(conn: Connection, project_id: str, task_id: str) -> Task:
    """A task as the newest version has it: during a run, that may be an edit that waits for approval."""
    project = projects.get(conn, project_id)
    if proposals.version_waiting(conn, project) is None:
        return _read(conn, project_id, task_id)
    edited = present.plan(conn, project, None)
    found = [task for phase in edited.phases for task in phase.tasks if task_id in (task.id, task.key)]
    return found[0] if found else _read(conn, project_id, task_id)


def _shown(project_id: str) -> Shown:
    """Create the answer for an edit of one task."""
    return lambda conn, keys, _phases: _planned_once(conn, project_id, keys[0])


def _planned_once(conn: Connection, project_id: str, key: str) -> Task:
    """A task as the newest version that has it says. A repeated request may name one that a run ended without."""
    try:
        return _planned(conn, project_id, key)
    except NotFound:
        project = projects.get(conn, project_id)
        latest = plans.latest(conn, project_id)
        for version in range(latest.version if latest is not None else 0, 0, -1):
            row = plans.get(conn, project_id, version)
            if row.draft is not None and any(task.key == key for task in plans.content(row).tasks()):
                described = present.plan(conn, project, version)
                return next(task for phase in described.phases for task in phase.tasks if task.key == key)
        raise


def _changes(current: Task, data: UpdateTask) -> list[JsonObject]:
    """The edits that give a task the values in the request. Unchanged fields need no edit.

    Raises:
        Invalid: a read-only field was changed (`read_only`), or a field does not exist.
    """
    before = current.model_dump(mode="json")
    sent = data.model_dump(mode="json", exclude_unset=True)
    without_phase = Problem(
        field="phase_id", message="A task must be in a phase. Name another phase, or leave this out."
    )
    others = [without_phase] if "phase_id" in sent and sent["phase_id"] is None else []
    fixed = {name: value for name, value in sent.items() if name not in _EDITABLE}
    check_unchanged(fixed, before, moving=_MOVING, others=others)
    changed = {name: value for name, value in sent.items() if name in _EDITABLE and value != before[name]}
    phase = changed.pop("phase_id", None)
    edits: list[JsonObject] = [{"op": "update_task", "task": current.id, **changed}] if changed else []
    return edits + ([{"op": "move_task", "task": current.id, "phase": phase}] if phase else [])


_EDITABLE = frozenset(UpdateTask.model_fields) - {"key"}
# Fields that may change between a GET and the following PUT.
_MOVING = frozenset({"duration_ms", "log", "outputs_used_by"})


def check_size(outputs: JsonObject) -> None:
    """Check the size of outputs that a person gives.

    Raises:
        Invalid: they are too large.
    """
    if len(canonical_json(outputs)) > MAX_OUTPUT_BYTES:
        message = f"Outputs must be at most {MAX_OUTPUT_BYTES} bytes. Put larger data into a file in the workspace."
        raise Invalid(message, details=[Problem(field="outputs", message=message)])


async def _answer(
    request: AnyRequest,
    services: Services,
    project_id: str,
    task_id: str,
    data: AnswerTask,
    kind: type[commands.AnswerTask],
) -> Response[Task]:
    check_size(data.outputs)
    task = await services.database.read(lambda conn: _answerable(conn, request, project_id, task_id, kind.kind))
    command = await with_passkey(request, services, project_id, kind(task=task.id, outputs=data.outputs), data.passkey)
    return await _submit(request, services, project_id, command, data.comment)


async def _submit(
    request: AnyRequest, services: Services, project_id: str, answer: commands.AnswerTask, comment: str
) -> Response[Task]:
    command = new_command(request, project_id, answer, comment=comment)
    decided = await submit(services, command)
    if decided is None:
        return await recorded(services, command)
    task = await services.database.read(lambda conn: _read(conn, project_id, answer.task))
    return Response(task, headers=decided.headers)
