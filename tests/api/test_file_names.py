"""Files whose names are not UTF-8, and names that only look like them: each is listed, sent, and in the zip."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from app.workspace.file_names import as_text, with_bytes
from tests.conftest import Stack


def put(folder: Path, name: bytes, content: bytes) -> None:
    path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - pathlib has no paths of bytes
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


FILES = {
    b"bad\xffname.txt": b"1",
    b"d\xe9j\xe0/vu.txt": b"2",
    b"caf\xc3\xa9 \xf0.txt": b"3",
    b"plain \\xff.txt": b"4",
    b"caf\xc3\xa9.txt": b"5",
}
SHOWN = {
    "bad\\xffname.txt": b"1",
    "d\\xe9j\\xe0/vu.txt": b"2",
    "café \\xf0.txt": b"3",
    "plain \\xff.txt": b"4",
    "café.txt": b"5",
}


async def test_every_file_is_listed_and_sent(signoff: Stack) -> None:
    project_id = await signoff.create()
    for name, content in FILES.items():
        put(signoff.settings.workspaces_dir / project_id, name, content)
    for _ in range(2):  # the second time with the checksums that the first one stored
        listed = await signoff.call("GET", f"/{project_id}/output-files")
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in SHOWN.items()}
        assert {file["path"]: file["sha256"] for file in listed["files"]} == digests
        assert listed["truncated"] is False
    for path, content in SHOWN.items():
        answer = await signoff.http.get(f"/api/projects/{project_id}/files/raw", params={"path": path})
        assert (answer.status_code, answer.content) == (200, content), path
        assert answer.headers["content-type"].startswith("text/plain")


async def test_every_file_is_in_the_zip(signoff: Stack) -> None:
    project_id = await signoff.create()
    # All three get the same name in a zip, which has no backslashes.
    for name, content in {**FILES, b"bad_xffname.txt": b"6", b"bad\\xffname.md": b"7"}.items():
        put(signoff.settings.workspaces_dir / project_id, name, content)
    answer = await signoff.http.get(f"/api/projects/{project_id}/download")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        found = sorted(opened.read(name) for name in opened.namelist() if name.startswith("files/"))
        assert len(set(opened.namelist())) == len(opened.namelist())
    assert found == [str(number).encode() for number in range(1, 8)]


async def test_of_two_files_with_the_same_text_the_plain_one_is_meant(signoff: Stack) -> None:
    project_id = await signoff.create()
    put(signoff.settings.workspaces_dir / project_id, b"a\\xff.txt", b"plain")
    put(signoff.settings.workspaces_dir / project_id, b"a\xff.txt", b"stray byte")
    listed = await signoff.call("GET", f"/{project_id}/output-files")
    assert [file["path"] for file in listed["files"]] == ["a\\xff.txt"]
    answer = await signoff.http.get(f"/api/projects/{project_id}/files/raw", params={"path": "a\\xff.txt"})
    assert answer.content == b"plain"


@pytest.mark.parametrize("path", ["..\\xff/../x", "\\xff", ".signoff\\xff", "caf\\xc3\\xa9.txt"])
async def test_an_escape_opens_nothing_else(signoff: Stack, path: str) -> None:
    project_id = await signoff.create()
    put(signoff.settings.workspaces_dir / project_id, "café.txt".encode(), b"plain")
    answer = await signoff.http.get(f"/api/projects/{project_id}/files/raw", params={"path": path})
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize("name", [b"\xff", b"a\x80b", b"\xf0\x9f\x92", b"\xed\xa0\x80", b"x\xc3(", b"a/\xe9/b"])
def test_text_and_bytes_are_each_other(name: bytes) -> None:
    text = as_text(os.fsdecode(name))
    assert text.encode().decode() == text
    assert with_bytes(text) == os.fsdecode(name)


@pytest.mark.parametrize(
    "text", ["a", "\\x41", "\\xc3\\xa9", "\\xzz", "é", "\\", "\\x", "\\xff/../é".replace("\\xff", "")]
)
def test_other_texts_stand_for_themselves(text: str) -> None:
    assert with_bytes(text) is None
