"""The files that a model is shown before it decides: cut, masked, and only those of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

from activities.actions.masking import Masker
from activities.decision_facts import MAX_ALL_FILES, MAX_FILE, beginnings, has_text

SECRET = "correct-horse-battery"


def test_a_file_is_shown_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(f"Log in with {SECRET}, then go on.")
    (shown,) = beginnings(tmp_path, {"notes.md": "write"}, Masker([SECRET]))
    assert shown == {"path": "notes.md", "made_by": "write", "beginning": "Log in with ***, then go on."}
    assert has_text([shown])


def test_a_secret_at_the_cut_is_not_shown_in_part(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("x" * (4 * MAX_FILE - 5) + SECRET)
    (shown,) = beginnings(tmp_path, {"long": "write"}, Masker([SECRET]))
    assert SECRET[:5] not in str(shown["beginning"])


def test_files_are_cut_each_and_together(tmp_path: Path) -> None:
    names = [f"{number}.txt" for number in range(6)]
    for name in names:
        (tmp_path / name).write_text("ä" * 9_000)
    texts = [str(file["beginning"]) for file in beginnings(tmp_path, dict.fromkeys(names, "write"), Masker())]
    assert texts[0] == "ä" * MAX_FILE + " [the rest is omitted]"
    assert sum(map(len, texts)) < MAX_ALL_FILES + 200
    assert texts[-1] == "[not shown]"


def test_what_is_no_text_or_leads_elsewhere_is_nothing_to_judge(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    workspace = tmp_path / "workspace"
    (workspace / ".signoff").mkdir(parents=True)
    (workspace / ".signoff" / "x").write_text("private")
    (workspace / "link").symlink_to(outside)
    (workspace / "picture").write_bytes(b"\x89PNG\0\0")
    (workspace / "empty").touch()
    os.mkfifo(workspace / "pipe")
    names = ["link", "../outside", ".signoff/x", "picture", "empty", "pipe", "none"]
    shown = beginnings(workspace, dict.fromkeys(names, "write"), Masker())
    texts = {file["path"]: file["beginning"] for file in shown}
    assert texts == dict.fromkeys(names, "[missing]") | {"picture": "[not text]", "empty": ""}
    assert not has_text(shown)
