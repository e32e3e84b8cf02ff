"""What waits for the reader, across all projects."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views.inbox import show
from app.storage import inbox
from app.storage.inbox import Waiting
from app.storage.inbox_details import Details, details_of
from signoff.schemas.inbox import Inbox
from signoff.vocabulary import InboxKind, Scope


class InboxController(Controller):
    """The reader's inbox."""

    path = "/api/inbox"
    tags = ("decisions",)

    @get("/", operation_id="getInbox", opt={SCOPE: Scope.READ}, summary="List what waits for you")
    async def get_inbox(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 20,
        offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
    ) -> Inbox:
        """What you may approve, release, answer or do, across all projects, by your roles and their labels.

        What expires comes first, by its deadline, then the rest, oldest first. A decision that somebody else must answer,
        because you have answered the one that it is paired with, is left out.
        """
        caller = caller_of(request)

        def read(conn: Connection) -> tuple[list[Waiting], dict[InboxKind, int], Details]:
            items, counts = inbox.page(conn, caller.access, caller.actor_id, limit=limit, offset=offset)
            return items, counts, details_of(conn, items)

        items, counts, details = await services.database.read(read)
        shown = await asyncio.to_thread(show, items, details, services.finding_counts)
        return Inbox(items=shown, total=sum(counts.values()), limit=limit, offset=offset, counts=counts)
