"""Other users of the machine cannot read anything in the data folder."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.private_files import MARKER, keep_private
from app.settings import Settings
from tests.second_user import as_second_user

OURS = ("signoff.db", "signoff.db-wal", "signoff.db-shm", "temporal.db", "up.lock", "logs/app.log", "logs/app.log.1")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder as earlier versions left it, in a place that is open to everybody, unlike pytest's own folders."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        folder = Path(made) / "data"
        (folder / "logs").mkdir(parents=True)
        (folder / "workspaces").mkdir()
        for name in OURS:
            (folder / name).write_text("for the owner only")
        yield folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_exists_is_closed_to_others(data: Path) -> None:
    assert as_second_user("cat", str(data / "signoff.db")).returncode == 0
    assert keep_private(Settings(data_dir=data)) == []
    assert {name: mode(data / name) for name in OURS} == dict.fromkeys(OURS, 0o600)
    assert {mode(data / name) for name in (".", "logs", "workspaces")} == {0o700}
    for command in (("cat", str(data / "signoff.db")), ("ls", str(data)), ("cat", str(data / "logs" / "app.log"))):
        assert as_second_user(*command).returncode != 0, command


def test_what_is_written_afterwards_is_for_the_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    assert keep_private(Settings(data_dir=data)) == []
    with sqlite3.connect(data / "signoff.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
        made = {path.name: mode(path) for path in data.iterdir()}
    assert made == dict.fromkeys((MARKER, "signoff.db", "signoff.db-wal", "signoff.db-shm"), 0o600)
    assert mode(data) == 0o700


def test_a_folder_that_holds_other_things_stays_as_it_is_and_is_named(data: Path) -> None:
    (data / "thesis.txt").write_text("mine")
    for _ in range(2):
        (message,) = keep_private(Settings(data_dir=data))
        assert f"chmod go= {data}" in message
    assert (mode(data), mode(data / "thesis.txt")) == (0o755, 0o644)
    assert {mode(data / name) for name in OURS} == {0o600}
    assert mode(data / "workspaces") == 0o700


def test_a_folder_that_was_once_ours_alone_stays_closed(data: Path) -> None:
    keep_private(Settings(data_dir=data))
    (data / "thesis.txt").write_text("mine")
    data.chmod(0o755)
    assert keep_private(Settings(data_dir=data)) == []
    assert mode(data) == 0o700


def test_links_are_not_followed(data: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (data / "workspaces").rmdir()
    (data / "workspaces").symlink_to(outside)
    (message,) = keep_private(Settings(data_dir=data))
    assert "is a link" in message
    assert mode(outside) == 0o755


def test_a_database_elsewhere_is_closed_too(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    elsewhere.write_text("")
    keep_private(Settings(data_dir=tmp_path / "data", database_url=f"sqlite+aiosqlite:///{elsewhere}"))
    assert mode(elsewhere) == 0o600


@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "1", "--host", "192.0.2.1"], ["worker"]])
def test_every_process_closes_the_folder(data: Path, command: list[str]) -> None:
    """Also if a command then fails to start: `serve` has no key, `worker` no workspaces."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    for name in OURS:
        if name != "up.lock":
            (data / name).unlink()
    subprocess.run(
        [sys.executable, "-m", "app.cli", *command],
        env=environment | {"SIGNOFF_DATA_DIR": str(data)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert mode(data) == 0o700
    assert {mode(path) for path in data.iterdir() if path.is_file()} == {0o600}
