"""The http action against a real server, and the addresses that it refuses to reach."""

import gzip
import ipaddress
import json
import os
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pydantic import ValidationError

from activities.actions.attempt_log import AttemptLog
from activities.actions.download import save
from activities.actions.http import BODY_OUTPUT_BYTES, Http, HttpFields
from activities.actions.masking import Masker
from activities.actions.netguard import is_public
from activities.actions.retry_after import retry_after
from activities.tls import shared_tls
from app.domain.actions import TaskContext, TaskFailed

PLAIN = b'{"text": "' + b"encoded " * 50 + b'"}'
HALF = len(PLAIN) // 2


def raw_deflate(content: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(content) + squeeze.flush()


def named_gzip(content: bytes) -> bytes:
    """With all optional fields of the header: a file name, a comment, extra data and a checksum of the header."""
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x04\x00abcd" + b"name\0" + b"comment\0"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    return (
        header + raw_deflate(content) + zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    )


WHOLE = gzip.compress(PLAIN)
ENCODED = {
    "whole": WHOLE,
    "named": named_gzip(PLAIN),
    "members": gzip.compress(PLAIN[:HALF]) + gzip.compress(b"") + gzip.compress(PLAIN[HALF:]),
    "padded": gzip.compress(PLAIN[:HALF]) + bytes(700) + gzip.compress(PLAIN[HALF:]) + bytes(512),
    "twice": gzip.compress(WHOLE),
    "zlib": zlib.compress(PLAIN),
    "raw": raw_deflate(PLAIN),
    "plain": PLAIN,
    "none": b"",
    "half": WHOLE[: len(WHOLE) // 2],
    "no-trailer": WHOLE[:-8],
    "no-end": WHOLE[:-1],
    "half-member": WHOLE + WHOLE[:12],
    "half-zlib": zlib.compress(PLAIN)[:-2],
    "half-raw": raw_deflate(PLAIN)[:-2],
    "wrong-sum": WHOLE[:-8] + bytes(4) + WHOLE[-4:],
    "rubbish": WHOLE + b"rubbish",
    "rubbish-zlib": zlib.compress(PLAIN) + b"rubbish",
    "half-twice": gzip.compress(WHOLE[:-1]),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        getattr(self, f"on_{path.strip('/')}", self.on_echo)(query, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_echo(self, query: str, body: bytes) -> None:
        seen = {"method": self.command, "path": self.path, "body": body.decode(), "headers": dict(self.headers.items())}
        self.reply(200, json.dumps(seen).encode(), content_type="application/json", etag='"1"', set_cookie="a=b")

    def on_status(self, query: str, body: bytes) -> None:
        self.reply(int(query), b"as asked")

    def on_redirect(self, query: str, body: bytes) -> None:
        status, _, location = query.partition(",")
        self.reply(int(status), b"", location=location, set_cookie="session=1")

    def on_bytes(self, query: str, body: bytes) -> None:
        self.reply(200, b"x" * int(query))

    def on_gzip(self, query: str, body: bytes) -> None:
        self.reply(200, gzip.compress(b"x" * int(query)), content_encoding="gzip")

    def on_raw(self, query: str, body: bytes) -> None:
        self.reply(200, body, content_type=query)

    def on_encoded(self, query: str, body: bytes) -> None:
        """Send what the test says, with the coding and the framing that it names."""
        coding, framing, name = query.split(",")
        content = ENCODED[name]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-encoding", coding.replace("+", ", "))
        if framing == "length":
            self.send_header("content-length", str(len(content)))
        elif framing == "chunked":
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        if framing == "chunked":
            # One byte per chunk: no decoder may rely on how the content is divided.
            pieces = [content[at : at + 1] for at in range(len(content))]
            content = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        if self.command != "HEAD":
            self.wfile.write(content)

    def on_later(self, query: str, body: bytes) -> None:
        status, _, value = query.partition(",")
        self.reply(int(status), b"", retry_after=value.replace("+", " "))

    def on_broken(self, query: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Keep the tests' output clean."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """Clients that hang up early are part of the tests."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """host:port of a server."""
    with Server(("127.0.0.1", 0), Handler) as running:
        if tls is not None:
            running.socket = tls.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


async def run(
    workspace: Path, url: str, *, allow: list[str], app_url: str = "", secrets: tuple[str, ...] = (), **fields: Any
) -> dict[str, Any]:
    log = AttemptLog(workspace, "task-1", 1, Masker(list(secrets)))
    context = TaskContext(
        project_id="project-1",
        project_name="Project",
        task_id="task-1",
        key="the_task",
        attempt=1,
        workspace=workspace,
        fields=HttpFields(url=url, **fields),
        inputs={},
        log=log,
        timeout_seconds=20,
        http_allow=allow,
        app_url=app_url,
    )
    try:
        return await Http().run(context)
    finally:
        log.close()


async def failure(workspace: Path, url: str, **options: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        await run(workspace, url, **options)
    return caught.value


async def test_a_request_and_its_answer(workspace: Path, server: str) -> None:
    outputs = await run(
        workspace, f"http://{server}/echo?a=1", allow=[server], method="post", body={"é": 1}, headers={"X-Key": "k"}
    )
    seen = outputs["json"]
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/echo?a=1", '{"é": 1}')
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["host"] == server
    assert (headers["x-key"], headers["content-type"]) == ("k", "application/json")
    assert (outputs["status"], outputs["url"]) == (200, f"http://{server}/echo?a=1")
    assert (outputs["headers"]["etag"], "set-cookie" in outputs["headers"]) == ('"1"', False)
    assert json.loads(outputs["body"]) == seen
    log = (workspace / ".signoff/attempts/task-1/1/log").read_text()
    assert log.startswith(f"POST http://{server}/echo?a=1\n200 OK, ")
    assert "X-Key" not in log


async def test_text_is_sent_as_it_is(workspace: Path, server: str) -> None:
    outputs = await run(workspace, f"http://{server}/echo", allow=[server], method="PUT", body="a=1")
    assert outputs["json"]["body"] == "a=1"


async def test_proxies_of_the_environment_are_not_used(
    workspace: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await run(workspace, f"http://{server}/echo", allow=[server]))["status"] == 200


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (408, True), (429, True), (500, True), (503, True)])
async def test_an_unexpected_status_fails(workspace: Path, server: str, status: int, retryable: bool) -> None:
    error = await failure(workspace, f"http://{server}/status?{status}", allow=[server])
    assert (error.kind, error.retryable) == ("http_status", retryable)
    assert (error.outputs["status"], error.outputs["body"]) == (status, "as asked")
    assert str(status) in error.message


async def test_the_expected_status_can_be_any(workspace: Path, server: str) -> None:
    url = f"http://{server}/status?404"
    assert (await run(workspace, url, allow=[server], expected_status=[200, 404]))["status"] == 404
    error = await failure(workspace, f"http://{server}/status?200", allow=[server], expected_status=404)
    assert error.kind == "http_status"


async def test_redirects_are_followed(workspace: Path, server: str) -> None:
    url = f"http://{server}/redirect?303,/echo"
    outputs = await run(workspace, url, allow=[server], method="POST", body="x", headers={"Authorization": "a"})
    assert (outputs["url"], outputs["json"]["method"], outputs["json"]["body"]) == (f"http://{server}/echo", "GET", "")
    headers = {name.lower() for name in outputs["json"]["headers"]}
    assert "authorization" in headers
    assert "cookie" not in headers


async def test_a_redirect_keeps_the_request_where_it_must(workspace: Path, server: str) -> None:
    url = f"http://{server}/redirect?307,/echo"
    seen = (await run(workspace, url, allow=[server], method="POST", body="x"))["json"]
    assert (seen["method"], seen["body"]) == ("POST", "x")


async def test_credentials_stay_with_their_origin(workspace: Path, server: str) -> None:
    port = server.rpartition(":")[2]
    url = f"http://{server}/redirect?307,http://localhost:{port}/echo"
    headers = {"Authorization": "a", "Cookie": "c", "X-Api-Key": "k", "Accept": "text/plain"}
    seen = (await run(workspace, url, allow=[server, "localhost"], headers=headers))["json"]["headers"]
    names = {name.lower(): value for name, value in seen.items()}
    assert not {"authorization", "cookie", "x-api-key"} & set(names)
    assert (names["accept"], names["host"]) == ("text/plain", f"localhost:{port}")


async def test_redirects_have_an_end(workspace: Path, server: str) -> None:
    hop = "/redirect?302,"
    assert (await run(workspace, f"http://{server}{hop * 5}/echo", allow=[server]))["status"] == 200
    error = await failure(workspace, f"http://{server}{hop * 6}/echo", allow=[server])
    assert (error.kind, error.retryable) == ("too_many_redirects", False)


async def test_a_redirect_can_be_what_is_wanted(workspace: Path, server: str) -> None:
    url = f"http://{server}/redirect?302,/echo"
    assert (await run(workspace, url, allow=[server], expected_status=302))["headers"]["location"] == "/echo"
    assert (await failure(workspace, url, allow=[server], follow_redirects=False)).kind == "http_status"


@pytest.mark.parametrize("location", ["http://localhost:1/", "http://169.254.169.254/latest", "http://10.0.0.1/"])
async def test_a_redirect_to_a_refused_address(workspace: Path, server: str, location: str) -> None:
    error = await failure(workspace, f"http://{server}/redirect?302,{location}", allow=[server])
    assert (error.kind, error.retryable) == ("address_refused", False)
    assert "SIGNOFF_HTTP_ALLOW" in error.message


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://user:pass@127.0.0.1/", "http://0177.0.0.1/"])
async def test_a_redirect_to_no_web_address(workspace: Path, server: str, location: str) -> None:
    assert (await failure(workspace, f"http://{server}/redirect?302,{location}", allow=[server])).kind == "bad_url"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[2002:7f00:1::]",
    ],
)
async def test_addresses_that_are_not_public_are_refused(workspace: Path, server: str, host: str) -> None:
    url = f"http://{host}:{server.rpartition(':')[2]}/echo"
    assert (await failure(workspace, url, allow=[])).kind == "address_refused"


def test_an_octal_address_is_no_url() -> None:
    with pytest.raises(ValidationError, match="not a valid URL"):
        HttpFields(url="http://0177.0.0.1/")


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_public_addresses_are_told_apart(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "HOST:PORT", "127.0.0.1:PORT"])
async def test_what_the_settings_allow_is_reached(workspace: Path, server: str, entry: str) -> None:
    host, _, port = server.rpartition(":")
    allow = [entry.replace("HOST", host).replace("PORT", port)]
    assert (await run(workspace, f"http://{server}/echo", allow=allow))["status"] == 200


