"""All errors have the same body, including unknown addresses and wrong methods; request ids."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.api.answers import check_error
from tests.conftest import Stack

ALLOWED = {
    "/api/projects": {"GET", "HEAD", "POST", "OPTIONS"},
    "/api/projects/{id}": {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"},
    "/api/projects/{id}/plan": {"GET", "HEAD", "OPTIONS"},
    "/api/projects/{id}/generate-plan": {"POST", "OPTIONS"},
    "/api/projects/{id}/regenerate-plan": {"POST", "OPTIONS"},
    "/api/projects/{id}/approve": {"POST", "OPTIONS"},
    "/api/projects/{id}/cancel": {"POST", "OPTIONS"},
    "/api/projects/{id}/tasks": {"GET", "HEAD", "POST", "OPTIONS"},
    "/api/projects/{id}/events": {"GET", "HEAD", "OPTIONS"},
    "/health": {"GET", "HEAD", "OPTIONS"},
    "/ready": {"GET", "HEAD", "OPTIONS"},
}


@pytest.mark.parametrize("path", ALLOWED)
async def test_a_wrong_method_is_told_the_right_ones(signoff: Stack, path: str) -> None:
    address = path.replace("{id}", await signoff.create(""))
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - ALLOWED[path]:
        answer = await signoff.http.request(method, address)
        assert answer.status_code == 405, method
        assert check_error(answer)["code"] == "method_not_allowed"
        assert set(answer.headers["allow"].split(", ")) == ALLOWED[path]


async def test_options_is_answered_and_grants_no_foreign_page_anything(signoff: Stack) -> None:
    answer = await signoff.http.options(
        "/api/projects", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 204
    assert "OPTIONS" in answer.headers["allow"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/index.html",
        "/assets/%2e%2e/index.html",
        "/api",
        "/api/",
        "/api/project",
        "/api/projects/x/nothing",
        "/api/projects/x/plan/y",
        "/%00",
        "/%ff",
        "/api/projects/%2e%2e/%2e%2e/health/x",
        "/" + "x" * 10_000,
        "/favicon.ico",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_address_has_the_same_body(signoff: Stack, method: str, path: str) -> None:
    answer = await signoff.http.request(method, path)
    assert answer.status_code == 404
    assert check_error(answer)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api/projects", "/nothing", "/api/projects/nope"])
@pytest.mark.parametrize("given", ["abc", "a" * 64, "A.b:c_d-9"])
async def test_a_given_request_id_is_taken(signoff: Stack, path: str, given: str) -> None:
    answer = await signoff.http.get(path, headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    if answer.status_code != 200:
        assert check_error(answer)["request_id"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", "Ä", "<script>", "a,b"])
async def test_an_odd_request_id_is_replaced(signoff: Stack, given: str) -> None:
    answer = await signoff.http.get("/nothing", headers={"X-Request-ID": given.encode()})
    assert re.fullmatch(r"req_[0-9a-z]{26}", answer.headers["x-request-id"])
    assert check_error(answer)["request_id"] == answer.headers["x-request-id"]


async def test_every_answer_has_a_request_id_of_its_own(signoff: Stack) -> None:
    answers: list[httpx.Response] = [
        await signoff.http.get(path) for path in ("/health", "/ready", "/api/projects", "/x")
    ]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
