"""Functions that the report's scripts share: calls to Git, and the files and outputs that pass data between tasks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path("signoff-report")
DATA = FOLDER / "data"
CHARTS = FOLDER / "charts"

# Characters that HTML and XML do not allow, and those that change the direction of the text around them.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# 31 December 2199. A commit made with a wrong clock must not break the calendar.
_LATEST = 7_258_032_000


def git(repository: str, *arguments: str, none: int | None = None) -> str:
    """The output of `git`; bytes that are not UTF-8 become U+FFFD.

    If Git fails, exits the script with one sentence. `none` is an exit code that means "found nothing".
    """
    plain = ["-c", "log.showSignature=false", "-c", "core.quotePath=false", "-c", "color.ui=never"]
    done = subprocess.run(["git", "-C", repository, *plain, *arguments], capture_output=True, check=False)  # noqa: S603, S607
    if done.returncode not in {0, none}:
        messages = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        sys.exit(f"git {arguments[0]} failed: {messages[-1]}")
    return done.stdout.decode(errors="replace")


def load(name: str) -> Any:
    """The data that an earlier task saved under `name`."""
    path = FOLDER / "report.json" if name == "report" else DATA / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def save(name: str, value: Any) -> None:
    """Save data under `name` for later tasks."""
    path = FOLDER / "report.json" if name == "report" else DATA / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def publish(**outputs: object) -> None:
    """Set outputs of this task."""
    with Path(os.environ["SIGNOFF_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())


def inputs() -> dict[str, str]:
    """This task's inputs by their names in lowercase."""
    prefix = "INPUT_"
    return {name.removeprefix(prefix).lower(): text for name, text in os.environ.items() if name.startswith(prefix)}


def shown(text: str) -> str:
    """`text` on one line, with a visible mark for every character that a page cannot show."""
    return _UNSHOWABLE.sub("\ufffd", text)


def moment(seconds: str) -> datetime:
    """Seconds since 1970, as Git prints them, as a time in UTC."""
    return datetime.fromtimestamp(min(max(int(seconds), 0), _LATEST), UTC)
