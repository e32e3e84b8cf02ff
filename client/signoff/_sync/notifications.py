# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The methods of `client.notifications`. Operators and administrators may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from signoff import schemas
from signoff._requests import get, post

if TYPE_CHECKING:
    from signoff._sync.transport import Transport
    from signoff.schemas.notifications import Notification, NotificationList


class Notifications:
    """What was sent to whom."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
    ) -> NotificationList:
        """List notifications, newest first. For the next page, pass `next_cursor` as `cursor`."""
        query = {"status": status, "limit": limit, "offset": offset, "cursor": cursor}
        return self._transport.call(get("/api/notifications", query), schemas.notifications.NotificationList)

    def replay(self, notification_id: str) -> Notification:
        """Send a notification again, with the same id."""
        path = f"/api/notifications/{quote(notification_id, safe='')}/replay"
        return self._transport.call(post(path), schemas.notifications.Notification)
