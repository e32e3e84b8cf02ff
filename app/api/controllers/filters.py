"""Saved filters of the list of projects."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.filter_bodies import SaveFilter
from app.api.http.idempotency import answer_once
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.storage import filters
from app.storage.filters import FilterRow
from signoff.schemas.filters import FilterConditions, FilterList, SavedFilter
from signoff.vocabulary import Scope

_NOT_STORED = {"Cache-Control": "no-store"}


class FilterController(Controller):
    """The sender's saved filters. Whoever uses the server's key, or no key, shares those of the installation."""

    path = "/api/filters"
    tags = ("projects",)

    @get("/", operation_id="listFilters", opt={SCOPE: Scope.SELF}, summary="List your saved filters")
    async def list_filters(self, request: AnyRequest, services: NamedDependency[Services]) -> Response[FilterList]:
        """Oldest first. The conditions of a filter are parameters of `GET /api/projects`."""
        owner = _owner(request)
        rows = await services.database.read(lambda conn: filters.all_of(conn, owner))
        return Response(FilterList(filters=[_shown(row) for row in rows]), headers=_NOT_STORED)

    @post("/", operation_id="saveFilter", opt={SCOPE: Scope.SELF}, summary="Save a filter")
    async def save_filter(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[SaveFilter]
    ) -> Response[SavedFilter]:
        """Your filters have different names, regardless of case. 409 if a name is taken, or there is no room."""
        owner = _owner(request)

        def work(conn: Connection) -> SavedFilter:
            return _shown(filters.add(conn, owner, data.name, data.conditions.given()))

        return await answer_once(request, services, work, status=201, headers=_NOT_STORED)

    @put("/{filter_id:str}", operation_id="changeFilter", opt={SCOPE: Scope.SELF}, summary="Change a saved filter")
    async def change_filter(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        filter_id: FromPath[str],
        data: JSONBody[SaveFilter],
    ) -> Response[SavedFilter]:
        """Replaces the name and all conditions."""
        owner, given = _owner(request), data.conditions.given()
        row = await services.database.transact(lambda conn: filters.change(conn, owner, filter_id, data.name, given))
        return Response(_shown(row), headers=_NOT_STORED)

    @delete(
        "/{filter_id:str}",
        operation_id="deleteFilter",
        opt={SCOPE: Scope.SELF},
        summary="Delete a saved filter",
        status_code=200,
    )
    async def delete_filter(
        self, request: AnyRequest, services: NamedDependency[Services], filter_id: FromPath[str]
    ) -> Response[SavedFilter]:
        """The projects that it shows are not affected. Answers with the deleted filter."""
        owner = _owner(request)
        row = await services.database.transact(lambda conn: filters.remove(conn, owner, filter_id))
        return Response(_shown(row), headers=_NOT_STORED)


def _owner(request: AnyRequest) -> str:
    return filters.owner_of(caller_of(request).sender)


def _shown(row: FilterRow) -> SavedFilter:
    return SavedFilter(
        id=row.id,
        name=row.name,
        conditions=FilterConditions.model_validate(row.conditions),
        created_at=row.created_at,
    )