@pytest.mark.parametrize("entry", ["127.0.0.1:1", "127.0.0.2", "10.0.0.0/8", "localhost", "::1", ""])
async def test_what_the_settings_allow_is_no_more_than_they_say(workspace: Path, server: str, entry: str) -> None:
    assert (await failure(workspace, f"http://{server}/echo", allow=[entry])).kind == "address_refused"


async def test_the_apps_own_health_is_allowed_and_nothing_else_of_it(workspace: Path, server: str) -> None:
    app_url = f"http://{server}"
    assert (await run(workspace, f"{app_url}/health", allow=[], app_url=app_url))["status"] == 200
    assert (await run(workspace, f"{app_url}/ready", allow=[], app_url=app_url))["status"] == 200
    for path in ("/projects", "/health/../projects", "/healthy", "/"):
        assert (await failure(workspace, f"{app_url}{path}", allow=[], app_url=app_url)).kind == "address_refused"
    assert (await failure(workspace, "http://127.0.0.1:1/health", allow=[], app_url=app_url)).kind == "address_refused"


async def test_a_body_is_saved_whole(workspace: Path, server: str) -> None:
    url = f"http://{server}/bytes?3000000"
    (workspace / "data").mkdir()
    (workspace / "data/file.bin").write_text("old")
    with (workspace / "data/file.bin").open() as reader:
        outputs = await run(workspace, url, allow=[server], save_to="data/file.bin")
        # Who has the file open sees the old one to its end, never half of the new one.
        assert reader.read() == "old"
    assert (outputs["path"], outputs["bytes"], "body" in outputs) == ("data/file.bin", 3_000_000, False)
    assert (workspace / "data/file.bin").read_bytes() == b"x" * 3_000_000
    assert os.listdir(workspace / "data") == ["file.bin"]  # noqa: PTH208


