"""Unusual file transfers: too long, oddly named, with impossible times, or interrupted."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from pathlib import Path
from time import monotonic

import pytest

from app.api.controllers import archive
from app.api.http import gateway
from app.domain.errors import Conflict
from tests.api.answers import check_error
from tests.conftest import Stack, eventually, running_stack

START = b'--abc\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
MULTIPART = "multipart/form-data; boundary=abc"


def folder_of(stack: Stack, project_id: str) -> Path:
    return stack.settings.workspaces_dir / project_id


async def send_for_ever(stack: Stack, project_id: str, beginning: bytes, length: str) -> bytes:
    """Send until the server closes the connection, and return the first line of its answer."""
    port = stack.settings.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/projects/{project_id}/files/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    writer.write(f"{head}Content-Type: {MULTIPART}\r\n{length}\r\n\r\n".encode())
    answer = asyncio.create_task(reader.readline())
    is_chunked = length.startswith("Transfer-Encoding")

    async def go_on() -> None:
        piece = beginning
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            await writer.drain()
            piece = b"x" * 65536

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(go_on(), 20)
    writer.close()
    return await answer


@pytest.mark.parametrize("beginning", [START, START + b"whole\r\n--abc--\r\n", b""], ids=["file", "behind", "before"])
@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 1000000000000"])
async def test_a_body_without_an_end_is_cut_off(
    temporal_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes, length: str
) -> None:
    monkeypatch.setattr(gateway, "LINGER_SECONDS", 0.2)
    async with running_stack(temporal_server, tmp_path, worker=False, max_upload=1_000_000) as stack:
        project_id = await stack.create()
        began = monotonic()
        answer = await send_for_ever(stack, project_id, beginning or b"\r\n", length)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert monotonic() - began < 10
        assert not [path for path in folder_of(stack, project_id).rglob("*") if path.is_file() and path.name[0] != "."]
        assert (await stack.http.get("/health")).status_code == 200


async def test_a_sender_who_goes_away_leaves_nothing(signoff: Stack) -> None:
    project_id = await signoff.create()
    port = signoff.settings.port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/projects/{project_id}/files/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    writer.write(f"{head}Content-Type: {MULTIPART}\r\nContent-Length: 9000000\r\n\r\n".encode() + START)
    aside = folder_of(signoff, project_id) / ".signoff/uploads"

    async def is_under_way() -> bool:
        return aside.is_dir() and bool(list(aside.iterdir()))

    async def is_gone() -> bool:
        return not list(aside.iterdir())

    await eventually(is_under_way, what="the upload has begun")
    writer.transport.abort()
    await eventually(is_gone, what="the upload is gone")
    assert not (folder_of(signoff, project_id) / "big").exists()


@pytest.mark.parametrize("name", ["2026-11-24T10:00.log", "what?.txt", "con.txt", " a ", "back\\slash", "tab\t", "~a"])
async def test_what_is_listed_can_be_had(signoff: Stack, name: str) -> None:
    project_id = await signoff.create()
    (folder_of(signoff, project_id) / name).write_text("content")
    listed = await signoff.call("GET", f"/{project_id}/output-files")
    assert [file["path"] for file in listed["files"]] == [name]
    answer = await signoff.http.get(f"/api/projects/{project_id}/files/raw", params={"path": name})
    assert (answer.status_code, answer.text) == (200, "content")


@pytest.mark.parametrize("at", [300_000_000_000, 2**62, -(2**40), -1])
async def test_a_file_of_any_time_is_listed_and_sent(signoff: Stack, at: int) -> None:
    project_id = await signoff.create()
    file = folder_of(signoff, project_id) / "file"
    file.write_text("x")
    os.utime(file, (at, at))
    for _ in range(2):
        listed = await signoff.call("GET", f"/{project_id}/output-files")
        assert [found["path"] for found in listed["files"]] == ["file"]
    answer = await signoff.http.get(f"/api/projects/{project_id}/files/raw?path=file")
    assert (answer.status_code, answer.text) == (200, "x")
    assert (await signoff.http.get(f"/api/projects/{project_id}/download")).status_code == 200


async def test_a_part_that_is_the_whole_is_a_part(signoff: Stack) -> None:
    project_id = await signoff.create()
    (folder_of(signoff, project_id) / "file").write_text("0123456789")
    path = f"/api/projects/{project_id}/files/raw?path=file"
    for wanted in ("bytes=0-", "bytes=0-9", "bytes=-10", "bytes=-99"):
        answer = await signoff.http.get(path, headers={"Range": wanted})
        assert (answer.status_code, answer.headers["content-range"]) == (206, "bytes 0-9/10"), wanted
    beyond = await signoff.http.get(path, headers={"Range": "bytes=10-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")


async def test_names_in_a_zip_lead_nowhere_else_on_any_system(signoff: Stack) -> None:
    project_id = await signoff.create()
    for name in ("..\\..\\evil", "C:evil", "\\evil"):
        (folder_of(signoff, project_id) / name).write_text("x")
    answer = await signoff.http.get(f"/api/projects/{project_id}/download")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {name for name in names if "evil" in name} == {"files/.._.._evil", "files/C:evil", "files/_evil"}
    assert not [name for name in names if "\\" in name]


async def test_a_zip_has_all_files_or_there_is_none(signoff: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = await signoff.create()
    for number in range(3):
        (folder_of(signoff, project_id) / str(number)).touch()
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    answer = await signoff.http.get(f"/api/projects/{project_id}/download")
    assert len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) == 5 + 3 + 3
    (folder_of(signoff, project_id) / "one more").touch()
    answer = await signoff.http.get(f"/api/projects/{project_id}/download")
    assert (answer.status_code, check_error(answer)["code"]) == (Conflict.status, "too_many_files")
