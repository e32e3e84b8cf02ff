"""The client itself."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self
from urllib.parse import quote

from app.api.models.catalogue import AgentList, ArchetypeList, StrategyList
from app.api.models.events import LiveEvent
from app.api.models.outline import OutlinePreview
from app.api.models.record import RecordKey
from app.api.models.session import Revoked, SessionList
from app.api.models.system import Health, Ready
from signoff._async.files import AsyncFiles
from signoff._async.projects import AsyncProjects
from signoff._async.tasks import AsyncDecisions, AsyncPhases, AsyncTasks
from signoff._async.transport import AsyncTransport
from signoff._requests import Request, get, post, read_answer

# Longer than the 60 s for which a plan may be waited for.
_ANSWER_SECONDS = 75.0
_RETRY_SECONDS = 20.0


class AsyncSignoff:
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
        self._transport = AsyncTransport(url, api_key, timeout=timeout, retry_seconds=retry_seconds)
        self.projects = AsyncProjects(self._transport)
        self.tasks = AsyncTasks(self._transport)
        self.phases = AsyncPhases(self._transport)
        self.decisions = AsyncDecisions(self._transport)
        self.files = AsyncFiles(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, and so are its folders."""
        return self._transport.is_local

    async def agents(self) -> AgentList:
        """The agents that a project or task may name."""
        return await self._transport.call(get("/api/agents"), AgentList)

    async def strategies(self) -> StrategyList:
        """The strategies, and what they mean."""
        return await self._transport.call(get("/api/strategies"), StrategyList)

    async def archetypes(self) -> ArchetypeList:
        """The archetypes of experts that a project may name."""
        return await self._transport.call(get("/api/archetypes"), ArchetypeList)

    async def preview_outline(self, description: str, *, agent_id: str | None = None) -> OutlinePreview:
        """What the planner `outline` would make of a description, with nothing stored; a description that makes no plan is
        no error: its `problems` say why."""
        body = {"description": description, "agent_id": agent_id}
        return await self._transport.call(post("/api/outline", body), OutlinePreview)

    async def sessions(self) -> SessionList:
        """The browsers that are signed in."""
        return await self._transport.call(get("/api/sessions"), SessionList)

    async def revoke_session(self, session_id: str) -> Revoked:
        """End the session of a browser."""
        return await self._transport.call(Request("DELETE", f"/api/sessions/{quote(session_id, safe='')}"), Revoked)

    async def record_key(self) -> RecordKey:
        """The public key that the record is sealed with, and whether the database has all that was sealed."""
        return await self._transport.call(get("/api/record-key"), RecordKey)

    async def health(self) -> Health:
        """That the process is alive, and its version."""
        return await self._transport.call(get("/health"), Health)

    async def ready(self) -> Ready:
        """Whether requests can be served, and what is missing where they cannot."""
        return read_answer(await self._transport.look("/ready"), Ready)

    async def live_events(self, *, types: str | None = None) -> AsyncGenerator[LiveEvent]:
        """Events of all projects from now on, for lists that keep themselves up to date; without end.

        While the connection is lost, events are missed: what is shown is to be loaded anew now and then.
        """
        async with aclosing(self._transport.messages(get("/api/events", {"types": types}))) as messages:
            async for message in messages:
                yield LiveEvent.model_validate(json.loads(message.text), extra="allow")
