"""The methods of `client.filters`: saved filters of the list of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack
from urllib.parse import quote

from signoff import schemas
from signoff._requests import Request, get, post

if TYPE_CHECKING:
    from signoff._async.transport import AsyncTransport
    from signoff.fields import FilterFields
    from signoff.schemas.filters import FilterList, SavedFilter


class AsyncFilters:
    """Your saved filters. With the server's key, or with none, they are those of the installation."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> FilterList:
        """List your filters, oldest first."""
        return await self._transport.call(get("/api/filters"), schemas.filters.FilterList)

    async def save(self, name: str, **conditions: Unpack[FilterFields]) -> SavedFilter:
        """Save a filter. Its name must differ from those of your other filters."""
        body = {"name": name, "conditions": conditions}
        return await self._transport.call(post("/api/filters", body), schemas.filters.SavedFilter)

    async def change(self, filter_id: str, name: str, **conditions: Unpack[FilterFields]) -> SavedFilter:
        """Replace the name and all conditions of a filter."""
        body = {"name": name, "conditions": conditions}
        return await self._transport.call(Request("PUT", _path(filter_id), body=body), schemas.filters.SavedFilter)

    async def delete(self, filter_id: str) -> SavedFilter:
        """Delete a filter. The projects that it shows are not affected."""
        return await self._transport.call(Request("DELETE", _path(filter_id)), schemas.filters.SavedFilter)


def _path(filter_id: str) -> str:
    return f"/api/filters/{quote(filter_id, safe='')}"
