"""The check of all operations: each handler names the scope that it needs, and the sender must have it.

A handler says so in `opt`: `opt={"scope": Scope.AUTHOR}`, or a tuple of scopes of which one is enough. If it has a path parameter
`project_id`, the scope must hold for that project. `{"everywhere": True}` asks for a role that is bound to no label.
"""

from __future__ import annotations

import structlog
from litestar.handlers import BaseRouteHandler

from app.api.http.callers import AnyConnection, caller_of, hidden, refusal
from app.database.database import Database
from app.domain.errors import Forbidden
from app.domain.people import Caller
from app.storage.labels import labels_of
from signoff.vocabulary import Scope

SCOPE, EVERYWHERE = "scope", "everywhere"


def scopes_of(handler: BaseRouteHandler) -> tuple[Scope, ...]:
    """The scopes of which a handler needs one; empty if it names none, so that nobody may call it."""
    declared: Scope | tuple[Scope, ...] = handler.opt.get(SCOPE, ())
    return declared if isinstance(declared, tuple) else (declared,)


class Authorize:
    """A check of all operations (`app.api.http.checked`).

    Args:
        database: says which labels a project has.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, connection: AnyConnection, handler: BaseRouteHandler) -> None:
        """Let a request pass if its sender may do what it asks for.

        Raises:
            NotFound: the sender may not read the project.
            Forbidden: `role_needed`, `link_only` or `link_needed`; or the handler does not say what it needs.
        """
        needed = scopes_of(handler)
        if Scope.ANYBODY in needed:
            return
        if not needed:
            raise Forbidden("This operation does not say which role it needs, so nobody may call it.")
        caller = caller_of(connection)
        if (caller.link_id is not None) != (Scope.LINK in needed):
            message = (
                "A link lets its person sign one thing, and do nothing else. To do more, sign in."
                if caller.link_id is not None
                else "This needs a link to sign one thing, as a Bearer token."
            )
            raise Forbidden(message, code="link_only" if caller.link_id is not None else "link_needed")
        if Scope.SELF in needed or Scope.LINK in needed:
            return
        project_id: str | None = connection.path_params.get("project_id")
        if project_id is not None:
            structlog.contextvars.bind_contextvars(project_id=project_id)
            await self._check_project(caller, project_id, needed)
        elif handler.opt.get(EVERYWHERE) and not any(caller.access.may_everywhere(scope) for scope in needed):
            raise refusal(caller, *needed, where=" for all projects")
        elif not any(caller.access.holds(scope) for scope in needed):
            raise refusal(caller, *needed)

    async def _check_project(self, caller: Caller, project_id: str, needed: tuple[Scope, ...]) -> None:
        may_read_all = caller.access.may_everywhere(Scope.READ)
        if may_read_all and any(caller.access.may_everywhere(scope) for scope in needed):
            return
        labels = await self._database.read(lambda conn: labels_of(conn, project_id))
        if labels is None and may_read_all:
            # There is no such project, or no longer: the handler says which.
            return
        if labels is None or not caller.access.may(Scope.READ, labels):
            raise hidden(project_id)
        if not any(caller.access.may(scope, labels) for scope in needed):
            raise refusal(caller, *needed, where=" for this project")
