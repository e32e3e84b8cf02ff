"""The format that every error answer must have."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conftest import Stack

KEYS = {"error", "code", "message", "status", "details", "context", "request_id"}
ERRORS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "validation_error",
    429: "too_many_requests",
    431: "headers_too_large",
    503: "unavailable",
}
JSON = {"Content-Type": "application/json"}


def check_error(answer: httpx.Response) -> dict[str, Any]:
    """Check the properties of every error answer, and return its body."""
    assert answer.headers["content-type"].split(";")[0] == "application/json", answer.text[:500]
    body = answer.json()
    assert set(body) == KEYS
    assert body["status"] == answer.status_code
    assert body["error"] == ERRORS[answer.status_code]
    assert body["request_id"] == answer.headers["x-request-id"] != ""
    assert body["code"]
    assert 0 < len(body["message"]) < 6000
    assert "Traceback" not in answer.text
    assert all(set(detail) == {"field", "message"} and detail["message"] for detail in body["details"])
    assert isinstance(body["context"], dict)
    assert ("retry-after" in answer.headers) == (answer.status_code == 503 or body["code"] == "request_in_progress")
    return body


async def refused(
    stack: Stack, method: str, path: str, status: int, code: str | None = None, **request: Any
) -> dict[str, Any]:
    """Return the body of a refusal with the given status and code. `path` is relative to /api/projects."""
    answer = await stack.http.request(method, f"/api/projects{path}", **request)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
    body = check_error(answer)
    if code is not None:
        assert body["code"] == code, body
    return body


def fields_of(body: dict[str, Any]) -> list[str]:
    return [detail["field"] for detail in body["details"]]
