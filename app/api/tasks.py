"""Tasks: list, add, and a person's word on those that wait for it."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import Connection

from app.api import present
from app.api.actor import actor_of, new_request
from app.api.bodies import AnswerTask, CreateTask
from app.api.models.answers import Recorded
from app.api.models.tasks import Task, TaskList
from app.api.services import Services
from app.domain.decisions import DecisionKind
from app.domain.errors import Invalid, Problem
from app.domain.plan import canonical_json
from app.domain.states import TaskStatus
from app.engine.requests import Submission
from app.storage import editing, projects, tasks
from workflows.contracts import AnswerSignal

AnyRequest = Request[Any, Any, Any]
# Outputs travel through Temporal, whose payloads are limited to 2 MiB.
MOST_OUTPUT_BYTES = 262_144
_RECORDED = {202: ResponseSpec(Recorded, description="Recorded; the outcome comes as an event.")}


class TaskController(Controller):
    """The tasks of one project."""

    path = "/api/projects/{project_id:str}/tasks"
    tags = ("tasks",)

    @get("/", operation_id="listTasks", summary="Tasks with status and outputs")
    async def list_tasks(
        self,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        status: FromQuery[TaskStatus | None] = None,
        phase_id: FromQuery[str | None] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=10_000)] = None,
        offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
    ) -> TaskList:
        """All of them by default, in the plan's order."""

        def work(conn: Connection) -> TaskList:
            projects.get(conn, project_id)
            chosen = {"status": status, "phase_id": phase_id}
            rows = tasks.all_of(conn, project_id, **chosen, limit=limit, offset=offset)
            ids = tasks.ids_by_key(conn, project_id)
            shown = [present.task(row, ids, whole=False) for row in rows]
            return TaskList(tasks=shown, total=tasks.count(conn, project_id, **chosen), limit=limit, offset=offset)

        return await services.database.read(work)

    @post("/", operation_id="createTask", summary="Add a task to the plan")
    async def create_task(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[CreateTask],
    ) -> Task:
        """Makes the next version of the plan, or the first."""
        fields = data.model_dump(exclude={"phase_id"}, exclude_unset=True)
        actor = actor_of(request)

        def work(conn: Connection) -> Task:
            row = editing.add_task(conn, project_id, fields, data.phase_id, services.actions, actor=actor)
            return present.task(row, tasks.ids_by_key(conn, project_id), whole=True)

        return await services.database.transact(work)

    @post("/{task_id:str}/complete", operation_id="completeTask", summary="Complete a task that waits for a person",
          status_code=200, responses=_RECORDED)  # fmt: skip
    async def complete_task(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str], task_id: FromPath[str],
        data: JSONBody[AnswerTask],
    ) -> Response[Task]:  # fmt: skip
        """A manual task is done, or what a lost worker left behind needs no further attempt."""
        return await _answer(request, services, project_id, task_id, data, DecisionKind.COMPLETE)

    @post("/{task_id:str}/skip", operation_id="skipTask", summary="Skip a task that waits for a person",
          status_code=200, responses=_RECORDED)  # fmt: skip
    async def skip_task(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str], task_id: FromPath[str],
        data: JSONBody[AnswerTask],
    ) -> Response[Task]:  # fmt: skip
        """It counts as done for the tasks that depend on it."""
        return await _answer(request, services, project_id, task_id, data, DecisionKind.SKIP)

    @post("/{task_id:str}/retry", operation_id="retryTask", summary="Run a task again whose worker was lost",
          status_code=200, responses=_RECORDED)  # fmt: skip
    async def retry_task(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str], task_id: FromPath[str],
        data: JSONBody[AnswerTask],
    ) -> Response[Task]:  # fmt: skip
        """The answer to a task with `on_crash: ask` that must not be repeated without a person's word."""
        return await _answer(request, services, project_id, task_id, data, DecisionKind.RETRY)


async def _answer(
    request: AnyRequest, services: Services, project_id: str, task_id: str, data: AnswerTask, kind: DecisionKind
) -> Response[Task]:
    if len(canonical_json(data.outputs)) > MOST_OUTPUT_BYTES:
        message = f"Outputs may have {MOST_OUTPUT_BYTES} bytes at most; put more into a file of the workspace."
        raise Invalid(message, details=[Problem(field="outputs", message=message)])

    def find(conn: Connection) -> Task:
        projects.get(conn, project_id)
        return present.task(tasks.get(conn, project_id, task_id), tasks.ids_by_key(conn, project_id), whole=True)

    task = await services.database.read(find)
    payload = {"task": task.id, "outputs": data.outputs}
    decision = new_request(request, project_id, kind, comment=data.comment, payload=payload)
    signal = AnswerSignal(
        request_id=decision.request_id,
        actor=decision.actor,
        comment=data.comment,
        task=task.id,
        answer=kind.value,  # pyright: ignore[reportArgumentType]
        outputs=data.outputs,
    )
    decided = await services.requests.submit(Submission(decision, "answer", signal))
    if decided is not None:
        return Response(await services.database.read(find))
    row = await services.database.read(lambda conn: projects.get(conn, project_id))
    recorded = Recorded(id=project_id, status=row.status, stage=row.stage, request_id=decision.request_id)
    answer: Response[Any] = Response(recorded, status_code=202)
    return answer
