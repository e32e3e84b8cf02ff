"""The log of one attempt: a file with a size limit, without secrets, whose end becomes the task's output."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from activities.actions.masking import Masker
from activities.actions.workspace_paths import attempt_folder, new_file

MAX_LOG_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 64 * 1024
CUT_LINE = b"\n[output cut at 10 MiB]\n"


class AttemptLog:
    """Writes `<workspace>/.signoff/attempts/<task_id>/<attempt>/log`; implements `Log`.

    Every secret is replaced by `***`, in each of its forms, also one that arrives in pieces. After 10 MiB the file ends
    with the line `[output cut at 10 MiB]`; `tail` goes on. A full disk ends the file too, never the task.

    Args:
        workspace: of the project.
        task_id: the task.
        attempt: its attempt, from 1.
        masker: knows the secrets that must not appear.

    Attributes:
        path: the file.
        size: its bytes so far.

    Raises:
        TaskFailed: `unsafe_workspace`, where something else stands in the place of the log's folders.
    """

    def __init__(self, workspace: Path, task_id: str, attempt: int, masker: Masker | None = None) -> None:
        self.path = attempt_folder(workspace, task_id, attempt) / "log"
        self.size = 0
        self._digest = hashlib.sha256()
        self.masker = masker or Masker()
        self._held = b""
        self._tail = bytearray()
        self._tail_is_cut = False
        self._file: int | None = new_file(workspace, self.path)

    def write(self, data: bytes) -> None:
        """Append `data`; what may be the beginning of a secret is held back until more, or the end, is known."""
        certain, self._held = self.masker.certain(self._held + data)
        self._append(certain)

    def tail(self) -> str:
        """The last 64 KiB, secrets masked, without the final line break."""
        end = bytes(self._tail[-TAIL_BYTES:]) + self.masker.data(self._held)
        if self._tail_is_cut or len(self._tail) > TAIL_BYTES:
            # The cut may have gone through a character: its remaining bytes mean nothing.
            end = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", end)
        return readable(end).removesuffix("\n").removesuffix("\r")

    @property
    def sha256(self) -> str:
        """The checksum of what was written to the file, whatever the file holds by now."""
        return self._digest.hexdigest()

    def mask(self, value: Any) -> Any:
        """A JSON value with every secret in its texts, names and numbers replaced by `***`."""
        return self.masker.value(value)

    def close(self) -> None:
        """Write what was held back and close the file; later writes are dropped."""
        rest, self._held = self.masker.data(self._held), b""
        self._append(rest)
        self._close_file()

    def _append(self, data: bytes) -> None:
        if not data:
            return
        self._tail += data[-TAIL_BYTES:]
        self._tail_is_cut = self._tail_is_cut or len(data) > TAIL_BYTES
        if len(self._tail) > 4 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]
            self._tail_is_cut = True
        if self._file is None:
            return
        room = MAX_LOG_BYTES - self.size
        with contextlib.suppress(OSError):
            self._write_out(data[:room])
            if len(data) <= room:
                return
            self._write_out(CUT_LINE)
        self._close_file()

    def _write_out(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._file is not None:
            written = os.write(self._file, view)
            self.size += written
            self._digest.update(view[:written])
            view = view[written:]

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def readable(data: bytes) -> str:
    """UTF-8 text with what is no text replaced by U+FFFD: invalid bytes, and NUL, which databases refuse."""
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")
