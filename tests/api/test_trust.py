"""Who may use the app: host names, origins, keys, and the address it listens on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from tests.api.answers import check_error
from tests.api.many_addresses import from_another_address
from tests.conftest import Stack, running_stack
from tests.raw_http import exchange

KEY = "a key of 32 characters or a few more"
PATHS = ["/api/projects", "/health", "/nothing", "/schema/openapi.json"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "",
        "localhost.",
        "[evil]",
        "0.0.0.0",
        "127.0.0.2",
        "x@localhost",
        "127.0.0.1:80@evil.example",
        "localhost:80:80",
        "localhost:x",
        "localhost:123456",
        "local host",
        "localhost/",
        "[::1",
        "::1",
        "[::1]x",
    ],
)
async def test_a_foreign_name_is_refused_at_every_address(signoff: Stack, host: str) -> None:
    for path in PATHS:
        answer = await signoff.http.get(path, headers={"Host": host})
        assert answer.status_code == 403, path
        assert check_error(answer)["code"] == "bad_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9999", "[::1]", "[::1]:8400"])
async def test_loopback_names_are_answered(signoff: Stack, host: str) -> None:
    assert (await signoff.http.get("/health", headers={"Host": host})).status_code == 200


ONCE = ["Host", "Origin", "Sec-Fetch-Site", "Authorization", "Content-Type", "X-Request-ID"]


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("other", ["first", "last"])
async def test_a_field_that_decides_something_is_there_once(signoff: Stack, name: str, other: str) -> None:
    good = {"Host": signoff.url.removeprefix("http://"), "Origin": signoff.url, "Content-Type": "application/json"}
    twice = [(name, good.get(name, "none")), (name, "evil.example")]
    fields = [field for field in good.items() if field[0] != name]
    fields += twice if other == "last" else twice[::-1]
    head = "".join(f"{field}: {value}\r\n" for field, value in fields)
    request = f"POST /api/projects HTTP/1.1\r\n{head}Content-Length: 2\r\n\r\n{{}}"
    answer = await exchange(signoff.settings.port, request.encode())
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    assert name.lower() in answer.json()["message"]


async def test_no_answer_is_taken_for_another_type(signoff: Stack) -> None:
    for path in ("/health", "/api/projects", "/metrics", "/nothing", "/schema/openapi.json", "/"):
        answer = await signoff.http.get(path)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], path


async def test_allowed_hosts_are_answered(temporal_server, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False, allowed_hosts=["signoff.example"]) as stack:
        assert (await stack.http.get("/health", headers={"Host": "Signoff.example:443"})).status_code == 200
        assert (await stack.http.get("/health", headers={"Host": "other.example"})).status_code == 403


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[::1"},
    {"Origin": "file://"},
    {"Origin": "http://localhost"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://{me}@evil.example"},
    {"Origin": "{me}"},
    {"Origin": "http://{me}", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_another_site_changes_nothing(signoff: Stack, method: str, headers: dict[str, str]) -> None:
    me = signoff.url.removeprefix("http://")
    given = {name: value.replace("{me}", me) for name, value in headers.items()}
    for path in ("/api/projects", "/api/projects/nope", "/nothing"):
        answer = await signoff.http.request(method, path, headers=given)
        assert answer.status_code == 403, path
        assert check_error(answer)["code"] == "foreign_origin"


async def test_the_own_page_and_no_page_at_all_may_change_things(signoff: Stack) -> None:
    for headers in (
        {"Origin": signoff.url},
        {"Origin": signoff.url, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert (await signoff.http.post("/api/projects", headers=headers)).status_code == 201


async def test_another_site_may_read_only_what_browsers_keep_from_it(signoff: Stack) -> None:
    answer = await signoff.http.get("/api/projects", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.fixture(scope="module")
async def locked(temporal_server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("locked")
    async with running_stack(temporal_server, folder, worker=False, api_key=KEY) as stack:
        stack.http.event_hooks = {"request": [from_another_address]}
        yield stack


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {KEY}",
        KEY,
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY.upper()}",
        "Bearer Ä",
        "Bearer null",
    ],
)
async def test_without_the_key_nothing_is_answered(locked: Stack, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    for method, path in (
        ("GET", "/api/projects"),
        ("POST", "/api/projects"),
        ("GET", "/api/projects/x/events"),
        ("GET", "/metrics"),
        ("GET", "/api/events"),
        ("OPTIONS", "/api/projects"),
        ("HEAD", "/api/projects"),
        ("GET", "/schemas"),
        ("GET", "/nothing"),
        ("PATCH", "/api/projects"),
    ):
        answer = await locked.http.request(method, path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        if method != "HEAD":
            assert KEY not in str(check_error(answer))


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY}"])
async def test_with_the_key_everything_is(locked: Stack, authorization: str) -> None:
    headers = {"Authorization": authorization}
    project = await locked.call("POST", "", status=201, headers=headers)
    assert project["created_by"] == "admin"
    await locked.call("GET", f"/{project['id']}", headers=headers)


async def test_health_and_ready_need_no_key(locked: Stack) -> None:
    assert (await locked.http.get("/health")).json()["service"] == "signoff"
    assert (await locked.http.get("/ready")).status_code == 200


PAGE = [
    "/",
    "/new",
    "/projects",
    "/projects/proj_x",
    "/projects/proj_x/tasks/a",
    "/assets/index-1a2b.js",
    "/docs",
    "/docs/plans.html",
    "/favicon.svg",
]


@pytest.mark.parametrize("path", PAGE)
async def test_the_page_can_be_loaded_without_the_key(locked: Stack, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert (await locked.http.request(method, path)).status_code in {200, 307, 404}, method
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await locked.http.request(method, path)).status_code == 401, method


async def raw_status(stack: Stack, target: str, method: str = "GET") -> int:
    """The status for a path that is sent unchanged, without the normalization that clients perform."""
    host = stack.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.settings.port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


ODD_PATHS = [
    "/projects/../api/projects",
    "/projects/%2e%2e/api/projects",
    "/projects/%2E%2E%2Fapi%2Fprojects",
    "/projects/x/../../api/projects",
    "/projects/./../api/projects",
    "/assets/../api/projects",
    "/assets/..%2fapi/projects",
    "/assets/..%5capi%5cprojects",
    "/projects/..",
    "//api/projects",
    "/api//projects",
    "//api//projects",
    "/api/projects/",
    "/./api/projects",
    "/new/../api/projects",
    "/new/x",
    "/newer",
    "/projectsx",
    "/assets",
    "/Projects",
    "/favicon.svg/x",
    "/api",
    "/api/",
    "/api/projects?/projects/",
    "/%61pi/projects",
    "/index.html",
    "/favicon.ico",
    "/%2fapi/projects",
]


@pytest.mark.parametrize("path", ODD_PATHS)
async def test_nothing_but_the_page_is_open_however_it_is_spelt(locked: Stack, path: str) -> None:
    assert await raw_status(locked, path) == 401


@pytest.mark.parametrize(
    "path", ["/projects//api/projects", "/projects/%252e%252e/api/projects", "/projects/api/projects"]
)
async def test_what_lies_below_the_page_is_never_the_api(locked: Stack, path: str) -> None:
    answer = await locked.http.get(path)
    assert answer.status_code in {200, 307, 404}
    assert "status_counts" not in answer.text


async def test_what_the_api_looks_like_can_be_read_without_the_key(locked: Stack) -> None:
    page = await locked.http.get("/schema")
    for path in ("/schema/openapi.json", *re.findall(r'(?:src|href)="([^"]+)"', page.text)):
        answer = await locked.http.get(path)
        assert answer.status_code == 200, path
        assert KEY not in answer.text
    assert (await locked.http.get("/schema/openapi.json")).json()["security"] == [{"bearer": []}]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "signoff.example", ""])
def test_beyond_loopback_the_app_needs_a_key(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="SIGNOFF_API_KEY"):
        create_app(Settings(data_dir=tmp_path, host=host))
    create_app(Settings(data_dir=tmp_path, host=host, api_key=KEY))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_it_needs_none(tmp_path: Path, host: str) -> None:
    create_app(Settings(data_dir=tmp_path, host=host))