@pytest.mark.parametrize("path", ["bytes?2000", "broken", "status?404"])
async def test_a_failed_download_leaves_the_old_file(workspace: Path, server: str, path: str) -> None:
    (workspace / "file").write_text("old")
    await failure(workspace, f"http://{server}/{path}", allow=[server], save_to="file", max_bytes=1999)
    assert (workspace / "file").read_text() == "old"
    assert {entry.name for entry in workspace.iterdir()} == {"file", ".signoff"}


@pytest.mark.parametrize(
    "path", ["../file", "/tmp/file", "link/file", ".", ".signoff/file", "a/.Signoff/file", "folder"]
)
async def test_a_body_is_saved_inside_the_workspace_only(workspace: Path, server: str, path: str) -> None:
    (workspace / "link").symlink_to(workspace.parent)
    (workspace / "folder").mkdir()
    error = await failure(workspace, f"http://{server}/echo", allow=[server], save_to=path)
    assert error.kind == "path_outside"


async def test_a_long_body_is_cut(workspace: Path, server: str) -> None:
    outputs = await run(workspace, f"http://{server}/bytes?300000", allow=[server])
    assert (len(outputs["body"]), outputs["truncated"], outputs["bytes"]) == (256 * 1024, True, 300_000)


@pytest.mark.parametrize("path", ["bytes?1048577", "gzip?50000000"])
async def test_too_long_a_body_fails(workspace: Path, server: str, path: str) -> None:
    error = await failure(workspace, f"http://{server}/{path}", allow=[server])
    assert (error.kind, error.retryable) == ("response_too_large", False)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('{"a": [1]}', {"a": [1]}),
        ("NaN", ...),
        ("{", ...),
        ("[" * 100_000, ...),
        ('"\\ud800"', ...),
        ('"\\u0000"', ...),
        ("1e400", ...),
        ('{"a": -1e999}', ...),
        ("1" * 5000, ...),
        ("[" * 400 + "]" * 400, ...),
        ("[" + "1e15," * 50_000 + "1]", ...),
    ],
)
async def test_json_is_an_output_where_it_is_sound(workspace: Path, server: str, body: str, value: Any) -> None:
    url = f"http://{server}/raw?application/problem+json"
    outputs = await run(workspace, url, allow=[server], method="POST", body=body)
    assert outputs.get("json", ...) == value
    assert outputs["body"] == body


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(
    ("coding", "name"),
    [
        ("gzip", "whole"),
        ("x-gzip", "whole"),
        ("GZIP", "named"),
        ("gzip", "members"),
        ("gzip", "padded"),
        ("gzip+gzip", "twice"),
        ("deflate", "zlib"),
        ("deflate", "raw"),
        ("identity", "plain"),
        ("utf-8", "plain"),
    ],
)
async def test_an_encoded_body_is_whole(workspace: Path, server: str, coding: str, framing: str, name: str) -> None:
    url = f"http://{server}/encoded?{coding},{framing},{name}"
    outputs = await run(workspace, url, allow=[server])
    assert (outputs["body"].encode(), outputs["json"]) == (PLAIN, json.loads(PLAIN))
    await run(workspace, url, allow=[server], save_to="file")
    assert (workspace / "file").read_bytes() == PLAIN


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(
    ("coding", "name", "says"),
    [
        ("gzip", "half", "incomplete"),
        ("x-gzip", "half", "incomplete"),
        ("gzip", "no-trailer", "incomplete"),
        ("gzip", "no-end", "incomplete"),
        ("gzip", "half-member", "incomplete"),
        ("deflate", "half-zlib", "incomplete"),
        ("deflate", "half-raw", "incomplete"),
        ("gzip+gzip", "half-twice", "incomplete"),
        ("gzip", "wrong-sum", "damaged"),
        ("gzip", "rubbish", "damaged"),
        ("deflate", "rubbish-zlib", "damaged"),
        ("gzip", "plain", "damaged"),
        ("deflate", "plain", "damaged"),
        ("br", "plain", "'br'"),
        ("zstd", "plain", "'zstd'"),
    ],
)
async def test_an_encoded_body_that_is_not_whole_fails(
    workspace: Path, server: str, coding: str, framing: str, name: str, says: str
) -> None:
    url = f"http://{server}/encoded?{coding},{framing},{name}"
    error = await failure(workspace, url, allow=[server])
    assert (error.kind, error.outputs["status"]) == ("bad_encoding", 200)
    assert says in error.message
    (workspace / "file").write_text("old")
    assert (await failure(workspace, url, allow=[server], save_to="file")).kind == "bad_encoding"
    assert (workspace / "file").read_text() == "old"
    assert {entry.name for entry in workspace.iterdir()} == {"file", ".signoff"}


