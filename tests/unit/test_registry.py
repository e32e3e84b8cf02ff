"""Actions found by their entry points, in processes of their own, with real packages on the path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOW = """
from app.domain.registry import BrokenPluginError, load_actions
try:
    actions = load_actions()
except BrokenPluginError as error:
    print(error)
else:
    assert load_actions() is actions
    print(",".join(sorted(actions)))
"""
GOOD = """
from app.domain.actions import Unattended
class Mail(Unattended):
    type = "mail"
"""


def package(folder: Path, name: str, entry: str, source: str) -> None:
    """Lay out an installed package with one entry point."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[signoff.actions]\n{entry}\n")


def show(folder: Path) -> str:
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_built_in_actions_and_plug_ins_are_found_alike(tmp_path: Path) -> None:
    assert show(tmp_path).split(",") == ["agent", "decision", "http", "manual", "milestone", "shell", "wait"]
    package(tmp_path, "mailer", "mail = mailer:Mail", GOOD)
    assert show(tmp_path).split(",") == ["agent", "decision", "http", "mail", "manual", "milestone", "shell", "wait"]


def test_one_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    package(tmp_path, "mailer", "mail = mailer:Mail", "raise RuntimeError('no such library')")
    assert show(tmp_path) == (
        "The action 'mail' of mailer (mailer:Mail) cannot be loaded: RuntimeError: no such library. "
        "Fix or remove the package."
    )


def test_one_without_its_class_is_named(tmp_path: Path) -> None:
    package(tmp_path, "mailer", "mail = mailer:Post", GOOD)
    assert "'mail' of mailer (mailer:Post) cannot be loaded: AttributeError" in show(tmp_path)


def test_one_that_is_no_action_is_named(tmp_path: Path) -> None:
    package(tmp_path, "mailer", "mail = mailer:Mail", "class Mail: type = 'mail'")
    assert show(tmp_path).startswith("The action 'mail' of mailer (mailer:Mail) is not a subclass")


def test_one_under_another_name_is_named(tmp_path: Path) -> None:
    package(tmp_path, "mailer", "post = mailer:Mail", GOOD)
    assert "has the type 'mail'" in show(tmp_path)


def test_a_name_that_two_packages_claim_is_refused(tmp_path: Path) -> None:
    package(tmp_path, "mailer", "mail = mailer:Mail", GOOD)
    package(tmp_path, "poster", "mail = poster:Mail", GOOD)
    assert show(tmp_path) == "Two packages define the action 'mail': mailer and poster. Remove one."
