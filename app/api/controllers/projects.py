"""Projects: create, read, change, delete, list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from pydantic import BaseModel
from sqlalchemy import Connection

from app.api.http.actor import actor_of, new_command
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import CreateProject, UpdateProject
from app.api.http.callers import caller_of
from app.api.http.cursors import MAX_CURSOR_LENGTH, cursor_of, place_of
from app.api.http.filter_bodies import MAX_LABEL_LENGTH, MAX_SEARCH_LENGTH
from app.api.http.idempotency import answer_once
from app.api.http.permission import SCOPE
from app.api.http.preconditions import check_match, etag, revision_tag, wanted_tags
from app.api.http.project_rules import check_changes, check_deletable, check_new
from app.api.http.read_only import check_unchanged
from app.api.http.remembered import encoded, grows, reader_key, response_of
from app.api.http.services import Services
from app.api.http.times import MAX_TIME_LENGTH, time_of
from app.api.views import present
from app.api.views.for_caller import for_caller
from app.api.views.overlay import may_be_live, with_live_state
from app.commands import editing
from app.database.remembered_reads import Encoded
from app.domain.commands import Cancel
from app.domain.errors import Invalid
from app.domain.identity import new_id
from app.domain.people import Caller
from app.storage import gates, project_list, projects, tasks
from app.storage.project_dates import Dates
from app.storage.project_list import ListedProject
from app.temporal.inspection import Trouble
from app.workspace.workspaces import Workspaces
from signoff.schemas.answers import DeleteAnswer
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.schemas.projects import Project, ProjectList, ProjectSummary
from signoff.vocabulary import ProjectStatus, Scope, Stage

StatusFilter = Literal["pending", "running", "completed", "failed", "cancelled", "all"]
_ASKS_FOR_APPROVAL = frozenset({Stage.AWAITING_APPROVAL, Stage.AWAITING_PHASE_APPROVAL})
ArchivedFilter = Literal["false", "true", "all"]
_ARCHIVED = {"false": False, "true": True, "all": None}
TimeQuery = Annotated[str | None, QueryParameter(max_length=MAX_TIME_LENGTH)]
SortKey = Literal["newest", "oldest", "updated", "name", "status"]


class ProjectController(Controller):
    """The collection of projects, and single projects."""

    path = "/api/projects"
    tags = ("projects",)

    @get("/", operation_id="listProjects", opt={SCOPE: Scope.READ}, summary="List projects")
    async def list_projects(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        status: FromQuery[StatusFilter | None] = None,
        search: Annotated[str | None, QueryParameter(max_length=MAX_SEARCH_LENGTH)] = None,
        label: Annotated[str | None, QueryParameter(max_length=MAX_LABEL_LENGTH)] = None,
        ref: Annotated[str | None, QueryParameter(min_length=1, max_length=200)] = None,
        archived: FromQuery[ArchivedFilter] = "false",
        created_after: TimeQuery = None,
        created_before: TimeQuery = None,
        updated_after: TimeQuery = None,
        updated_before: TimeQuery = None,
        sort_by: FromQuery[SortKey] = "newest",
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 20,
        offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
        cursor: Annotated[str | None, QueryParameter(max_length=MAX_CURSOR_LENGTH)] = None,
    ) -> Response[ProjectList]:
        """A page of projects. `status_counts` counts all projects that match the search, by status.

        `ref` lists only the projects that it may refer to: by their id, the beginning or end of it, or their whole name.
        `archived` lists the projects in the archive (`true`), or all (`all`); otherwise those in the archive are left out.
        `created_after` and `updated_after` list the projects that were created or last changed at that time or later, and
        `created_before` and `updated_before` those earlier than that time. Send a date, which means its beginning in UTC, or a
        time such as `2026-11-28T14:30:00Z`.
        `next_cursor` of a page gives the next one with `cursor`, and null means that there is none. Unlike `offset`, it neither
        skips nor repeats a project when others are added or deleted meanwhile.
        """
        dates = _dates(
            created_after=created_after,
            created_before=created_before,
            updated_after=updated_after,
            updated_before=updated_before,
        )
        wanted = project_list.Wanted(
            status=None if status == "all" else status,
            search=(search or "").replace("\x00", "").strip(),
            label=label,
            ref=ref.replace("\x00", "") if ref is not None else None,
            within=caller_of(request).access.labels_of(Scope.READ),
            sort_by=sort_by,
            archived=_ARCHIVED[archived],
            dates=dates,
        )
        query = ("projects", wanted.status, wanted.search, label, wanted.ref, archived, sort_by, *dates.given())
        place = place_of(cursor, [str] * project_list.key_length(sort_by), *query, offset=offset)
        after = None if place is None else list(map(str, place))

        troubled = await services.engine.troubled()

        def read(conn: Connection) -> Encoded:
            page = project_list.page(conn, wanted, limit=limit, offset=offset, after=after)
            rows = _summaries(conn, page.rows, troubled)
            return encoded(_listing(page, rows, limit, offset, cursor_of(page.end, *query)))

        key = (query, wanted.within, limit, offset, tuple(after or ()), frozenset(troubled.items()))
        return response_of(await services.remembered_reads.read(key, read))

    @post("/", operation_id="createProject", opt={SCOPE: Scope.AUTHOR}, summary="Create a project")
    async def create_project(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[CreateProject]
    ) -> Response[Project]:
        """Creates a pending project without a plan."""
        path = services.workspaces.absolute(data.path)
        fields = {**data.model_dump(), "path": path}
        check_named(services, fields)
        check_new(request, data.labels, auto_approve=data.auto_approve_plan)
        project_id = new_id("proj")
        workspace = await _workspace(services.workspaces, project_id, path)
        values = cast("projects.NewProject", {**fields, "id": project_id, "workspace": workspace})
        actor, caller = actor_of(request), caller_of(request)

        def work(conn: Connection) -> Project:
            row = projects.create(conn, values, actor=actor)
            return _presented(conn, services, row, caller)

        return await answer_once(request, services, work, status=201, headers=etag(revision_tag(1)))

    @get(
        "/{project_id:str}", operation_id="getProject", opt={SCOPE: Scope.READ}, summary="Get a project with its tasks"
    )
    async def get_project(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str]
    ) -> Response[Project]:
        """The recorded project, with the live state of its workflow if that answers (`live`)."""
        return await _with_tag(request, services, project_id)

    @put(
        "/{project_id:str}",
        operation_id="updateProject",
        opt={SCOPE: Scope.AUTHOR},
        summary="Change fields of a project",
    )
    async def update_project(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[UpdateProject],
    ) -> Response[Project]:
        """Omitted fields keep their values; read-only fields may be sent unchanged. If-Match refuses a stale update."""
        tags = wanted_tags(request)
        wanted = data.model_dump(include=set(UpdateProject.model_fields) & data.model_fields_set)

        if "path" in wanted:
            wanted["path"] = services.workspaces.absolute(wanted["path"])

        def check(row: projects.ProjectRow) -> None:
            check_match(tags, revision_tag(row.revision))
            check_changes(request, row, wanted)

        current = await services.database.read(lambda conn: projects.get(conn, project_id))
        # Check first, so that no other error refers to a version that the sender has not seen. The check in the transaction is
        # the decisive one.
        check(current)
        await _check_read_only(request, services, project_id, data.model_extra or {})
        check_named(services, wanted)
        workspace = None
        if wanted.get("path", current.path) == current.path:
            # An unchanged path is not a change, even if the folder is no longer allowed.
            wanted.pop("path", None)
        else:
            workspace = await _workspace(services.workspaces, project_id, wanted["path"])
        actor = actor_of(request)
        await services.database.transact(
            lambda conn: editing.update_project(
                conn, project_id, wanted, services.actions, workspace=workspace, actor=actor, check=check
            )
        )
        return await _with_tag(request, services, project_id)

    @delete(
        "/{project_id:str}",
        operation_id="deleteProject",
        opt={SCOPE: Scope.AUTHOR},
        summary="Delete a project permanently",
        status_code=200,
        responses={
            202: ResponseSpec(
                DeleteAnswer,
                description="The project is being cancelled and will then be deleted.",
                generate_examples=False,
            )
        },
    )
    async def delete_project(
        self, request: AnyRequest, services: NamedDependency[Services], project_id: FromPath[str]
    ) -> Response[DeleteAnswer]:
        """A live project is cancelled first. A workspace that was set with `path` is never deleted.

        Only an administrator may delete a project that has run, because its record is deleted with it.
        """
        await services.database.read(lambda conn: check_deletable(conn, request, project_id))
        command = new_command(request, project_id, Cancel(delete=True))
        done = await services.commands.delete(command)
        row = None if done else await services.database.read(lambda conn: projects.find(conn, project_id))
        answer = DeleteAnswer(
            deleted=done, deleting=not done, id=project_id, updated_at=row.updated_at if row is not None else None
        )
        sent: Any = answer.model_dump(mode="json", exclude_none=True)
        return Response(sent, status_code=200 if done else 202)


async def read_project(services: Services, project_id: str, caller: Caller | None = None) -> Project:
    """A project as it is recorded. With a caller, it says what they may do with it.

    Raises:
        NotFound: the project does not exist; if it was deleted, the message says so.
    """
    project, _ = await services.database.read(lambda conn: _on_record(conn, services, project_id, caller))
    return project


def _on_record(
    conn: Connection, services: Services, project_id: str, caller: Caller | None = None
) -> tuple[Project, projects.ProjectRow]:
    """A recorded project, and its row."""
    row = projects.get(conn, project_id)
    return _presented(conn, services, row, caller), row


def _presented(conn: Connection, services: Services, row: projects.ProjectRow, caller: Caller | None) -> Project:
    project = present.project(conn, row, temporal=services.engine.link(row.id), page=services.engine.page(row.id))
    return for_caller(conn, row, project, caller) if caller is not None else project


async def _with_tag(request: AnyRequest, services: Services, project_id: str) -> Response[Project]:
    caller = caller_of(request)

    def work(conn: Connection) -> Encoded | tuple[Project, int]:
        project, row = _on_record(conn, services, project_id, caller)
        if may_be_live(project) or row.engaged or grows(project.tasks):
            return project, row.revision
        return encoded(project, revision_tag(row.revision))

    found = await services.remembered_reads.read(("project", project_id, reader_key(caller)), work)
    if isinstance(found, Encoded):
        return response_of(found)
    project, revision = found
    return Response(await with_live_state(services, project), headers=etag(revision_tag(revision)))


def _listing(
    page: project_list.ProjectPage, rows: list[ProjectSummary], limit: int, offset: int, cursor: str | None
) -> ProjectList:
    counts = {ProjectStatus(name): count for name, count in page.counts.items()}
    return ProjectList(
        projects=rows, total=page.total, limit=limit, offset=offset, status_counts=counts, next_cursor=cursor
    )


def _dates(**texts: str | None) -> Dates:
    return Dates(**{name: time_of(text, name) for name, text in texts.items()})


async def _workspace(workspaces: Workspaces, project_id: str, path: str | None) -> str:
    if path is None:
        return str(await asyncio.to_thread(workspaces.make, project_id))
    return str(await asyncio.to_thread(workspaces.named, path))


def check_named(services: Services, values: Mapping[str, object]) -> None:
    """Check that the agent and the archetype that a project names exist.

    Raises:
        Invalid: one of them does not exist; `details` names the field.
    """
    known = {"agent_id": ("agent", services.agents), "sme_archetype": ("archetype", services.archetypes)}
    problems = [
        Problem(field=name, message=_no_such(label, str(values[name]), valid))
        for name, (label, valid) in known.items()
        if values.get(name) is not None and values[name] not in valid
    ]
    if problems:
        raise Invalid(problems[0].message, details=problems)


def _summaries(
    conn: Connection, rows: Sequence[ListedProject], troubled: Mapping[str, Trouble]
) -> list[ProjectSummary]:
    running = [row.id for row in rows if row.status == ProjectStatus.RUNNING]
    asking = [row.id for row in rows if row.stage in _ASKS_FOR_APPROVAL]
    manual = tasks.manual_waiting(conn, running) if running else {}
    undo = gates.undo_times(conn, asking) if asking else {}
    return [
        present.summary(
            row,
            manual_waiting=manual.get(row.id, 0),
            blocked=troubled.get(row.id),
            undo_until=undo.get(row.id),
        )
        for row in rows
    ]


def _no_such(label: str, name: str, known: Iterable[str]) -> str:
    return f"There is no {label} '{name}'. Known: {', '.join(known)}. GET /api/{label}s describes each of them."


async def _check_read_only(request: AnyRequest, services: Services, project_id: str, extra: JsonObject) -> None:
    if not extra:
        return
    read = await read_project(services, project_id, caller_of(request))
    current: BaseModel = await with_live_state(services, read)
    check_unchanged(extra, current.model_dump(mode="json"), moving=_MOVING)


# Fields that may change between a GET and the following PUT, so that a different value is not an attempt to set them.
_MOVING = frozenset(
    {"live", "since", "updated_at", "last_seq", "progress", "tasks", "phases", "blocked", "may", "gates"}
)