@pytest.mark.parametrize(
    ("method", "framing", "name", "kind"),
    [
        ("GET", "length", "none", None),
        ("GET", "chunked", "none", None),
        ("HEAD", "length", "whole", None),
        ("GET", "close", "none", "bad_encoding"),
    ],
)
async def test_an_encoded_body_may_be_empty_if_it_says_so(
    workspace: Path, server: str, method: str, framing: str, name: str, kind: str | None
) -> None:
    url = f"http://{server}/encoded?gzip,{framing},{name}"
    if kind is None:
        assert (await run(workspace, url, allow=[server], method=method))["body"] == ""
    else:
        assert (await failure(workspace, url, allow=[server], method=method)).kind == kind


async def test_a_part_of_a_body_is_requested_without_coding(workspace: Path, server: str) -> None:
    outputs = await run(workspace, f"http://{server}/echo", allow=[server], headers={"Range": "bytes=0-9"})
    assert outputs["json"]["headers"]["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_says_when_to_come_again(workspace: Path, server: str, status: int) -> None:
    error = await failure(workspace, f"http://{server}/later?{status},6", allow=[server])
    assert (error.kind, error.retryable, error.retry_after) == ("http_status", True, 6.0)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True).replace(" ", "+")
    error = await failure(workspace, f"http://{server}/later?{status},{soon}", allow=[server])
    assert 90 < (error.retry_after or 0.0) < 110


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": "9" * 5000}, 1e9),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "Fri, 01 Jan 2100 00:00:30 GMT"}, 90.0),
        ({"retry-after": "Fri Jan  1 00:00:30 2100"}, 90.0),
        ({"retry-after": "Fri, 01 Jan 2099 00:00:30 GMT"}, 0.0),
        ({"retry-after": "Fri, 01 Jan 2100 00:00:30 GMT", "date": "Fri, 01 Jan 2100 00:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 99 Jan 2100 00:00:30 GMT"}, None),
    ],
)
def test_both_forms_of_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, datetime(2099, 12, 31, 23, 59, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("charset", ["latin-1", "utf-8", "no-such", "hex", "idna"])
async def test_the_body_is_always_text(workspace: Path, server: str, charset: str) -> None:
    url = f"http://{server}/raw?text/plain;charset={charset}"
    outputs = await run(workspace, url, allow=[server], method="POST", body="a\0b")
    assert outputs["body"] == "a\ufffdb"


@pytest.mark.parametrize("path", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "http://SERVER/broken"])
async def test_a_connection_that_fails_says_so(workspace: Path, server: str, path: str) -> None:
    error = await failure(workspace, path.replace("SERVER", server), allow=["127.0.0.1"])
    assert (error.kind, error.retryable) == ("connection", True)
    assert error.message.endswith(".")


