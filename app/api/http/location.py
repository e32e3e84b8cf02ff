"""The address of what a request has created, for the header field `Location`."""

from __future__ import annotations

from pydantic import BaseModel

from app.api.http.any_request import AnyRequest
from app.api.http.prefix import public

# Most things are created by a POST to the list that they are then below. These are not.
_ELSEWHERE = {
    "duplicateProject": "/api/projects/{id}",
    "askForSignature": "/api/projects/{project_id}/signing-links/{id}",
}
# Parts of a list without an address of their own.
_IN_LIST = frozenset({"createPhase", "commentOnPlan"})


def location_of(request: AnyRequest, made: BaseModel) -> str:
    """The address of a new resource on this server.

    Args:
        request: the request that has created it.
        made: the resource, which has an `id`.
    """
    made_id = str(getattr(made, "id"))  # noqa: B009 - every resource has one, but they share no class
    operation = str(getattr(request.route_handler, "operation_id", ""))
    collection = request.scope["path"].rstrip("/")
    if operation in _ELSEWHERE:
        path = _ELSEWHERE[operation].format(id=made_id, project_id=request.path_params.get("project_id", ""))
    else:
        path = f"{collection}{'#' if operation in _IN_LIST else '/'}{made_id}"
    return public(path)
