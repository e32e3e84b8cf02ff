"""The log of one attempt: a file with a size limit and masked secrets. Its end becomes the task's output."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from activities.actions.masking import Masker
from activities.actions.workspace_paths import attempt_folder, new_file
from app.domain.program_values import storable_text
from signoff.schemas.json_value import JsonValue

MAX_LOG_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 64 * 1024
CUT_LINE = b"\n[output cut at 10 MiB]\n"


class AttemptLog:
    """Writes `<workspace>/.signoff/attempts/<task_id>/<attempt>/log`; implements `Log`.

    Every secret is replaced by `***`, in every form, even if it arrives in pieces. After 10 MiB, the file ends with the line
    `[output cut at 10 MiB]`, and only `tail` continues. A full disk also ends the file, but never the task.

    Args:
        workspace: the workspace of the project.
        task_id: the id of the task.
        attempt: the number of the attempt, from 1.
        masker: masks the secrets that must not appear.

    Attributes:
        path: the path of the file.
        size: the size of the file so far, in bytes.

    Raises:
        TaskFailed: `unsafe_workspace`: something other than a folder is at the path of the log.
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
        """Append `data`. A possible start of a secret is held back until more data or the end arrives."""
        certain, self._held = self.masker.certain(self._held + data)
        self._append(certain)

    def tail(self) -> str:
        """The last 64 KiB with secrets masked, without the final line break."""
        end = bytes(self._tail[-TAIL_BYTES:]) + self.masker.data(self._held)
        if self._tail_is_cut or len(self._tail) > TAIL_BYTES:
            # The cut may have split a character. Drop its remaining bytes.
            end = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", end)
        return readable(end).removesuffix("\n").removesuffix("\r")

    @property
    def sha256(self) -> str:
        """The checksum of what was written to the file, even if the file has changed since."""
        return self._digest.hexdigest()

    def mask(self, value: JsonValue) -> JsonValue:
        """Return a JSON value in which every secret in texts, names and numbers is replaced by `***`."""
        return self.masker.value(value)

    def close(self) -> None:
        """Write the data that was held back, and close the file. Later writes are dropped."""
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
    """Decode UTF-8. Invalid bytes and NUL, which databases refuse, become U+FFFD."""
    return storable_text(data.decode("utf-8", "replace"))
