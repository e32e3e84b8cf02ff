"""The methods of `client.notifications`. Operators and administrators may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from signoff import schemas
from signoff._requests import get, post

if TYPE_CHECKING:
    from signoff._async.transport import AsyncTransport
    from signoff.schemas.notifications import Notification, NotificationList


class AsyncNotifications:
    """What was sent to whom."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        status: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
    ) -> NotificationList:
        """List notifications, newest first. For the next page, pass `next_cursor` as `cursor`."""
        query = {"status": status, "limit": limit, "offset": offset, "cursor": cursor}
        return await self._transport.call(get("/api/notifications", query), schemas.notifications.NotificationList)

    async def replay(self, notification_id: str) -> Notification:
        """Send a notification again, with the same id."""
        path = f"/api/notifications/{quote(notification_id, safe='')}/replay"
        return await self._transport.call(post(path), schemas.notifications.Notification)
