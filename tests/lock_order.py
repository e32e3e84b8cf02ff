"""Checks that no write transaction decides on something it read before it locked the project: see `app.storage.locks`."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from app.database.held import HELD

ROOT = Path(__file__).parents[1]
READS = re.compile(r"SELECT .*\bFROM (plans|phases|tasks|runs|attempts|decisions|questions|events)\b", re.DOTALL)


class LockOrder:
    """Collects reads that came too early, and the code that made them."""

    def __init__(self) -> None:
        self.broken: set[str] = set()

    def watch(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._look)

    def _look(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        held: set[str] | None = connection.get_execution_options().get(HELD)
        # An empty set means a write transaction that has not locked anything yet, on a database with concurrent writers.
        if held is not None and not held and READS.match(statement):
            frames = [frame for frame in traceback.extract_stack() if _is_ours(frame)]
            # What a test itself reads in a write transaction decides nothing.
            if frames and not any(Path(frame.filename).is_relative_to(ROOT / "tests") for frame in frames):
                self.broken.add(_shown(frames))


def _is_ours(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / ".venv") and path != Path(__file__)


def _shown(frames: list[traceback.FrameSummary]) -> str:
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames[-4:]))


LOCK_ORDER = LockOrder()
