"""The methods of `client.projects`."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Unpack

from signoff import schemas
from signoff._async.control import AsyncControl
from signoff._async.files import AsyncFiles
from signoff._async.plans import AsyncPlans
from signoff._async.results import results_of
from signoff._async.reviews import AsyncReviews
from signoff._async.save import save
from signoff._requests import Request, get, path_of, post, read_answer
from signoff._waiting import EVENT_TYPES, is_reached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from signoff._async.results import AsyncResult
    from signoff._transfers import Progress
    from signoff.fields import CertificateForm, GraphForm, ProjectFields, Until
    from signoff.schemas.answers import ArchiveAnswer, BatchDeleteAnswer, DeleteAnswer
    from signoff.schemas.events import Event
    from signoff.schemas.graph import Graph
    from signoff.schemas.insight import Audit, Metrics
    from signoff.schemas.projects import Project, ProjectList, ProjectSummary, RunList


class AsyncProjects(AsyncPlans, AsyncReviews, AsyncControl):
    """Projects: create, read, change, approve, control and follow them."""

    async def create(self, **fields: Unpack[ProjectFields]) -> Project:
        """Create a project. It is pending and has no plan yet."""
        return await self._transport.call(post("/api/projects", fields), schemas.projects.Project)

    async def list(
        self,
        *,
        status: str | None = None,
        search: str | None = None,
        label: str | None = None,
        ref: str | None = None,
        archived: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        updated_after: str | None = None,
        updated_before: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
    ) -> ProjectList:
        """List a page of projects, by default the newest first. `total` counts all matching projects.

        Args:
            ref: an id, the beginning or end of one, or a whole name; only the projects that it may refer to are listed.
            archived: "true" lists the projects in the archive, "all" those outside too; otherwise the archive is left out.
            created_after: only projects created at this time or later: a date, which means its beginning in UTC, or an ISO time.
            created_before: only projects created before this time.
            updated_after: only projects last changed at this time or later.
            updated_before: only projects last changed before this time.
            cursor: `next_cursor` of the page before, with the same filters and order.
        """
        query = {
            "status": status,
            "search": search,
            "label": label,
            "ref": ref,
            "archived": archived,
            "created_after": created_after,
            "created_before": created_before,
            "updated_after": updated_after,
            "updated_before": updated_before,
            "sort_by": sort_by,
            "limit": limit,
            "offset": offset,
            "cursor": cursor,
        }
        return await self._transport.call(get("/api/projects", query), schemas.projects.ProjectList)

    async def iterate(
        self,
        *,
        status: str | None = None,
        search: str | None = None,
        label: str | None = None,
        archived: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        updated_after: str | None = None,
        updated_before: str | None = None,
        sort_by: str | None = None,
    ) -> AsyncGenerator[ProjectSummary]:
        """Yield every project that matches, page by page. None is left out or repeated if others come or go meanwhile."""
        cursor = None
        while True:
            page = await self.list(
                status=status,
                search=search,
                label=label,
                archived=archived,
                created_after=created_after,
                created_before=created_before,
                updated_after=updated_after,
                updated_before=updated_before,
                sort_by=sort_by,
                limit=200,
                cursor=cursor,
            )
            for project in page.projects:
                yield project
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get(self, project_id: str) -> Project:
        """Get a project with its phases and tasks."""
        return await self._transport.call(get(path_of(project_id)), schemas.projects.Project)

    async def get_with_etag(self, project_id: str) -> tuple[Project, str]:
        """Get a project, and the ETag to pass to `update` as `if_match`."""
        response = await self._transport.send(get(path_of(project_id)))
        project: Project = read_answer(response, schemas.projects.Project)
        return project, response.headers.get("ETag", "")

    async def update(self, project_id: str, *, if_match: str | None = None, **fields: Unpack[ProjectFields]) -> Project:
        """Change a project. Fields that you omit keep their values.

        Args:
            if_match: the ETag of the project that you have read; the change is made only if it has not changed since.

        Raises:
            PreconditionFailed: the project has changed since.
        """
        headers = {} if if_match is None else {"If-Match": if_match}
        return await self._transport.call(
            Request("PUT", path_of(project_id), body=fields, headers=headers), schemas.projects.Project
        )

    async def delete(self, project_id: str) -> DeleteAnswer:
        """Permanently delete a project. A live one is cancelled first; `deleting` is true if that takes more than 10 s."""
        return await self._transport.call(Request("DELETE", path_of(project_id)), schemas.answers.DeleteAnswer)

    async def batch_delete(self, project_ids: Sequence[str]) -> BatchDeleteAnswer:
        """Permanently delete up to 200 projects. One that cannot be deleted does not stop the others."""
        return await self._transport.call(
            post("/api/projects/batch/delete", {"ids": [*project_ids]}), schemas.answers.BatchDeleteAnswer
        )

    async def archive(self, project_ids: Sequence[str]) -> ArchiveAnswer:
        """Move up to 200 finished projects to the archive. One that cannot be moved does not stop the others."""
        return await self._transport.call(
            post("/api/projects/batch/archive", {"ids": [*project_ids]}), schemas.answers.ArchiveAnswer
        )

    async def unarchive(self, project_ids: Sequence[str]) -> ArchiveAnswer:
        """Bring up to 200 projects back from the archive."""
        body = {"ids": [*project_ids], "archived": False}
        return await self._transport.call(post("/api/projects/batch/archive", body), schemas.answers.ArchiveAnswer)

    async def duplicate(
        self, project_id: str, *, name: str | None = None, include_files: bool | None = None
    ) -> Project:
        """Copy a project with its plan into a new workspace. The copy needs its own approval."""
        body = {"name": name, "include_files": include_files}
        return await self._transport.call(post(path_of(project_id, "duplicate"), body), schemas.projects.Project)

    async def runs(self, project_id: str) -> RunList:
        """List the runs of a project, newest first."""
        return await self._transport.call(get(path_of(project_id, "runs")), schemas.projects.RunList)

    async def dag(self, project_id: str, *, phase: str | None = None) -> Graph:
        """Get the graph of all tasks, or of the tasks of one phase (id or key)."""
        return await self._transport.call(get(path_of(project_id, "dag"), {"phase": phase}), schemas.graph.Graph)

    async def dag_text(
        self, project_id: str, form: GraphForm, *, phase: str | None = None, expand: bool = False
    ) -> str:
        """Get the graph as a drawing, or as text for other tools.

        Args:
            form: the format.
            phase: the id or key of the only phase to draw.
            expand: whether to draw every task of a plan with more than 150 tasks; otherwise only its phases are drawn.
        """
        query = {"format": form, "phase": phase, "expand": "true" if expand else None}
        return (await self._transport.send(get(path_of(project_id, "dag"), query))).text

    async def metrics(self, project_id: str) -> Metrics:
        """Get the metrics of a project: counts, durations, attempts, tokens and cost."""
        return await self._transport.call(get(path_of(project_id, "metrics")), schemas.insight.Metrics)

    async def audit(self, project_id: str) -> Audit:
        """Audit a project: find problems in its plan and run, and check that its record is unaltered."""
        return await self._transport.call(post(path_of(project_id, "audit")), schemas.insight.Audit)

    async def results(self, project_id: str) -> Sequence[AsyncResult]:
        """The files that tasks made: first those that the plan names, in its order. Each can be read and downloaded."""
        tasks = (await self.get(project_id)).tasks
        return await results_of(AsyncFiles(self._transport), project_id, tasks)

    async def download(self, project_id: str, target: Path, *, progress: Progress | None = None) -> int:
        """Save a project's files and record as a zip, and return its size in bytes. Memory use is constant.

        Args:
            progress: called with the bytes received so far, and None, since the size is known only at the end.
        """
        return await save(self._transport, get(path_of(project_id, "download")), target, progress)

    async def certificate(
        self, project_id: str, form: CertificateForm = "dsse", *, version: int | None = None
    ) -> bytes:
        """Get the certificate of a signed plan: what was signed, by whom, and what came of it.

        Args:
            form: `dsse` for the signed file, `html` for a page to print.
            version: the version of the plan; None means the newest one that was approved.

        Raises:
            NotFound: no plan was approved (`not_signed`), or there is no such version.
            Conflict: the record was altered (`record_altered`), or cannot be sealed (`not_sealed`).
        """
        request = get(path_of(project_id, "certificate"), {"version": version, "format": form})
        return (await self._transport.send(request)).content

    async def events(
        self, project_id: str, *, after: int = 0, types: str | None = None, follow: bool = True
    ) -> AsyncGenerator[Event]:
        """Yield a project's past events, then live ones until the project finishes. Survives lost connections.

        Args:
            after: the number of the event after which to start.
            types: patterns such as `task.*,plan.ready`; None means all types.
            follow: whether to wait for live events after the past ones.

        Raises:
            SignoffError: the API refused the request.
            NoAnswer: no server has answered for a minute.
        """
        request = _events_request(project_id, types, follow=follow)
        async with aclosing(self._transport.events(request, after=after)) as events:
            async for event in events:
                yield event

    async def wait(
        self,
        project_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the sync client has the same parameter
        until: Until = "finished",
    ) -> Project:
        """Wait until a project has finished, and return it. Waiting follows the events; it does not poll.

        Args:
            timeout: the limit in seconds; None means no limit. It is checked at least every 10 seconds.
            until: `finished`; `person` to return also when the project waits for a person; or `approved` to return as soon as
                its plan is approved and runs, or when it has finished without that.

        Raises:
            WaitTimeout: the limit has passed. The project itself is not affected.
            NotFound: the project was deleted.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        types, seen = EVENT_TYPES[until], 0
        # Skip old events: only new ones are a reason to fetch the project again.
        async with aclosing(self.events(project_id, types=types, follow=False)) as past:
            async for event in past:
                seen = event.seq
        project = await self.get(project_id)
        request = _events_request(project_id, types, follow=True)
        while not is_reached(project, until):
            async with aclosing(self._transport.events(request, after=seen, deadline=deadline)) as events:
                async for event in events:
                    seen = event.seq
                    project = await self.get(project_id)
                    if is_reached(project, until):
                        return project
            project = await self.get(project_id)
        return project


def _events_request(project_id: str, types: str | None, *, follow: bool) -> Request:
    return get(path_of(project_id, "events"), {"types": types, "follow": None if follow else "false"})
