"""What `signoff up` does before its parts start: the database, the workspaces folder, and looking whether parts are ready."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from app.storage.migrate import is_current
from app.supervisor.errors import StackError
from app.supervisor.looking import has_worker, listens
from app.supervisor.preparing import prepare_for_start
from app.workspace.workspaces import workspaces_of
from tests.conftest import free_port
from tests.unit.conftest import plain, url_of
from tests.unit.test_storage_migrations import migrate_to

MIGRATE = [sys.executable, "-P", "-m", "app.cli", "migrate"]
# Fails a test that should need no other process.
NO_COMMAND = ["/bin/false"]


def settings_at(folder: Path, **values: str) -> Settings:
    return Settings(data_dir=folder / "data", **values)  # pyright: ignore[reportArgumentType] - texts, as in the environment


async def test_a_new_folder_is_prepared_without_another_process(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    for _ in range(2):
        await prepare_for_start(settings, NO_COMMAND)
        assert is_current(settings.effective_database_url)
        workspaces_of(settings).check_marker()


async def test_an_older_file_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    settings.data_dir.mkdir()
    migrate_to(settings.own_database_file, "0008")
    with plain(settings.own_database_file) as connection:
        connection.execute(
            "INSERT INTO tombstones (project_id, deleted_at, deleted_by, event, head) VALUES ('proj_x', 't', 'ann', '{}', 'h')"
        )
        connection.commit()
    await prepare_for_start(settings, MIGRATE)
    assert is_current(settings.effective_database_url)
    with plain(settings.own_database_file) as connection:
        assert connection.execute("SELECT project_id FROM tombstones").fetchall() == [("proj_x",)]


async def test_a_database_that_a_setting_names_is_migrated(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, database_url=url_of(tmp_path / "other.db"))
    await prepare_for_start(settings, MIGRATE)
    assert is_current(settings.effective_database_url)
    assert not settings.own_database_file.exists()
    workspaces_of(settings).check_marker()


async def test_a_file_that_is_no_database_is_named_with_the_reason(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    settings.data_dir.mkdir()
    settings.own_database_file.write_text("notes " * 1000)
    with pytest.raises(StackError) as refusal:
        await prepare_for_start(settings, MIGRATE)
    assert str(refusal.value).startswith(
        f"The database sqlite+aiosqlite:///{settings.own_database_file} or the folder "
    )
    assert str(refusal.value).endswith("cannot be used: file is not a database")


async def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, database_url="postgresql://me:hidden@127.0.0.1:1/signoff")
    with pytest.raises(StackError) as refusal:
        await prepare_for_start(settings, MIGRATE)
    assert "hidden" not in str(refusal.value)
    assert "me:***@127.0.0.1:1/signoff" in str(refusal.value)
    logs = list((settings.data_dir / "logs").iterdir())
    assert [log.name for log in logs] == ["migrate.log"]
    assert "hidden" not in logs[0].read_text()


async def test_only_a_port_that_accepts_connections_is_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await listens(f"127.0.0.1:{server.getsockname()[1]}")
    assert not await listens(f"127.0.0.1:{free_port()}")


ANSWERS = {
    'HTTP/1.1 200 OK\r\n\r\n{"checks": {"workers": 1}}': True,
    'HTTP/1.1 200 OK\r\n\r\n{"checks": {"workers": 0}}': False,
    'HTTP/1.1 503 Service Unavailable\r\n\r\n{"checks": {"workers": 1}}': False,
    'HTTP/1.1 200 OK\r\n\r\n{"checks": "none"}': False,
    "HTTP/1.1 200 OK\r\n\r\n[]": False,
    "SSH-2.0-another\r\n": False,
    "": False,
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.items(), ids=map(str, range(len(ANSWERS))))
async def test_only_an_app_that_names_a_worker_is_ready(answer: str, expected: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /ready HTTP/1.0\r\n")
        writer.write(answer.encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await has_worker(f"http://127.0.0.1:{port}") is expected
    assert not await has_worker(f"http://127.0.0.1:{free_port()}")
