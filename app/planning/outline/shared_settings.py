"""Settings that tasks share: of the whole plan, or of a phase. They become fields of each task, so that they are signed there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from app.domain.attributes import means
from app.domain.plan import ActionSpec, TaskDraft
from app.planning.outline.attributes import duration

SHELLS = ("sh", "bash", "zsh", "ksh", "dash")
MAX_TIMEOUT = 2_592_000


@dataclass
class SharedSettings:
    """The environment variables, the folder, the shell and the time limit in seconds of tasks that do not say otherwise."""

    env: dict[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None
    shell: str | None = None
    timeout: float | None = None

    def over(self, outer: SharedSettings) -> SharedSettings:
        """These settings, and those of `outer` that they leave open."""
        return SharedSettings(
            env={**outer.env, **self.env},
            cwd=outer.cwd if self.cwd is None else self.cwd,
            shell=outer.shell if self.shell is None else self.shell,
            timeout=outer.timeout if self.timeout is None else self.timeout,
        )

    def apply(self, task: TaskDraft) -> TaskDraft:
        """`task` with the settings that mean something for it and that it does not have itself.

        The shell is not among them: it is chosen where a script is read.
        """
        if not self.env and self.cwd is None and self.timeout is None:
            return task
        kind, fields = task.action.type, task.action.fields()
        if self.env and means(kind, "env"):
            fields["env"] = {**self.env, **cast("dict[str, str]", fields.get("env", {}))}
        if self.cwd is not None and means(kind, "cwd"):
            fields.setdefault("cwd", self.cwd)
        changed: dict[str, Any] = {"action": ActionSpec.model_validate({"type": kind, **fields})}
        if self.timeout is not None and task.timeout_seconds is None and means(kind, "timeout"):
            changed["timeout_seconds"] = self.timeout
        return task.model_copy(update=changed)


def shell_named(text: str) -> str:
    """The shell that a setting such as `bash` or `/bin/zsh` names.

    Raises:
        ValueError: it cannot be used.
    """
    name = text.rpartition("/")[2]
    if name not in SHELLS:
        raise ValueError(f"must be one of {', '.join(SHELLS)}")
    return name


def time_limit(text: str) -> float:
    """Parse a time limit to seconds.

    Raises:
        ValueError: the text is not a duration, or no task can have this time limit.
    """
    seconds = float(duration(text))
    if not 0 < seconds <= MAX_TIMEOUT:
        raise ValueError("a time limit must be more than 0 and at most 30 days")
    return seconds


SHARED = ("cwd", "shell", "timeout")


def read_shared(name: str, value: str | None, shared: SharedSettings) -> str | None:
    """Read an attribute of a phase, one of `SHARED`, into `shared`. Return its problem, if it has one."""
    if not value:
        return f"'{name}' needs a value: {name}=…"
    try:
        if name == "timeout":
            shared.timeout = time_limit(value)
        elif name == "shell":
            shared.shell = shell_named(value)
        else:
            shared.cwd = value
    except ValueError as error:
        return f"'shell' {error}." if name == "shell" else f"timeout: {error}."
    return None
