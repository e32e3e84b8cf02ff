"""Builds the environment for a task's commands. It is new for each task, and contains only what is meant for tasks."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from activities.actions.workspace_paths import private_folder, temporary_folder
from app.domain.actions import TaskContext
from app.domain.parameters import variable_of
from app.domain.references import as_text, input_variable

STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Read by bash before a script that may stop at a failing line. The sandbox lets commands read it, and nothing else beside it.
BASH_TRAP = Path(__file__).with_name("bash_trap.sh").resolve()
_DEFAULT_LOCALE = "C.UTF-8"


def environment(context: TaskContext, extra: dict[str, str], output: Path) -> dict[str, str]:
    """The complete environment of a command.

    HOME and TMPDIR are in `.signoff` in the workspace, so that dot files and caches do not mix with the results, and the
    worker's credentials stay out of reach. TMPDIR belongs to the attempt, and is removed after it. Time zone and locale come
    from the worker. `extra` may replace any of these.
    `<NAME>` contains each parameter of the plan, `INPUT_<NAME>` each input. What is not text is JSON.
    """
    return {
        "PATH": search_path(context.task_path),
        "HOME": str(private_folder(context.workspace, "home")),
        "TMPDIR": str(temporary_folder(context.workspace, context.task_id, context.attempt)),
        "LANG": _DEFAULT_LOCALE,
        **_time_and_locale(),
        **_without_our_python(),
        **{variable_of(name): as_text(value) for name, value in context.parameters.items()},
        **extra,
        **{input_variable(name): as_text(value) for name, value in context.inputs.items()},
        "SIGNOFF_OUTPUT": str(output),
        "SIGNOFF_PROJECT_ID": context.project_id,
        "SIGNOFF_TASK_KEY": context.key,
        "SIGNOFF_ATTEMPT": str(context.attempt),
    }


def checked_variables(env: dict[str, str]) -> dict[str, str]:
    """Return the variables that a plan sets, or refuse those that no command can have.

    Raises:
        ValueError: a name is not valid or is reserved.
    """
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"'{name}' is not a valid name for an environment variable")
        if name.startswith(("SIGNOFF_", "INPUT_")):
            raise ValueError(f"'{name}' is reserved: names must not start with SIGNOFF_ or INPUT_")
    return env


def search_path(more: Iterable[str]) -> str:
    """PATH of a command: `more`, the worker's PATH, and the system's folders, without folders of Signoff's own programs.

    Relative folders are ignored: they would mean the workspace, where a task can create any file.

    Args:
        more: the folders in `SIGNOFF_TASK_PATH`.
    """
    return ":".join(dict.fromkeys([*more, *_inherited(os.environ.get("PATH", "")), *STANDARD_PATH.split(":")]))


@functools.cache
def _inherited(path: str) -> list[str]:
    """The folders of the worker's PATH that tasks may use too. Every task asks for them."""
    return [folder for folder in path.split(os.pathsep) if folder.startswith("/") and not _is_ours(folder)]


def _is_ours(folder: str) -> bool:
    """Whether a folder contains the Python of this process, whose `pip` would change Signoff's packages."""
    ours = {os.path.realpath(Path(sys.executable).parent), os.path.realpath(Path(sys.prefix, "bin"))}
    return os.path.realpath(folder) in ours - set(STANDARD_PATH.split(":"))


def _without_our_python() -> dict[str, str]:
    """A variable that protects the system's Python from `pip`, if Signoff is not in its own virtual environment."""
    return {} if sys.prefix != sys.base_prefix else {"PIP_REQUIRE_VIRTUALENV": "true"}


def _time_and_locale() -> dict[str, str]:
    names = [name for name in os.environ if name in {"TZ", "LANG", "LANGUAGE"} or name.startswith("LC_")]
    return {name: os.environ[name] for name in names}
