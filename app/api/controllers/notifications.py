"""Notifications: what was sent to whom, and what came of it."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.bodies import NoFields
from app.api.http.cursors import MAX_CURSOR_LENGTH, cursor_of, place_of
from app.api.http.idempotency import answer_once
from app.api.http.permission import EVERYWHERE, SCOPE
from app.api.http.services import Services
from app.storage import notifications
from app.storage.notifications import Notification as Row
from signoff.schemas.notifications import Notification, NotificationList
from signoff.vocabulary import NotificationStatus, Scope

_OPERATORS = {SCOPE: Scope.OPERATE, EVERYWHERE: True}


class NotificationController(Controller):
    """The notifications of all projects."""

    path = "/api/notifications"
    tags = ("notifications",)

    @get("/", operation_id="listNotifications", opt=_OPERATORS, summary="List notifications")
    async def list_notifications(
        self,
        services: NamedDependency[Services],
        status: FromQuery[NotificationStatus | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 20,
        offset: Annotated[int, QueryParameter(ge=0, le=2**31 - 1)] = 0,
        cursor: Annotated[str | None, QueryParameter(max_length=MAX_CURSOR_LENGTH)] = None,
    ) -> NotificationList:
        """What was sent to whom, with the number of attempts and the last error, newest first."""
        query = ("notifications", status)
        place = place_of(cursor, (str,), *query, offset=offset)
        after = None if place is None else str(place[0])
        rows, total, end = await services.database.read(
            lambda conn: notifications.page(conn, status=status, limit=limit, offset=offset, after=after)
        )
        return NotificationList(
            notifications=[_shown(row) for row in rows],
            total=total,
            limit=limit,
            offset=offset,
            next_cursor=cursor_of(None if end is None else [end], *query),
        )

    @post(
        "/{notification_id:str}/replay",
        operation_id="replayNotification",
        opt=_OPERATORS,
        summary="Send a notification again",
        status_code=200,
    )
    async def replay_notification(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        notification_id: FromPath[str],
        data: JSONBody[NoFields],
    ) -> Response[Notification]:
        """The same message with the same id, even if nothing waits any more. 409 while it is still being sent."""
        del data

        def work(conn: Connection) -> Notification:
            return _shown(notifications.replay(conn, notification_id))

        return await answer_once(request, services, work, status=200)


def _shown(row: Row) -> Notification:
    return Notification(**{name: getattr(row, name) for name in Notification.model_fields})
