# Made from signoff/_async by tools/make_sync_client.py; change that instead.
"""The client itself."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from typing import Self
from urllib.parse import quote

from app.api.models.catalogue import AgentList, ArchetypeList, StrategyList
from app.api.models.events import LiveEvent
from app.api.models.outline import OutlinePreview
from app.api.models.record import RecordKey
from app.api.models.session import Revoked, SessionList
from app.api.models.system import Health, Ready
from signoff._requests import Request, get, post, read_answer
from signoff._sync.files import Files
from signoff._sync.projects import Projects
from signoff._sync.tasks import Decisions, Phases, Tasks
from signoff._sync.transport import Transport

# Longer than the 60 s for which a plan may be waited for.
_ANSWER_SECONDS = 75.0
_RETRY_SECONDS = 20.0


class Signoff:
    """A client of one Signoff, to be used as a context manager.

    Every method raises a subclass of `SignoffError` where the API refuses, and `NoAnswer` where nothing answers. What got no
    answer, 503 or `request_in_progress` is asked again; that is safe, for each POST has an Idempotency-Key.

    Args:
        url: the server's address; None for `SIGNOFF_URL`, else `http://127.0.0.1:8400`.
        api_key: the server's key; None for `SIGNOFF_API_KEY`.
        timeout: seconds that one answer may take.
        retry_seconds: for how long a request is tried again; 0 for once only.

    Attributes:
        projects: projects, their plans and runs.
        tasks: tasks of a project.
        phases: phases of a project.
        decisions: decisions that are asked for, and that were made.
        files: files of a workspace.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = _ANSWER_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._transport = Transport(url, api_key, timeout=timeout, retry_seconds=retry_seconds)
        self.projects = Projects(self._transport)
        self.tasks = Tasks(self._transport)
        self.phases = Phases(self._transport)
        self.decisions = Decisions(self._transport)
        self.files = Files(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, and so are its folders."""
        return self._transport.is_local

    def agents(self) -> AgentList:
        """The agents that a project or task may name."""
        return self._transport.call(get("/api/agents"), AgentList)

    def strategies(self) -> StrategyList:
        """The strategies, and what they mean."""
        return self._transport.call(get("/api/strategies"), StrategyList)

    def archetypes(self) -> ArchetypeList:
        """The archetypes of experts that a project may name."""
        return self._transport.call(get("/api/archetypes"), ArchetypeList)

    def preview_outline(self, description: str, *, agent_id: str | None = None) -> OutlinePreview:
        """What the planner `outline` would make of a description, with nothing stored; a description that makes no plan is
        no error: its `problems` say why."""
        body = {"description": description, "agent_id": agent_id}
        return self._transport.call(post("/api/outline", body), OutlinePreview)

    def sessions(self) -> SessionList:
        """The browsers that are signed in."""
        return self._transport.call(get("/api/sessions"), SessionList)

    def revoke_session(self, session_id: str) -> Revoked:
        """End the session of a browser."""
        return self._transport.call(Request("DELETE", f"/api/sessions/{quote(session_id, safe='')}"), Revoked)

    def record_key(self) -> RecordKey:
        """The public key that the record is sealed with, and whether the database has all that was sealed."""
        return self._transport.call(get("/api/record-key"), RecordKey)

    def health(self) -> Health:
        """That the process is alive, and its version."""
        return self._transport.call(get("/health"), Health)

    def ready(self) -> Ready:
        """Whether requests can be served, and what is missing where they cannot."""
        return read_answer(self._transport.look("/ready"), Ready)

    def live_events(self, *, types: str | None = None) -> Generator[LiveEvent, None, None]:
        """Events of all projects from now on, for lists that keep themselves up to date; without end.

        While the connection is lost, events are missed: what is shown is to be loaded anew now and then.
        """
        with closing(self._transport.messages(get("/api/events", {"types": types}))) as messages:
            for message in messages:
                yield LiveEvent.model_validate(json.loads(message.text), extra="allow")
