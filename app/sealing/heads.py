"""The file of published heads: a line for each seal, which only ever grows.

It is the app's memory of what it has signed. The database can be rewritten, or restored from a backup; this file, which
nothing but the app can write to, shows it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.domain.identity import now
from app.domain.seals import Head, Seal

logger = logging.getLogger(__name__)


class HeadsLog:
    """Appends heads, and knows the newest one of each project.

    Not for several threads at once.

    Args:
        path: the file; made, with its folder, where it is missing.

    Attributes:
        path: the file.
        damage: what is wrong with the file, in a sentence; None where nothing is.
        before: number and hash of the last event of each project when the first seal was made.
        heads: the newest published head of each project, deleted ones included.
        began: whether sealing has begun: from then on, every event is sealed as it comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        self.before: dict[str, tuple[int, str]] = {}
        self.heads: dict[str, Head] = {}
        self.began = False
        self._offset = 0

    def refresh(self) -> None:
        """Read what was appended since, by this process or another. Blocking."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            if self._offset:
                self.damage = f"{self.path} was removed while the app was running."
            return
        with os.fdopen(descriptor, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < self._offset:
                self.damage = f"{self.path} had {self._offset} bytes, and has {size} now."
                return
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    # Another process is in the middle of writing it.
                    return
                self._offset += len(line)
                self._take(line)

    def begin(self, heads: Iterable[tuple[str, int, str]]) -> None:
        """Note where every project was when sealing began. Blocking."""
        lines: list[dict[str, Any]] = [
            {"before": {"project_id": project_id, "seq": seq, "hash": head}} for project_id, seq, head in heads
        ]
        self._append([*lines, {"began": now()}])

    def append(self, seals: Iterable[Seal]) -> None:
        """Publish seals; they are on disk when this returns. Blocking."""
        self._append({"seal": seal.model_dump(mode="json")} for seal in seals)

    def _append(self, lines: Iterable[dict[str, Any]]) -> None:
        data = b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)
        if not data:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size > 0 and os.pread(descriptor, 1, size - 1) != b"\n":
                # A process was killed in the middle of a line.
                data = b"\n" + data
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.refresh()

    def _take(self, line: bytes) -> None:
        try:
            entry: dict[str, Any] = json.loads(line)
            if "seal" in entry:
                seal = Seal.model_validate(entry["seal"])
                known = self.heads.get(seal.project_id)
                if known is None or known.number < seal.number:
                    self.heads[seal.project_id] = Head.of(seal)
            elif "before" in entry:
                place = entry["before"]
                self.before[str(place["project_id"])] = (int(place["seq"]), str(place["hash"]))
            elif "began" in entry:
                self.began = True
        except (ValueError, KeyError, TypeError, AttributeError):
            if line.strip():
                logger.warning("a line of %s cannot be read: %.80r", self.path, line)
