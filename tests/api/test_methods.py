"""HEAD and OPTIONS, which every address supports."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import Stack


@pytest.mark.parametrize(
    "path",
    ["/api/projects", "/api/projects/{id}", "/api/projects/{id}/tasks", "/health", "/metrics", "/schema", "/nothing"],
)
async def test_head_is_get_without_the_body(signoff: Stack, path: str) -> None:
    address = path.replace("{id}", await signoff.create(""))
    head, get = await signoff.http.head(address), await signoff.http.get(address)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize("path", ["/api/events", "/api/projects/{id}/events"])
async def test_head_of_a_stream_ends(signoff: Stack, path: str) -> None:
    address = path.replace("{id}", await signoff.create(""))
    async with asyncio.timeout(20):
        answer = await signoff.http.head(address)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    async with asyncio.timeout(20):
        assert (await signoff.http.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/projects", "GET, HEAD, OPTIONS, POST"),
        ("/api/projects/{id}", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/projects/{id}/", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/projects/{id}/approve", "OPTIONS, POST"),
        ("/api/projects/{id}/tasks", "GET, HEAD, OPTIONS, POST"),
        ("/api/projects/{id}/plan", "GET, HEAD, OPTIONS"),
        ("/schema", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_names_the_methods_of_all_handlers(signoff: Stack, path: str, methods: str) -> None:
    answer = await signoff.http.options(path.replace("{id}", await signoff.create("")))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == methods


async def test_head_of_what_cannot_be_read_is_refused(signoff: Stack) -> None:
    answer = await signoff.http.head(f"/api/projects/{await signoff.create('')}/approve")
    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["allow"] == "OPTIONS, POST"


async def test_there_are_no_methods_where_there_is_nothing(signoff: Stack) -> None:
    assert (await signoff.http.options("/nothing")).status_code == 404
