"""News of all projects, for lists that keep themselves up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from app.api.events import PING_SECONDS, STREAM_HEADERS, chosen_types
from app.api.models.events import LiveEvent
from app.api.services import Services
from app.storage.live_log import LiveLog

# Nobody who looks at a list sees the difference, and many readers of a busy server would keep its database busy.
PAUSE_SECONDS = 0.1


class LiveController(Controller):
    """Server-sent events of everything."""

    path = "/api/events"
    tags = ("events",)

    @get(
        "/",
        operation_id="streamLiveEvents",
        summary="Events of all projects as they happen",
        media_type="text/event-stream",
    )
    async def stream_live_events(
        self,
        services: NamedDependency[Services],
        types: Annotated[str, QueryParameter(max_length=1000)] = "*",
    ) -> ServerSentEvent:
        """`{project_id, type, seq, status, stage}` from now on, without ids: who was away loads its list anew.

        Status and stage are those of the moment of sending, null where the project was deleted. A reader that cannot
        keep up gets the newest event of each project only.
        """
        return ServerSentEvent(_messages(services, LiveLog(chosen_types(types))), headers=STREAM_HEADERS)


async def _messages(services: Services, log: LiveLog) -> AsyncGenerator[ServerSentEventMessage, None]:
    with services.database.feed.subscribe() as news:
        await services.database.read(log.start)
        # Sent once nothing can be missed any more: a list that is loaded after this is complete.
        yield ServerSentEventMessage(comment="signoff", data=None)
        while True:
            came = await news.wait(PING_SECONDS)
            found = await services.database.read(log.read) if came else []
            for event in found:
                yield ServerSentEventMessage(event=event.type, data=LiveEvent.model_validate(event).model_dump_json())
            if came:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                yield ServerSentEventMessage(comment=f"ping {int(time.time())}", data=None)
