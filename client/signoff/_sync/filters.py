# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The methods of `client.filters`: saved filters of the list of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack
from urllib.parse import quote

from signoff import schemas
from signoff._requests import Request, get, post

if TYPE_CHECKING:
    from signoff._sync.transport import Transport
    from signoff.fields import FilterFields
    from signoff.schemas.filters import FilterList, SavedFilter


class Filters:
    """Your saved filters. With the server's key, or with none, they are those of the installation."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> FilterList:
        """List your filters, oldest first."""
        return self._transport.call(get("/api/filters"), schemas.filters.FilterList)

    def save(self, name: str, **conditions: Unpack[FilterFields]) -> SavedFilter:
        """Save a filter. Its name must differ from those of your other filters."""
        body = {"name": name, "conditions": conditions}
        return self._transport.call(post("/api/filters", body), schemas.filters.SavedFilter)

    def change(self, filter_id: str, name: str, **conditions: Unpack[FilterFields]) -> SavedFilter:
        """Replace the name and all conditions of a filter."""
        body = {"name": name, "conditions": conditions}
        return self._transport.call(Request("PUT", _path(filter_id), body=body), schemas.filters.SavedFilter)

    def delete(self, filter_id: str) -> SavedFilter:
        """Delete a filter. The projects that it shows are not affected."""
        return self._transport.call(Request("DELETE", _path(filter_id)), schemas.filters.SavedFilter)


def _path(filter_id: str) -> str:
    return f"/api/filters/{quote(filter_id, safe='')}"
