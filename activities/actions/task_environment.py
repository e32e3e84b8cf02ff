"""The environment of a task's commands: made new for each, with nothing of the worker's that was not meant for tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from activities.actions.workspace_paths import private_folder, temporary_folder
from app.domain.actions import TaskContext
from app.domain.references import as_text, input_variable

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT_LOCALE = "C.UTF-8"


def environment(context: TaskContext, extra: dict[str, str], output: Path) -> dict[str, str]:
    """The whole environment of a command.

    HOME and TMPDIR lie in the workspace's `.signoff`, so that no dot file or cache lands among the results and the worker's
    credentials stay out of reach; TMPDIR is the attempt's own, and is removed after it. Time zone and locale are the
    worker's. `extra` may replace any of these.
    `INPUT_<NAME>` holds each input, JSON where it is no text.
    """
    return {
        "PATH": search_path(context.task_path),
        "HOME": str(private_folder(context.workspace, "home")),
        "TMPDIR": str(temporary_folder(context.workspace, context.task_id, context.attempt)),
        "LANG": _DEFAULT_LOCALE,
        **_time_and_locale(),
        **_without_our_python(),
        **extra,
        **{input_variable(name): as_text(value) for name, value in context.inputs.items()},
        "SIGNOFF_OUTPUT": str(output),
        "SIGNOFF_PROJECT_ID": context.project_id,
        "SIGNOFF_TASK_KEY": context.key,
        "SIGNOFF_ATTEMPT": str(context.attempt),
    }


def search_path(more: Iterable[str]) -> str:
    """PATH of a command: `more`, the worker's own PATH, and the system's folders; none of it holds Signoff's own programs.

    Relative folders are left out: they would mean the workspace, where a task puts what it likes.

    Args:
        more: folders of `SIGNOFF_TASK_PATH`.
    """
    inherited = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder.startswith("/")]
    folders = [*more, *(folder for folder in inherited if not _is_ours(folder)), *STANDARD_PATH.split(":")]
    return ":".join(dict.fromkeys(folders))


def _is_ours(folder: str) -> bool:
    """Whether a folder has the Python that this process runs on, with its `pip`, which would change Signoff's packages."""
    ours = {os.path.realpath(Path(sys.executable).parent), os.path.realpath(Path(sys.prefix, "bin"))}
    return os.path.realpath(folder) in ours - set(STANDARD_PATH.split(":"))


def _without_our_python() -> dict[str, str]:
    """Where Signoff is not in an environment of its own, its Python is the system's, and `pip` must leave that alone."""
    return {} if sys.prefix != sys.base_prefix else {"PIP_REQUIRE_VIRTUALENV": "true"}


def _time_and_locale() -> dict[str, str]:
    names = [name for name in os.environ if name in {"TZ", "LANG", "LANGUAGE"} or name.startswith("LC_")]
    return {name: os.environ[name] for name in names}
