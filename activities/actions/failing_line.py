"""Tells at which line a script of several lines stopped.

Only for scripts that bash runs and that stop at the first failing line. `BASH_ENV` makes bash set a trap before the script
begins, so that the script itself stays as it was signed. The trap is a file of this package, because other tasks could change
one in the workspace. No other shell has a trap that fires only when a command fails.
"""

from __future__ import annotations

import re

from activities.actions.task_environment import BASH_TRAP
from activities.actions.workspace_paths import attempt_folder, read_file, remove_file
from app.domain.actions import TaskContext
from app.planning.strict_bash import STRICT_BASH

MAX_SHOWN = 200
_MAX_NOTE = 64
_NOTE = re.compile(rb"([0-9]{1,3}) ([0-9]{1,9})\n")


class FailingLine:
    """The line at which a command stops, if it is a script of bash.

    Args:
        context: the task that runs it.
        words: the program and its arguments.
    """

    def __init__(self, context: TaskContext, words: list[str]) -> None:
        folder = attempt_folder(context.workspace, context.task_id, context.attempt)
        self._workspace = context.workspace
        self._note = folder / "line"
        is_script = len(words) == len(STRICT_BASH) + 1 and tuple(words[:-1]) == STRICT_BASH
        self._lines = words[-1].split("\n") if is_script else []

    def variables(self) -> dict[str, str]:
        """The variables that make bash set the trap. Empty if it is not needed."""
        if sum(bool(line.strip()) for line in self._lines) < 2:
            return {}
        return {"BASH_ENV": str(BASH_TRAP)}

    def sentence(self, code: int) -> str | None:
        """Say which line failed, if the trap noted one for this exit code. The note is removed.

        Raises:
            TaskFailed: `unsafe_workspace`.
        """
        note = read_file(self._workspace, self._note, _MAX_NOTE) or b""
        remove_file(self._workspace, self._note)
        match = _NOTE.fullmatch(note)
        if match is None or int(match[1]) != code or not 0 < int(match[2]) <= len(self._lines):
            return None
        number = int(match[2])
        # Bash counts a command that is continued over several lines from one of the later ones.
        while number > 1 and self._lines[number - 2].endswith("\\"):
            number -= 1
        line = self._lines[number - 1].strip()
        shown = f"{line[:MAX_SHOWN]}{'…' if len(line) > MAX_SHOWN else ''}"
        return f"Line {number} failed with exit code {code}: {shown}"
