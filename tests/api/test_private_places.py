"""Callers cannot name Signoff's own data as a path, and a workspace that became a link is not used."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from app.workspace.private_places import PrivatePlaces
from tests.api.answers import check_error, fields_of, refused
from tests.api.test_files import folder_of, raw, upload
from tests.conftest import Stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


@pytest.fixture
async def victim(signoff: Stack) -> Path:
    """The workspace of another project, with the log of a task in it."""
    project_id = await signoff.started("- Say: `echo all fine` {#say}")
    await signoff.finished(project_id)
    return folder_of(signoff, project_id)


async def test_a_path_that_has_to_do_with_the_data_folder_is_refused(signoff: Stack, victim: Path) -> None:
    data = signoff.settings.data_dir
    (signoff.root / "to_data").symlink_to(data)
    (signoff.root / "to_victim").symlink_to(victim)
    with subprocess.Popen(["/bin/sleep", "60"], cwd=data, stdin=subprocess.DEVNULL) as sleeper:
        bad = [
            data,
            data.parent,
            "/",
            data / "workspaces",
            victim,
            victim / ".signoff",
            victim / ".signoff" / "attempts",
            signoff.root / "to_data",
            signoff.root / "to_data" / "workspaces",
            signoff.root / "to_victim",
            f"{data}/",
            f"{data}/../data",
            f"/proc/self/root{data}",
            f"/proc/{sleeper.pid}/cwd",
            "/proc/self",
            "/proc",
            "/sys",
        ]
        mine = await signoff.create()
        try:
            for path in map(str, bad):
                body = await refused(signoff, "POST", "", 422, "validation_error", json={"path": path})
                assert (path, fields_of(body)) == (path, ["path"])
                assert "Signoff's own data" in body["message"] or path.startswith(("/proc", "/sys")), body["message"]
                await refused(signoff, "PUT", f"/{mine}", 422, "validation_error", json={"path": path})
        finally:
            sleeper.kill()


def test_a_database_outside_of_the_data_folder_is_private_too(tmp_path: Path) -> None:
    database = tmp_path / "databases" / "signoff.db"
    places = PrivatePlaces([tmp_path / "data", database])
    assert "contains" in (places.objection_to(tmp_path / "databases") or "")
    assert "contains" in (places.objection_to(tmp_path) or "")
    assert places.objection_to(tmp_path / "data-of-mine") is None
    assert places.objection_to(tmp_path / "databases" / "others") is None


async def test_a_workspace_that_became_a_link_is_neither_read_nor_written(signoff: Stack, tmp_path: Path) -> None:
    project_id = await signoff.create()
    (tmp_path / "secret.txt").write_text("secret")
    workspace = folder_of(signoff, project_id)
    workspace.rmdir()
    workspace.symlink_to(tmp_path)
    answer = await raw(signoff, project_id, "secret.txt")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "unsafe_workspace")
    answer = await upload(signoff, project_id, b"x", path="planted.txt")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "unsafe_workspace")
    assert (await signoff.call("GET", f"/{project_id}/output-files"))["files"] == []
    archive = zipfile.ZipFile(io.BytesIO((await signoff.http.get(f"/api/projects/{project_id}/download")).content))
    assert not [name for name in archive.namelist() if name.startswith("files/")]
    await refused(signoff, "POST", f"/{project_id}/duplicate", 409, "unsafe_workspace", json={"include_files": True})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.txt"]


@pytest.mark.parametrize("depth", ["the folder", "one above it"])
async def test_a_task_does_not_run_in_a_folder_that_became_a_link(signoff: Stack, tmp_path: Path, depth: str) -> None:
    above = signoff.root / tmp_path.name
    folder = above / "mine"
    folder.mkdir(parents=True)
    project_id = await signoff.planned("- Touch: `touch planted` {#touch}", path=str(folder))
    (tmp_path / "mine").mkdir()
    replaced, target = (folder, tmp_path / "mine") if depth == "the folder" else (above, tmp_path)
    replaced.rename(f"{replaced}-aside")
    replaced.symlink_to(target)
    await signoff.call("POST", f"/{project_id}/approve")
    project = await signoff.finished(project_id)
    assert project["tasks"][0]["error"]["type"] == "unsafe_workspace", project["tasks"]
    assert list((tmp_path / "mine").iterdir()) == []


async def test_a_folder_that_came_to_hold_the_data_folder_is_not_used(signoff: Stack, victim: Path) -> None:
    """A row of an older version, or a moved folder: a path that may not be named may not be used either."""
    folder = signoff.root / f"moved-{victim.name}"
    folder.mkdir()
    project_id = await signoff.planned("- Look: `cat .signoff/attempts/*/1/log` {#look}", path=str(folder))

    def altered(conn) -> None:
        conn.exec_driver_sql(f"UPDATE projects SET workspace = '{victim}' WHERE id = '{project_id}'")

    await signoff.database.transact(altered)
    answer = await raw(signoff, project_id, "x")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "unsafe_workspace")
    await signoff.call("POST", f"/{project_id}/approve")
    assert (await signoff.finished(project_id))["tasks"][0]["error"]["type"] == "unsafe_workspace"


async def test_signoffs_folder_of_a_project_within_is_out_of_reach(signoff: Stack, tmp_path: Path) -> None:
    outer = signoff.root / tmp_path.name
    inner = outer / "deep" / "inner"
    inner.mkdir(parents=True)
    victim = await signoff.started("- Say: `echo all fine` {#say}", path=str(inner))
    task = (await signoff.finished(victim))["tasks"][0]
    log = f"deep/inner/.signoff/attempts/{task['id']}/1/log"
    assert (outer / log).read_text() == "all fine\n"

    project_id = await signoff.create(path=str(outer))
    for path in (log, log.replace(".signoff", ".Signoff")):
        answer = await raw(signoff, project_id, path)
        assert (answer.status_code, check_error(answer)["code"]) == (422, "path_outside")
        answer = await upload(signoff, project_id, b"forged", path=path, overwrite="true")
        assert (answer.status_code, check_error(answer)["code"]) == (422, "path_outside")
    plan = f"- Take: `true` {{#take files={log}}}"
    await signoff.call("PUT", f"/{project_id}", json={"description": plan})
    body = await refused(
        signoff, "POST", f"/{project_id}/generate-plan", 422, "plan_invalid", headers={"Prefer": "wait=60"}
    )
    assert fields_of(body) == ["phases[0].tasks[0].expected_files"]

    # All files belong to this project; none comes from the other project's folder.
    copy = await signoff.create()
    inside = folder_of(signoff, copy) / "sub" / ".signoff"
    inside.mkdir(parents=True)
    (inside / "private").write_text("x")
    (folder_of(signoff, copy) / "sub" / "public").write_text("x")
    listed = (await signoff.call("GET", f"/{copy}/output-files"))["files"]
    assert [file["path"] for file in listed] == ["sub/public"]
    assert (outer / log).read_text() == "all fine\n"


async def test_a_copy_follows_no_link_and_leaves_private_folders_out(signoff: Stack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    project_id = await signoff.planned("- A: `true`")
    folder = folder_of(signoff, project_id)
    (folder / "sub" / ".signoff").mkdir(parents=True)
    (folder / "sub" / ".signoff" / "private").write_text("x")
    (folder / "sub" / "run.sh").write_text("true")
    (folder / "sub" / "run.sh").chmod(0o750)
    (folder / "link").symlink_to(tmp_path)
    (folder / "file").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    copied = await signoff.call("POST", f"/{project_id}/duplicate", status=201, json={"include_files": True})
    copy = folder_of(signoff, copied["id"])
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*")) == ["sub", "sub/run.sh"]
    assert (copy / "sub" / "run.sh").stat().st_mode & 0o777 == 0o750


async def test_a_data_folder_behind_a_link_of_the_administrator_works(signoff: Stack, tmp_path: Path) -> None:
    """Only what other users could have created is distrusted."""
    project_id = await signoff.started("- Say: `echo x > made` {#say}")
    await signoff.finished(project_id)
    (tmp_path / "link").symlink_to(signoff.settings.workspaces_dir)

    def altered(conn) -> None:
        path = tmp_path / "link" / project_id
        conn.exec_driver_sql(f"UPDATE projects SET workspace = '{path}' WHERE id = '{project_id}'")

    await signoff.database.transact(altered)
    assert (await raw(signoff, project_id, "made")).text == "x\n"
    assert (await upload(signoff, project_id, b"y", path="sent")).status_code == 200
    assert await asyncio.to_thread((folder_of(signoff, project_id) / "sent").read_text) == "y"
