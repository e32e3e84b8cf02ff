"""Upload, download and list files: complete or not at all, and never outside the workspace."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.files import measure
from tests.api.answers import check_error, refused
from tests.conftest import Stack, running_stack

pytestmark = pytest.mark.usefixtures("plans_without_workflow")


async def upload(
    stack: Stack, project_id: str, content: bytes, name: str = "data.txt", **fields: str
) -> httpx.Response:
    return await stack.http.post(
        f"/api/projects/{project_id}/files/upload", files={"file": (name, content)}, data=fields
    )


async def raw(stack: Stack, project_id: str, path: str, **headers: str) -> httpx.Response:
    return await stack.http.get(f"/api/projects/{project_id}/files/raw", params={"path": path}, headers=headers)


def folder_of(stack: Stack, project_id: str) -> Path:
    return stack.settings.workspaces_dir / project_id


async def test_an_upload_is_there_whole_with_its_checksum_and_event(signoff: Stack) -> None:
    project_id = await signoff.create()
    content = os.urandom(3_000_000)
    answer = await upload(signoff, project_id, content, path="sub/deep/data.bin")
    assert answer.status_code == 200, answer.text
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json() == {
        "success": True,
        "path": "sub/deep/data.bin",
        "size": len(content),
        "name": "data.bin",
        "sha256": digest,
    }
    assert (folder_of(signoff, project_id) / "sub/deep/data.bin").read_bytes() == content
    assert (await raw(signoff, project_id, "sub/deep/data.bin")).content == content
    event = (await signoff.events(project_id))[-1]
    assert (event["type"], event["data"]) == (
        "file.uploaded",
        {"path": "sub/deep/data.bin", "size": len(content), "sha256": digest},
    )
    listed = await signoff.call("GET", f"/{project_id}/output-files")
    assert [(f["path"], f["kind"], f["sha256"], f["size"]) for f in listed["files"]] == [
        ("sub/deep/data.bin", "upload", digest, len(content))
    ]
    assert (listed["total"], listed["total_size"], listed["truncated"]) == (1, len(content), False)
    # No other file remains.
    assert list((folder_of(signoff, project_id) / ".signoff/uploads").iterdir()) == []


async def test_a_file_that_is_there_is_replaced_only_where_that_is_said(signoff: Stack) -> None:
    project_id = await signoff.create()
    assert (await upload(signoff, project_id, b"first")).status_code == 200
    answer = await upload(signoff, project_id, b"second")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "file_exists")
    assert (await raw(signoff, project_id, "data.txt")).content == b"first"
    assert (await upload(signoff, project_id, b"second", overwrite="true")).status_code == 200
    assert (await raw(signoff, project_id, "data.txt")).content == b"second"
    answer = await upload(signoff, project_id, b"x", path="DATA.txt")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "file_exists_other_case")
    (folder_of(signoff, project_id) / "folder").mkdir()
    answer = await upload(signoff, project_id, b"x", path="folder", overwrite="true")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "not_a_file")
    answer = await upload(signoff, project_id, b"x", path="data.txt/below")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "unsafe_path")


async def test_a_part_without_a_file_name_needs_a_path(signoff: Stack) -> None:
    project_id = await signoff.create()
    part = 'Content-Disposition: form-data; name="file"'
    body = f"--b\r\n{part}\r\n\r\nabc\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await signoff.http.post(f"/api/projects/{project_id}/files/upload", content=body, headers=headers)
    assert (answer.status_code, check_error(answer)["code"]) == (422, "bad_path")
    assert "Send the path in the field `path`" in answer.json()["message"]


BAD_PATHS = [
    "../escape",
    "/etc/passwd",
    "a/../../b",
    "..",
    "a/..",
    "~/x",
    "C:/x",
    "a\\b",
    ".signoff/x",
    ".SIGNOFF/x",
    "a//b",
    "./a",
    "a/",
    "/",
    "a\nb",
    "a\u202eb",
    "con",
    "NUL.txt",
    "com1",
    "a.",
    " a",
    "a ",
    "x" * 256,
    "d/" * 600 + "x",
    "a:b",
    "a*b",
    "a?b",
]


@pytest.mark.parametrize("path", BAD_PATHS)
async def test_paths_that_are_no_plain_names_inside_are_refused(signoff: Stack, path: str) -> None:
    project_id = await signoff.create()
    answer = await upload(signoff, project_id, b"x", path=path)
    assert answer.status_code == 422, answer.text
    assert check_error(answer)["code"] in {"bad_path", "path_outside"}
    answer = await raw(signoff, project_id, path)
    assert answer.status_code in {404, 422}, answer.text
    assert not (signoff.settings.workspaces_dir / "escape").exists()


async def test_links_are_not_followed(signoff: Stack) -> None:
    project_id = await signoff.create()
    folder = folder_of(signoff, project_id)
    outside = signoff.root / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret").write_text("secret")
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    os.mkfifo(folder / "pipe")
    for path in ("link/secret", "file", "pipe", "link"):
        assert (await raw(signoff, project_id, path)).status_code == 404
    answer = await upload(signoff, project_id, b"x", path="link/new")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "unsafe_path")
    answer = await upload(signoff, project_id, b"x", path="file", overwrite="true")
    assert (answer.status_code, check_error(answer)["code"]) == (409, "not_a_file")
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "secret"
    assert (await signoff.call("GET", f"/{project_id}/output-files"))["files"] == []
    archive = zipfile.ZipFile(io.BytesIO((await signoff.http.get(f"/api/projects/{project_id}/download")).content))
    assert [name for name in archive.namelist() if name.startswith("files/")] == []


async def test_bodies_that_are_no_upload_are_refused(signoff: Stack) -> None:
    project_id = await signoff.create()
    url = f"/api/projects/{project_id}/files/upload"

    async def sent(status: int, **request: Any) -> None:
        answer = await signoff.http.post(url, **request)
        assert answer.status_code == status, answer.text
        check_error(answer)

    await sent(415, json={"file": "x"})
    await sent(415, content=b"x", headers={"Content-Type": "application/octet-stream"})
    await sent(415, content=b"x", headers={"Content-Type": "multipart/form-data"})
    await sent(400, content=b"x", headers={"Content-Type": "multipart/form-data; boundary=abc"})
    half = b'--abc\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
    await sent(400, content=half, headers={"Content-Type": "multipart/form-data; boundary=abc"})
    await sent(422, files={"other": ("a", b"x")})
    await sent(422, files=[("file", ("a", b"x")), ("file", ("b", b"y"))])
    await sent(422, files={"file": ("a", b"x")}, data={"overwrite": "perhaps"})
    await sent(422, files={"file": ("a", b"x")}, data={"path": "x" * 5000})
    await sent(422, files={"file": ("", b"x")}, data={"color": "red"})
    assert await asyncio.to_thread(lambda: [p.name for p in folder_of(signoff, project_id).iterdir()]) in (
        [],
        [".signoff"],
    )
    await refused(signoff, "POST", "/proj_nothing/files/upload", 404, files={"file": ("a", b"x")})


async def test_a_file_over_the_limit_leaves_nothing(temporal_server, tmp_path: Path) -> None:
    async with running_stack(temporal_server, tmp_path, worker=False, max_upload=1_000_000) as stack:
        project_id = await stack.create()
        assert (await upload(stack, project_id, b"x" * 1_000_000)).status_code == 200
        answer = await upload(stack, project_id, b"x" * 1_000_001, name="big")
        assert (answer.status_code, check_error(answer)["code"]) == (413, "too_large")

        async def endless():
            yield b'--abc\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
            for _ in range(200):
                yield b"x" * 65536

        headers = {"Content-Type": "multipart/form-data; boundary=abc"}
        answer = await stack.http.post(f"/api/projects/{project_id}/files/upload", content=endless(), headers=headers)
        assert answer.status_code == 413
        folder = stack.settings.workspaces_dir / project_id
        assert not (folder / "big").exists()
        assert list((folder / ".signoff/uploads").iterdir()) == []


async def test_parts_of_a_file(signoff: Stack) -> None:
    project_id = await signoff.create()
    content = bytes(range(256)) * 40
    await upload(signoff, project_id, content)
    whole = await raw(signoff, project_id, "data.txt")
    tag = whole.headers["etag"]
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    for wanted, start, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, 10240),
        ("bytes=-7", 10233, 10240),
        ("bytes=10239-20000", 10239, 10240),
    ):
        answer = await raw(signoff, project_id, "data.txt", Range=wanted)
        assert (answer.status_code, answer.content) == (206, content[start:end]), wanted
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(content)}"
    for odd in ("bytes=0-1,5-6", "lines=1-2", "bytes=x-", "bytes=9-3", "bytes=-"):
        assert (await raw(signoff, project_id, "data.txt", Range=odd)).status_code == 200
    for beyond in ("bytes=10240-", "bytes=999999-1000000", "bytes=-0"):
        answer = await raw(signoff, project_id, "data.txt", Range=beyond)
        assert (answer.status_code, check_error(answer)["context"]["size"]) == (416, len(content))
    assert (await raw(signoff, project_id, "data.txt", **{"If-None-Match": tag})).status_code == 304
    assert (await raw(signoff, project_id, "data.txt", **{"If-None-Match": f'"x", W/{tag}'})).status_code == 304
    assert (await raw(signoff, project_id, "data.txt", **{"If-None-Match": '"x"'})).status_code == 200
    kept = {"Range": "bytes=0-1", "If-Range": tag}
    assert (await raw(signoff, project_id, "data.txt", **kept)).status_code == 206
    await upload(signoff, project_id, content + b"!", overwrite="true")
    assert (await raw(signoff, project_id, "data.txt", **kept)).status_code == 200
    assert (await raw(signoff, project_id, "data.txt", **{"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.html", "text/html", "attachment"),
        ("a.svg", "image/svg+xml", "attachment"),
        ("a.js", "text/javascript", "attachment"),
        ("a.xml", "text/xml", "attachment"),
        ("a.xhtml", "application/xhtml+xml", "attachment"),
        ("a.png", "image/png", "inline"),
        ("a.csv", "text/csv", "inline"),
        ("a", "application/octet-stream", "inline"),
        ("ä b.pdf", "application/pdf", "inline"),
    ],
)
async def test_nothing_that_a_browser_would_carry_out_is_shown(
    signoff: Stack, name: str, content_type: str, kind: str
) -> None:
    project_id = await signoff.create()
    (folder_of(signoff, project_id) / name).write_text("x")
    answer = await raw(signoff, project_id, name)
    assert answer.headers["content-type"].split(";")[0] in {content_type, content_type.replace("text/", "application/")}
    assert answer.headers["content-disposition"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_files_tell_which_task_made_them(signoff: Stack) -> None:
    told = "- Told: `echo a > told.txt; sleep 0.2` {#told files=told.txt}"
    seen = "- Seen: `sleep 0.1; echo b > seen.txt; sleep 0.1` {#seen after=told}"
    project_id = await signoff.started(f"{told}\n{seen}")
    project = await signoff.finished(project_id)
    ids = {task["key"]: task["id"] for task in project["tasks"]}
    await upload(signoff, project_id, b"mine", name="mine.txt")
    listed = await signoff.call("GET", f"/{project_id}/output-files")
    found = {f["path"]: (f["kind"], f["task_id"]) for f in listed["files"] if f["kind"] != "log"}
    assert found == {
        "told.txt": ("output", ids["told"]),
        "seen.txt": ("output", ids["seen"]),
        "mine.txt": ("upload", None),
    }
    logs = [f for f in listed["files"] if f["kind"] == "log"]
    assert {f["task_id"] for f in logs} == set(ids.values())
    assert (await raw(signoff, project_id, logs[0]["path"])).status_code == 200
    for path in (
        ".signoff/attempts",
        f".signoff/attempts/{ids['told']}/1/output",
        ".signoff/uploads",
        ".signoff/attempts/../x/1/log",
    ):
        assert (await raw(signoff, project_id, path)).status_code in {404, 422}


async def test_of_a_named_folder_only_what_the_project_made_is_listed(signoff: Stack) -> None:
    folder = signoff.root / "repository"
    (folder / ".git").mkdir(parents=True)
    for name in ("old.txt", ".git/config"):
        (folder / name).write_text("old")
        os.utime(folder / name, (1_600_000_000, 1_600_000_000))
    project_id = await signoff.started("- Make: `echo new > new.txt; echo x > .git/new` {#make}", path=str(folder))
    await signoff.finished(project_id)
    listed = await signoff.call("GET", f"/{project_id}/output-files")
    assert [f["path"] for f in listed["files"] if f["kind"] == "output"] == ["new.txt"]


async def test_download_has_the_workspace_and_the_record(signoff: Stack) -> None:
    project_id = await signoff.started(
        "- Make: `mkdir sub; echo x > sub/made.txt` {#make}", name='Weekly "report": Ä/ö'
    )
    await signoff.finished(project_id)
    answer = await signoff.http.get(f"/api/projects/{project_id}/download")
    assert answer.headers["content-type"] == "application/zip"
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert names[:5] == ["project.json", "plan.json", "tasks.json", "events.jsonl", "decisions.json"]
    assert "files/sub/made.txt" in names
    assert not any(".signoff" in name for name in names)
    assert archive.read("files/sub/made.txt") == b"x\n"
    assert json.loads(archive.read("project.json"))["id"] == project_id
    assert [task["key"] for task in json.loads(archive.read("tasks.json"))] == ["make"]
    lines = archive.read("events.jsonl").decode().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert json.loads(archive.read("decisions.json"))["decisions"][0]["kind"] == "generate"
    draft = await signoff.create()
    archive = zipfile.ZipFile(io.BytesIO((await signoff.http.get(f"/api/projects/{draft}/download")).content))
    assert json.loads(archive.read("plan.json")) is None
    await refused(signoff, "GET", "/proj_nothing/download", 404)


async def test_a_reader_that_goes_away_stops_the_sending(signoff: Stack) -> None:
    project_id = await signoff.create()
    (folder_of(signoff, project_id) / "large").write_bytes(os.urandom(50_000_000))
    for path in ("files/raw?path=large", "download"):
        async with signoff.http.stream("GET", f"/api/projects/{project_id}/{path}") as answer:
            async for _ in answer.aiter_raw():
                break
    await signoff.call("DELETE", f"/{project_id}")


async def test_an_upload_may_be_repeated(signoff: Stack) -> None:
    project_id = await signoff.create()
    url, key = f"/api/projects/{project_id}/files/upload", {"Idempotency-Key": "upload-1"}
    first = await signoff.http.post(url, files={"file": ("a.txt", b"x")}, headers=key)
    again = await signoff.http.post(url, files={"file": ("a.txt", b"x")}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await signoff.http.post(url, files={"file": ("a.txt", b"y")}, headers=key)
    assert (other.status_code, check_error(other)["code"]) == (422, "idempotency_key_reused")


async def test_a_workspace_that_is_gone_is_no_500(signoff: Stack) -> None:
    project_id = await signoff.create()
    folder_of(signoff, project_id).rmdir()
    assert (await signoff.call("GET", f"/{project_id}/output-files"))["files"] == []
    assert (await raw(signoff, project_id, "x")).status_code == 404
    answer = await upload(signoff, project_id, b"x")
    assert (answer.status_code, check_error(answer)["code"]) == (404, "no_workspace")
    assert (await signoff.http.get(f"/api/projects/{project_id}/download")).status_code == 200


async def test_a_large_file_takes_no_more_memory_than_a_small_one() -> None:
    """Runs in a separate app process. The full 2 GiB test is `python -m benchmarks.files`."""
    for figure in await measure(100):
        assert figure.memory < 60, figure
