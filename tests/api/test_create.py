"""Creating projects: defaults, limits, and hostile or clumsy input."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.answers import JSON, fields_of, refused
from tests.conftest import Stack

DEFAULTS = {
    "name": "Untitled",
    "description": "",
    "strategy": "performance",
    "auto_approve_plan": False,
    "auto_approve_phases": True,
    "decision_mode": "agent",
    "path": None,
    "agent_id": None,
    "sme_archetype": None,
}


@pytest.mark.parametrize(
    "request_", [{}, {"json": {}}, {"content": b""}, {"content": b"", "headers": {"Content-Type": "text/plain"}}]
)
async def test_everything_is_optional_the_body_too(signoff: Stack, request_: dict[str, Any]) -> None:
    project = await signoff.call("POST", "", status=201, **request_)
    assert {name: project[name] for name in DEFAULTS} == DEFAULTS
    assert (project["status"], project["stage"]) == ("pending", "draft")
    assert (project["plan"], project["phases"], project["tasks"], project["run"]) == (None, [], [], None)
    assert re.fullmatch(r"proj_[0-9a-hjkmnp-tv-z]{26}", project["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", project["created_at"])
    assert project["updated_at"] == project["created_at"]
    assert Path(project["workspace"]).is_dir()
    assert project == await signoff.project(project["id"])


async def test_values_are_kept_as_they_came(signoff: Stack) -> None:
    given = {
        "name": "N" * 199 + "💩",
        "description": "d" * 99_999 + "ß",
        "strategy": "careful",
        "auto_approve_plan": True,
        "auto_approve_phases": False,
        "decision_mode": "human",
    }
    project = await signoff.call("POST", "", status=201, json=given)
    assert {name: project[name] for name in given} == given


BAD_VALUES = [
    ("name", "x" * 201),
    ("name", 5),
    ("name", ["x"]),
    ("name", "a\x00b"),
    ("description", "x" * 100_001),
    ("description", "\x00"),
    ("description", {}),
    ("strategy", "fast"),
    ("strategy", 1),
    ("auto_approve_plan", "yes"),
    ("auto_approve_plan", 1),
    ("auto_approve_plan", []),
    ("auto_approve_phases", "false"),
    ("auto_approve_phases", 0),
    ("decision_mode", "robot"),
    ("agent_id", "x" * 65),
    ("agent_id", "nobody"),
    ("agent_id", 7),
    ("sme_archetype", "nobody"),
    ("sme_archetype", "\x00"),
    ("path", 1),
    ("path", "x" * 4097),
    ("path", "\x00"),
    ("id", "proj_mine"),
    ("status", "running"),
    ("nmae", "x"),
    ("", 1),
]


@pytest.mark.parametrize(
    ("field", "value"), BAD_VALUES, ids=[f"{name}={str(value)[:12]!r}" for name, value in BAD_VALUES]
)
async def test_a_bad_value_is_refused_and_named(signoff: Stack, field: str, value: Any) -> None:
    body = await refused(signoff, "POST", "", 422, "validation_error", json={field: value})
    assert fields_of(body) == [field or "body"]


async def test_all_problems_are_told_at_once(signoff: Stack) -> None:
    given = {"name": 5, "strategy": "fast", "decision_mode": [], "unknown": 1}
    body = await refused(signoff, "POST", "", 422, json=given)
    assert sorted(fields_of(body)) == sorted(given)
    assert "(and 3 more)" in body["message"]


NOT_JSON = {
    "truncated": b'{"name": "x"',
    "two values": b"{} {}",
    "blank": b" ",
    "NaN": b'{"name": NaN}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone surrogate, then text": b'{"name": "\\udc80 more text"}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "Latin-1": '{"name": "Ä"}'.encode("latin-1"),
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep in a field": b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long number": b'{"name": ' + b"9" * 10_000 + b"}",
    "control character": b'{"name": "a\nb"}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_not_json_is_a_bad_request(signoff: Stack, content: bytes) -> None:
    await refused(signoff, "POST", "", 400, "bad_request", content=content, headers=JSON)


@pytest.mark.parametrize("content", [b"null", b"[]", b'"text"', b"7", b"true", b"[{}]"])
async def test_json_that_is_no_object_is_refused(signoff: Stack, content: bytes) -> None:
    body = await refused(signoff, "POST", "", 422, "validation_error", content=content, headers=JSON)
    assert fields_of(body) == ["body"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "json",
        "application/jsonp",
        "text/json",
    ],
)
async def test_another_content_type_is_refused(signoff: Stack, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    await refused(signoff, "POST", "", 415, "unsupported_media_type", content=b"{}", headers=headers)


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
async def test_other_names_of_json_are_fine(signoff: Stack, content_type: str) -> None:
    await signoff.call("POST", "", status=201, content=b'{"name":"x"}', headers={"Content-Type": content_type})


async def test_a_huge_body_is_refused(signoff: Stack) -> None:
    content = b'{"description": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    await refused(signoff, "POST", "", 413, "too_large", content=content, headers=JSON)


async def test_a_huge_body_without_a_length_is_refused(signoff: Stack) -> None:
    async def chunks():
        yield b'{"description": "'
        for _ in range(80):
            yield b"x" * 65_536

    await refused(signoff, "POST", "", 413, "too_large", content=chunks(), headers=JSON)


async def test_a_path_inside_the_roots_is_the_workspace(signoff: Stack, tmp_path_factory) -> None:
    folder = signoff.root / "mine"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    (signoff.root / "link").symlink_to(folder)
    for path in (folder, signoff.root / "link", folder / ".." / "mine", f"{folder}/"):
        project = await signoff.call("POST", "", status=201, json={"path": str(path)})
        assert (project["workspace"], project["path"]) == (str(folder), str(path))
        await signoff.call("DELETE", f"/{project['id']}")
    assert (folder / "kept.txt").read_text() == "kept"


async def test_a_path_that_leads_out_of_the_roots_is_refused(signoff: Stack, tmp_path: Path) -> None:
    root = signoff.root
    (root / "leads_out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / "a_file").write_text("")
    bad = [
        "/etc",
        "/",
        str(tmp_path),
        f"{root}/..",
        f"{root}/../..",
        f"{root}/leads_out",
        f"{root}/leads_out/deeper",
        f"{root}/loop",
        f"{root}/a_file",
        f"{root}/a_file/x",
        f"{root}/does_not_exist",
        "../mine",
        "does_not_exist",
        "~",
        "~root",
        "~nobody-of-that-name",
        f"file://{root}",
        "/" + "x" * 300,
        "/proc/self/root",
        "\\\\host\\share",
    ]
    for path in bad:
        body = await refused(signoff, "POST", "", 422, "validation_error", json={"path": path})
        assert fields_of(body) == ["path"], path
