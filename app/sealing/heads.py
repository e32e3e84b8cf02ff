"""The file of published heads. It has one line for each seal, and it only grows.

It is the app's memory of what it has signed. If the database is rewritten, or restored from a backup, this file reveals it,
because only the app can write to it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from app.domain.identity import now
from app.domain.seals import Head, Seal
from signoff.schemas.json_value import JsonMapping


class _Before(TypedDict):
    project_id: str
    seq: int
    hash: str


class _Entry(TypedDict, total=False):
    """One line of the file. It has one of these members."""

    seal: object
    before: _Before
    began: str


logger = logging.getLogger(__name__)


class HeadsLog:
    """Appends heads, and knows each project's newest one.

    Not safe for use by several threads at once.

    Args:
        path: the file. It is created, with its folder, if it is missing.

    Attributes:
        path: the file.
        damage: what is wrong with the file, as a sentence; None if nothing is.
        before: number and hash of each project's last event at the time of the first seal.
        heads: the newest published head of each project, including deleted ones.
        began: whether sealing has begun. From then on, every event is sealed as it arrives.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        self.before: dict[str, tuple[int, str]] = {}
        self.heads: dict[str, Head] = {}
        self.began = False
        self._offset = 0

    def refresh(self) -> None:
        """Read what this or another process has appended since. Blocking."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            if self._offset:
                self.damage = f"{self.path} was removed while the app was running."
            return
        with os.fdopen(descriptor, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < self._offset:
                self.damage = f"{self.path} was {self._offset} bytes long and is now only {size} bytes long."
                return
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    # Another process is still writing this line.
                    return
                self._offset += len(line)
                self._take(line)

    def begin(self, heads: Iterable[tuple[str, int, str]]) -> None:
        """Record the state of every project at the time when sealing begins. Blocking."""
        lines: list[JsonMapping] = [
            {"before": {"project_id": project_id, "seq": seq, "hash": head}} for project_id, seq, head in heads
        ]
        self._append([*lines, {"began": now()}])

    def append(self, seals: Iterable[Seal]) -> None:
        """Publish seals. They are on disk when this returns. Blocking."""
        self._append({"seal": seal.model_dump(mode="json")} for seal in seals)

    def _append(self, lines: Iterable[JsonMapping]) -> None:
        data = b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)
        if not data:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size > 0 and os.pread(descriptor, 1, size - 1) != b"\n":
                # A process was killed while it wrote a line.
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
            entry: _Entry = json.loads(line)
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
