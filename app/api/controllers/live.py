"""Events of all projects, for lists that update themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from app.api.controllers.events import PING_SECONDS, STREAM_HEADERS, chosen_types
from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.storage.live_log import LiveLog
from signoff.schemas.events import LiveEvent
from signoff.vocabulary import Scope

# Pause between two queries: readers of a list do not notice it, and it protects the database of a busy server.
PAUSE_SECONDS = 0.1


class LiveController(Controller):
    """Server-sent events of all projects."""

    path = "/api/events"
    tags = ("events",)

    @get(
        "/",
        operation_id="streamLiveEvents",
        opt={SCOPE: Scope.READ},
        summary="Stream the events of all projects",
        media_type="text/event-stream",
    )
    async def stream_live_events(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        types: Annotated[str, QueryParameter(max_length=1000)] = "*",
    ) -> ServerSentEvent:
        """Sends `{project_id, type, seq, status, stage}` from now on. Events have no ids: after a break, reload the list.

        `status` and `stage` are the values at the time of sending, null if the project was deleted. A reader that cannot keep
        up gets only the newest event of each project.
        """
        within = caller_of(request).access.labels_of(Scope.READ)
        return ServerSentEvent(_messages(services, LiveLog(chosen_types(types), within)), headers=STREAM_HEADERS)


async def _messages(services: Services, log: LiveLog) -> AsyncGenerator[ServerSentEventMessage, None]:
    with services.database.feed.subscribe() as changes:
        await services.database.read(log.start)
        # From now on, no event can be missed: a list that is loaded after this comment is complete.
        yield ServerSentEventMessage(comment="signoff", data=None)
        while True:
            changed = await changes.wait(PING_SECONDS)
            events = await services.database.read(log.read) if changed else []
            for event in events:
                yield ServerSentEventMessage(event=event.type, data=LiveEvent.model_validate(event).model_dump_json())
            if changed:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                yield ServerSentEventMessage(comment=f"ping {int(time.time())}", data=None)