async def test_headers_that_cannot_be_sent(workspace: Path, server: str) -> None:
    error = await failure(workspace, f"http://{server}/", allow=[server], headers={"x": "a\r\nHost: b"})
    assert error.kind == "bad_request"


async def test_a_name_is_looked_up_once(workspace: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up could give an address that nobody checked (DNS rebinding)."""
    asked: list[object] = []
    real = socket.getaddrinfo

    def resolver(host: object, *args: Any, **options: Any) -> Any:
        if host == "rebinding.test":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *args, **options)
        return real(host, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    port = server.rpartition(":")[2]
    outputs = await run(workspace, f"http://rebinding.test:{port}/echo", allow=[server])
    assert outputs["json"]["headers"]["host"] == f"rebinding.test:{port}"
    assert asked == ["rebinding.test"]


async def test_the_certificate_must_be_the_names(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Signed by itself, for the name localhost; valid for a hundred years, and worth nothing outside of this test.
    certificate, key = (Path(__file__).with_name("tls") / name for name in ("certificate.pem", "key.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    shared_tls.cache_clear()
    with serving(tls) as address:
        port = address.rpartition(":")[2]
        assert (await run(workspace, f"https://localhost:{port}/echo", allow=["localhost"]))["status"] == 200
        assert names == ["localhost"]
        error = await failure(workspace, f"https://{address}/echo", allow=[address])
        assert (error.kind, "CERTIFICATE_VERIFY_FAILED" in error.message) == ("connection", True)
    shared_tls.cache_clear()


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://example.com/"},
        {"url": "example.com"},
        {"url": "http://user:pass@example.com/"},
        {"url": "http://example.com:99999/"},
        {"url": "http://example.com/", "method": "BREW"},
        {"url": "http://example.com/", "headers": {"Host": "x"}},
        {"url": "http://example.com/", "max_bytes": 0},
        {"url": "http://example.com/", "unknown": 1},
    ],
)
def test_fields_that_make_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpFields.model_validate(fields)


def test_references_may_stand_in_a_plans_fields() -> None:
    HttpFields.model_validate({"url": "${{ tasks.a.outputs.url }}", "headers": {"x": "Bearer ${{ secrets.KEY }}"}})


@pytest.mark.parametrize(("method", "retries"), [("GET", 2), ("put", 2), ("POST", 0), ("PATCH", 0)])
def test_only_what_may_be_repeated_is_tried_again(method: str, retries: int) -> None:
    assert Http.default_retries({"method": method}) == retries
    assert Http.default_retries({}) == 2


@pytest.mark.parametrize(
    "name", ["Content-Length", "content-length", "Transfer-Encoding", "Host", "Connection", "TE", "Expect", "Upgrade"]
)
def test_headers_of_the_framing_are_refused_when_planned(name: str) -> None:
    with pytest.raises(ValidationError, match=f"(?i)the {name} header"):
        HttpFields.model_validate(
            {"url": "https://example.com/", "method": "POST", "body": "x", "headers": {name: "1"}}
        )


async def test_an_answer_is_not_saved_where_a_link_has_taken_a_folders_place(tmp_path: Path) -> None:
    """What a task does between the look at the place and the write: the link is there already here."""
    (tmp_path / "elsewhere").mkdir()
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "sub").symlink_to(tmp_path / "elsewhere")

    async def chunks():
        yield b"x"

    with pytest.raises(TaskFailed) as caught:
        await save(chunks(), workspace, PurePosixPath("sub/file"), limit=10, mark="task")
    assert caught.value.kind == "not_saved"
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_an_error_quotes_no_piece_of_an_address_that_came_from_a_value(workspace: Path, server: str) -> None:
    error = await failure(workspace, f"http://{server}/redirect?302,http://h:s3cr3t-VALUE/", allow=[server])
    assert (error.kind, "s3cr3t" in error.message) == ("bad_url", False)


async def test_a_cut_through_a_secret_leaves_no_beginning_of_it(workspace: Path, server: str) -> None:
    body = "x" * (BODY_OUTPUT_BYTES - 8) + "T0p-s3cret-value"
    url = f"http://{server}/raw?text/plain"
    outputs = await run(workspace, url, allow=[server], method="POST", body=body, secrets=("T0p-s3cret-value",))
    assert outputs["body"].endswith("xxx***")
