"""Files in workspaces: how they get there, what is recorded about them, and which task made them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.database.database import Database
from app.domain.errors import Conflict, Invalid
from app.domain.file_paths import check_path, path_inside
from app.domain.identity import now
from app.workspace import files
from app.workspace.files import Origin, WorkspaceFile
from app.workspace.uploads import Placed, Upload
from tests.unit.conftest import new_project


def send(workspace: Path, path: str, content: bytes = b"x", *, overwrite: bool = False) -> Placed:
    upload = Upload(workspace)
    try:
        upload.write(content)
        return upload.place(check_path(path), overwrite=overwrite, repeated=False)
    finally:
        upload.close()


def file_at(at: str, path: str = "a") -> WorkspaceFile:
    """A file that was last written at the given time on one day in 2026."""
    seconds = int(at[:2]) * 3600 + int(at[3:5]) * 60 + float(at[6:])
    return WorkspaceFile(path, 1, (1_767_225_600_000 + round(seconds * 1000)) * 1_000_000, 0)


def window(start: str, end: str, task: str) -> tuple[str, str, str]:
    return f"2026-01-01T{start}.000Z", f"2026-01-01T{end}.000Z", task


def test_a_file_is_of_the_only_task_that_ran_when_it_was_written() -> None:
    windows = [
        window("10:00:00", "10:01:00", "first"),
        window("10:00:30", "10:02:00", "second"),
        window("10:02:00", "10:03:00", "third"),
        window("10:05:00", "10:06:00", "third"),
        window("10:05:30", "10:06:30", "third"),
        ("2026-01-01T10:10:00.000Z", "9999", "goes on"),
    ]
    made = Origin({"declared": "fourth"}, windows, None)
    expected = {
        "09:59:59.999": None,
        "10:00:00.000": "first",
        "10:00:29.999": "first",
        "10:00:30.000": None,
        "10:01:00.000": None,
        "10:01:00.001": "second",
        "10:02:00.000": None,
        "10:02:00.001": "third",
        "10:03:00.000": "third",
        "10:03:00.001": None,
        "10:05:45.000": "third",
        "10:06:15.000": "third",
        "10:07:00.000": None,
        "23:00:00.000": "goes on",
    }
    assert {at: made.maker_of(file_at(at)) for at in expected} == expected
    assert made.maker_of(file_at("10:00:00.000", "declared")) == "fourth"
    assert Origin({}, [], None).maker_of(file_at("10:00:00.000")) is None


async def test_a_checksum_does_not_replace_what_was_noted_after_its_file_was_read(database: Database) -> None:
    project_id = await database.transact(new_project)
    before = await database.read(lambda conn: files.known_of(conn, project_id))
    placed = Placed(3, "b" * 64, 2, 2)
    await database.transact(
        lambda conn: files.note_upload(conn, project_id, "both", placed, actor="ann", at="2026-01-01T00:00:00.000Z")
    )
    taken = {name: (WorkspaceFile(name, 1, 1, 1), "a" * 64) for name in ("both", "other")}
    await database.transact(lambda conn: files.note_checksums(conn, project_id, taken, before))
    known = await database.read(lambda conn: files.known_of(conn, project_id))
    assert (known["both"].sha256, known["both"].uploaded_by) == ("b" * 64, "ann")
    assert (known["other"].sha256, known["other"].uploaded) == ("a" * 64, False)


async def test_an_upload_stays_one_for_as_long_as_its_content_does(database: Database) -> None:
    project_id = await database.transact(new_project)
    placed = Placed(1, "a" * 64, 1, 1)
    await database.transact(
        lambda conn: files.note_upload(conn, project_id, "file", placed, actor="ann", at="2026-01-01T00:00:00.000Z")
    )

    async def take(sha256: str) -> files.Known:
        known = await database.read(lambda conn: files.known_of(conn, project_id))
        taken = {"file": (WorkspaceFile("file", 1, 7, 8), sha256)}
        await database.transact(lambda conn: files.note_checksums(conn, project_id, taken, known))
        return (await database.read(lambda conn: files.known_of(conn, project_id)))["file"]

    touched = await take("a" * 64)
    assert (touched.mtime_ns, touched.uploaded_by) == (7, "ann")
    written = await take("c" * 64)
    assert (written.sha256, written.uploaded) == ("c" * 64, False)


@pytest.mark.parametrize(
    ("there", "path"),
    [("Docs/a.txt", "docs/b.txt"), ("a/B/c", "a/b/c"), ("é.txt", "e\u0301.txt"), ("STRASSE", "straße")],
)
def test_nothing_is_named_like_another_but_for_case_or_accents(tmp_path: Path, there: str, path: str) -> None:
    send(tmp_path, there)
    with pytest.raises(Conflict) as refused:
        send(tmp_path, path, overwrite=True)
    assert refused.value.info.code == "file_exists_other_case"
    assert [file.as_posix() for file in tmp_path.rglob("*") if file.is_file() and ".signoff" not in file.parts] == [
        (tmp_path / there).as_posix()
    ]


def test_an_upload_is_like_a_file_that_a_task_makes(tmp_path: Path) -> None:
    (tmp_path / "made").touch()
    (tmp_path / "folder").mkdir()
    send(tmp_path, "sent/file")
    assert (tmp_path / "sent/file").stat().st_mode == (tmp_path / "made").stat().st_mode
    assert (tmp_path / "sent").stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert (tmp_path / ".signoff").stat().st_mode & 0o777 == 0o700


def test_an_upload_into_a_repository_leaves_nothing_but_the_file_in_its_status(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    send(tmp_path, "sent.txt")
    (tmp_path / ".signoff/uploads/one-in-progress").touch()
    status = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"], check=True, capture_output=True, text=True
    )
    assert status.stdout == "?? sent.txt\n"


def test_what_a_killed_app_has_left_of_an_upload_goes_after_a_day(tmp_path: Path) -> None:
    send(tmp_path, "a")
    aside = tmp_path / ".signoff/uploads"
    for name in ("old", "new"):
        (aside / name).touch()
    os.utime(aside / "old", (1_700_000_000, 1_700_000_000))
    send(tmp_path, "b")
    assert [path.name for path in aside.iterdir()] == ["new"]


@pytest.mark.parametrize("path", [".\u017fignoff/x", ".Signoff/x", ".signoff"])
def test_the_private_folder_is_known_however_it_is_written(path: str) -> None:
    for check in (check_path, path_inside):
        with pytest.raises(Invalid) as refused:
            check(path)
        assert refused.value.info.code == "path_outside"


@pytest.mark.parametrize("path", ["2026-11-24T10:00.log", "con", "a\\b", " a ", "what?.txt", "tab\t", "~notes", "ö"])
def test_what_tasks_may_name_their_files_can_be_read(path: str) -> None:
    assert path_inside(f"sub/{path}") == ("sub", path)


@pytest.mark.parametrize("path", ["", "/a", "..", "a/../b", "a//b", "./a", "a/", "a\0b", "x" * 1025])
def test_what_leads_elsewhere_can_not(path: str) -> None:
    with pytest.raises(Invalid):
        path_inside(path)


def test_times_that_no_date_can_tell_are_told_as_nearly_as_possible() -> None:
    assert WorkspaceFile("a", 1, 2**63 - 1, 0).modified_at.startswith("2262-")
    assert WorkspaceFile("a", 1, -(2**63) + 1, 0).modified_at.startswith("1677-")
    assert now() > WorkspaceFile("a", 1, -1, 0).modified_at == "1969-12-31T23:59:59.999Z"
