"""Watches that no write transaction decides on what it read before it held the project: see `app.storage.locks`."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from app.storage.locks import HELD

ROOT = Path(__file__).parents[1]
READS = re.compile(r"SELECT .*\bFROM (plans|phases|tasks|runs|attempts|decisions|questions|events)\b", re.DOTALL)


class LockOrder:
    """Collects what was read too early, with who read it."""

    def __init__(self) -> None:
        self.broken: set[str] = set()

    def watch(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._look)

    def _look(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        held: set[str] | None = connection.get_execution_options().get(HELD)
        # An empty set: a write transaction, on a database where they run side by side, that holds nothing yet.
        if held is not None and not held and READS.match(statement):
            frames = [f for f in traceback.extract_stack() if Path(f.filename).is_relative_to(ROOT / "app")]
            if frames:
                self.broken.add(" < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames[:-4:-1]))


LOCK_ORDER = LockOrder()
