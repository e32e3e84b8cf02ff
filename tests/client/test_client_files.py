"""The client uploads and downloads files: whole, in parts, across lost connections, with constant memory use."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import zipfile
from pathlib import Path

import pytest

from signoff import AsyncSignoff, Conflict, RangeNotSatisfiable, Signoff
from tests.client.proxy import Proxy
from tests.conftest import Stack
from tests.e2e.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

LOGGING = "# Log\n\n- Talk: `echo one; until test -e go; do sleep 0.05; done; echo two` {#talk}\n"


async def test_files_are_uploaded_and_downloaded(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.create("")
    source = tmp_path / "data.bin"
    source.write_bytes(bytes(range(256)) * 1000)
    async with AsyncSignoff(signoff.url) as client:
        uploaded = await client.files.upload(project, source, path="in/data.bin")
        assert (uploaded.path, uploaded.size) == ("in/data.bin", 256_000)
        assert uploaded.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
        with pytest.raises(Conflict):
            await client.files.upload(project, b"other", path="in/data.bin")
        await client.files.upload(project, b"small", path="note.txt")
        await client.files.upload(project, b"new", path="note.txt", overwrite=True)
        assert await client.files.read(project, "note.txt") == b"new"
        assert await client.files.read(project, "in/data.bin", start=10, end=14) == bytes([10, 11, 12, 13])
        with pytest.raises(RangeNotSatisfiable):
            await client.files.read(project, "note.txt", start=100)
        assert {file.path for file in (await client.files.list(project)).files} == {"in/data.bin", "note.txt"}
        assert await client.files.download(project, "in/data.bin", tmp_path / "back") == 256_000
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        assert await client.projects.download(project, tmp_path / "all.zip") > 0
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            assert any(name.endswith("files/note.txt") for name in archive.namelist())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.zip", "back", "data.bin"]


async def test_a_download_resumes_where_the_connection_was_lost(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.create("")
    content = os.urandom(3_000_000)
    async with AsyncSignoff(signoff.url) as direct:
        await direct.files.upload(project, content, path="big")
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        proxy.cut_after(1_000_000)
        assert await client.files.download(project, "big", tmp_path / "big") == len(content)
        assert proxy.cuts == 1
        assert proxy.passed < len(content) + 200_000, "it started over"
    assert (tmp_path / "big").read_bytes() == content


async def test_a_log_is_read_and_followed(signoff: Stack) -> None:
    project = await signoff.started(LOGGING)
    await signoff.task_in(project, "talk", "running")
    workspace = Path((await signoff.project(project))["workspace"])
    pieces: list[str] = []
    async with AsyncSignoff(signoff.url) as client:
        async for piece in client.tasks.follow_log(project, "talk"):
            pieces.append(piece)
            (workspace / "go").touch()
        assert "one" in "".join(pieces)
        assert "two" in "".join(pieces)
        assert "".join(pieces) == await client.tasks.log(project, "talk")


async def test_files_and_logs_by_command(signoff: Stack, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})
    project = await signoff.started("# Say\n\n- Say: `printf 'a\\033b' ` {#say}\n")
    await signoff.finished(project)
    (tmp_path / "note.txt").write_text("hello")
    assert (await cli("files", "upload", project, "note.txt", "--path", "sub/note.txt")).out.startswith("sub/note.txt")
    assert "sub/note.txt" in (await cli("files", "list", project)).out
    assert (await cli("files", "get", project, "sub/note.txt", "-o", "-")).out == "hello"
    got = await cli("files", "get", project, "sub/note.txt", "-o", "copy.txt")
    assert (got.code, (tmp_path / "copy.txt").read_text()) == (0, "hello")
    missing = await cli("files", "get", project, "nowhere")
    assert (missing.code, missing.err.startswith("Error: ")) == (1, True)
    assert "a\\x1bb" in (await cli("tasks", "logs", project, "say")).out
    assert (await cli("projects", "download", project, "-o", "all.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None


async def test_memory_stays_constant(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.create("")
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(80 * 1024 * 1024)

    def work() -> None:
        with Signoff(signoff.url) as client:
            client.files.upload(project, source)
            client.files.download(project, "large", tmp_path / "back")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await asyncio.to_thread(work)
    # Client and app share this process.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024
    assert (tmp_path / "back").stat().st_size == 80 * 1024 * 1024


def test_an_upload_is_read_again_for_each_attempt() -> None:
    from signoff._requests import Upload  # noqa: PLC0415

    upload = Upload(b"abc", "name", {})
    for _ in range(2):
        with upload.open() as content:
            assert content.read() == b"abc"
