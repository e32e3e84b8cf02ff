# Made from signoff/_async by tools/make_sync_client.py; change that instead.
"""`client.projects`."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Unpack

from app.api.models.answers import BatchDeleteAnswer, DeleteAnswer
from app.api.models.graph import Graph
from app.api.models.insight import Audit, Metrics
from app.api.models.projects import Project, ProjectList, RunList
from app.domain.events import Event
from signoff._requests import Request, get, path_of, post, read_answer
from signoff._sync.control import Control
from signoff._sync.plans import Plans
from signoff._sync.save import save
from signoff._waiting import EVENT_TYPES, Until, is_reached
from signoff.fields import GraphForm, ProjectFields


class Projects(Plans, Control):
    """Projects: make, read, change, decide, follow."""

    def create(self, **fields: Unpack[ProjectFields]) -> Project:
        """A new project, pending and without a plan."""
        return self._transport.call(post("/api/projects", fields), Project)

    def list(
        self,
        *,
        status: str | None = None,
        search: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> ProjectList:
        """A page of projects, newest first; `total` counts all that match."""
        query = {"status": status, "search": search, "sort_by": sort_by, "limit": limit, "offset": offset}
        return self._transport.call(get("/api/projects", query), ProjectList)

    def get(self, project_id: str) -> Project:
        """One project, with its phases and tasks."""
        return self._transport.call(get(path_of(project_id)), Project)

    def get_with_etag(self, project_id: str) -> tuple[Project, str]:
        """One project, and the ETag that `update` takes as `if_match`."""
        response = self._transport.send(get(path_of(project_id)))
        project: Project = read_answer(response, Project)
        return project, response.headers.get("ETag", "")

    def update(self, project_id: str, *, if_match: str | None = None, **fields: Unpack[ProjectFields]) -> Project:
        """Change fields; what is left out stays.

        Args:
            if_match: an ETag; the change is made only where nobody else has made one since.

        Raises:
            PreconditionFailed: somebody has.
        """
        headers = {} if if_match is None else {"If-Match": if_match}
        return self._transport.call(Request("PUT", path_of(project_id), body=fields, headers=headers), Project)

    def delete(self, project_id: str) -> DeleteAnswer:
        """Delete a project for good; a live one is cancelled first (`deleting` while that takes longer than 10 s)."""
        return self._transport.call(Request("DELETE", path_of(project_id)), DeleteAnswer)

    def batch_delete(self, project_ids: Sequence[str]) -> BatchDeleteAnswer:
        """Delete up to 200 projects; one that cannot be deleted does not stop the rest."""
        return self._transport.call(post("/api/projects/batch/delete", {"ids": [*project_ids]}), BatchDeleteAnswer)

    def duplicate(self, project_id: str, *, name: str | None = None, include_files: bool | None = None) -> Project:
        """A copy with the same plan, to be approved anew, in a workspace of its own."""
        body = {"name": name, "include_files": include_files}
        return self._transport.call(post(path_of(project_id, "duplicate"), body), Project)

    def runs(self, project_id: str) -> RunList:
        """The runs, newest first."""
        return self._transport.call(get(path_of(project_id, "runs")), RunList)

    def dag(self, project_id: str, *, phase: str | None = None) -> Graph:
        """The graph of the tasks, or of those of one phase (id or key)."""
        return self._transport.call(get(path_of(project_id, "dag"), {"phase": phase}), Graph)

    def dag_text(self, project_id: str, form: GraphForm, *, phase: str | None = None, expand: bool = False) -> str:
        """The graph drawn, or as text for other tools.

        Args:
            expand: draw every task where there are more than 150; otherwise the phases alone are drawn then.
        """
        query = {"format": form, "phase": phase, "expand": "true" if expand else None}
        return (self._transport.send(get(path_of(project_id, "dag"), query))).text

    def metrics(self, project_id: str) -> Metrics:
        """How it went, in numbers."""
        return self._transport.call(get(path_of(project_id, "metrics")), Metrics)

    def audit(self, project_id: str) -> Audit:
        """What is to be said against plan and run, and whether the record is as it was written."""
        return self._transport.call(post(path_of(project_id, "audit")), Audit)

    def download(self, project_id: str, target: Path) -> int:
        """Save the project as a zip: its files and its record. Returns the size in bytes; memory stays constant."""
        return save(self._transport, get(path_of(project_id, "download")), target)

    def events(
        self, project_id: str, *, after: int = 0, types: str | None = None, follow: bool = True
    ) -> Generator[Event, None, None]:
        """The events after number `after`, then live, until the project has finished; across lost connections.

        Args:
            types: patterns such as `task.*,plan.ready`; None for all.
            follow: False for what is on record only.

        Raises:
            SignoffError: the API refused.
            NoAnswer: nothing has answered for a minute.
        """
        request = _events_request(project_id, types, follow=follow)
        with closing(self._transport.events(request, after=after)) as events:
            yield from events

    def wait(
        self,
        project_id: str,
        *,
        timeout: float | None = None,
        until: Until = "finished",
    ) -> Project:
        """Wait, by its events, until a project has finished; returns it.

        Args:
            timeout: seconds; None for as long as it takes. It is looked at when the server is heard of: every 10 s.
            until: `person` returns as well when the project waits for a person.

        Raises:
            WaitTimeout: it has not come to that in time.
            NotFound: the project is deleted.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        types, seen = EVENT_TYPES[until], 0
        # What is past is passed over, so that only what happens from now on is worth a look at the project.
        with closing(self.events(project_id, types=types, follow=False)) as past:
            for event in past:
                seen = event.seq
        project = self.get(project_id)
        request = _events_request(project_id, types, follow=True)
        while not is_reached(project, until):
            with closing(self._transport.events(request, after=seen, deadline=deadline)) as news:
                for event in news:
                    seen = event.seq
                    project = self.get(project_id)
                    if is_reached(project, until):
                        return project
            project = self.get(project_id)
        return project


def _events_request(project_id: str, types: str | None, *, follow: bool) -> Request:
    return get(path_of(project_id, "events"), {"types": types, "follow": None if follow else "false"})
