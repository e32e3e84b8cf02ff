"""The header fields that operations support beyond the signatures of their handlers."""

from __future__ import annotations

from app.api.openapi.json_document import Json

# Operations that support `If-Match`, with a description of its value.
IF_MATCH = {
    "updateProject": "The ETag of the project that was read.",
    "approveProject": "The ETag of the plan that was read.",
    "discardEdit": "The ETag of the plan that was read.",
    **dict.fromkeys(
        ("refinePlan", "createTask", "updateTask", "deleteTask", "createPhase"), "The ETag of the plan that was read."
    ),
}
# Headers that handlers read directly from the request.
_HEADERS = {
    "getFile": {
        "Range": "One part: `bytes=0-499`, `bytes=500-` or `bytes=-500`.",
        "If-None-Match": "The ETag of the reader's copy. If it is still current, the answer is 304.",
        "If-Range": "The ETag of the reader's partial copy. If the file has changed, all of it is sent.",
    }
}
_TAGS_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'


def further_headers(operation_id: str, method: str) -> dict[str, tuple[str, Json]]:
    """The further header fields of an operation, each with its description and its schema."""
    added: dict[str, tuple[str, Json]] = {}
    if method == "post":
        text = "For 24 hours, a repeat with the same key and body gets the first answer again."
        added["Idempotency-Key"] = (text, {"type": "string", "pattern": "^[!-~]{1,255}$"})
    if operation_id in IF_MATCH:
        added["If-Match"] = (IF_MATCH[operation_id], {"type": "string", "pattern": _TAGS_PATTERN})
    for name, description in _HEADERS.get(operation_id, {}).items():
        added[name] = (description, {"type": "string", "maxLength": 200})
    return added
