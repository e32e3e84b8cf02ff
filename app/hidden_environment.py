"""Keeps secrets out of a process's environment, where its children and /proc/PID/environ would expose them.

The kernel exposes a program's initial environment while the program runs, regardless of later changes to it. A process that
finds secrets there therefore restarts itself under the same process id, with an environment without them, and receives them
through an unnamed file. A parent that knows secrets starts its children this way in the first place. Within the process, only
`variables` returns the secrets.

This module is used before anything else is imported, so it needs only the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

# The variable that holds the number of the descriptor from which a process reads its secrets.
DESCRIPTOR = "SIGNOFF_HIDDEN_FD"
# Values that a worker needs only to mask them in the output of tasks, as a JSON list.
MASKED = "SIGNOFF_MASKED"
_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|COOKIE|DATABASE_URL|(^|_)(AUTH|PAT|DSN|PWD)(_|$)|^AWS_|"
    rf"^{MASKED}$|^SIGNOFF_NOTIFY$"
)
# Names that match the pattern but do not hold secrets.
_PLAIN_NAMES = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK", "TOKENIZERS_PARALLELISM"})
# A user name and password in an address, or a PEM key.
_SECRET_VALUE = re.compile(r"://[^/@\s]*:[^/@\s]+@|-----BEGIN")
# Flags of settings that hold a secret, with their variables: every user can read the command line of a process.
_SECRET_FLAGS = {
    "--api-key": "SIGNOFF_API_KEY",
    "--seal-key": "SIGNOFF_SEAL_KEY",
    "--model-api-key": "SIGNOFF_MODEL_API_KEY",
    "--database-url": "SIGNOFF_DATABASE_URL",
}
# <linux/prctl.h>
_PR_SET_DUMPABLE = 4

_hidden: dict[str, str] = {}


def is_secret(name: str, value: str) -> bool:
    """Whether a variable probably holds a secret, judging by its name or its value."""
    upper = name.upper()
    return upper not in _PLAIN_NAMES and bool(_SECRET_NAME.search(upper) or _SECRET_VALUE.search(value))


def split(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Split an environment into the variables without secrets and the secrets."""
    hidden = {name: value for name, value in environment.items() if is_secret(name, value)}
    return {name: value for name, value in environment.items() if name not in hidden}, hidden


def variables() -> dict[str, str]:
    """This process's original environment, including the secrets."""
    return {**os.environ, **_hidden}


def hide() -> None:
    """Remove secrets from this process's environment and command line, and keep other processes from inspecting it.

    A long-running program calls this first. It may restart the program under the same process id.
    """
    secrets_at = os.environ.pop(DESCRIPTOR, None)
    if secrets_at is not None:
        with os.fdopen(int(secrets_at), "r", encoding="utf-8") as file:
            _hidden.update(json.load(file))
    plain, hidden = split(os.environ)
    arguments, flags = _without_secret_flags(sys.orig_argv[1:])
    if hidden or flags:
        descriptor = hand_over({**_hidden, **hidden, **flags})
        os.set_inheritable(descriptor, True)
        os.execve(sys.executable, [sys.executable, *arguments], plain | {DESCRIPTOR: str(descriptor)})  # noqa: S606
    forbid_inspection()


def hand_over(hidden: Mapping[str, str]) -> int:
    """Write secrets to an unnamed file for a new process; return its descriptor, whose number goes into `DESCRIPTOR`."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("hidden")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    data = memoryview(json.dumps(dict(hidden)).encode())
    while data:
        data = data[os.write(descriptor, data) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def keep_only(wanted: Callable[[str], bool]) -> None:
    """Forget all secrets except those whose names `wanted` accepts."""
    for name in [name for name in _hidden if not wanted(name)]:
        del _hidden[name]


@contextmanager
def lent() -> Generator[None]:
    """Put the secrets into the environment temporarily, for a library that reads them from nowhere else.

    Meanwhile, do not await anything and do not start a process.
    """
    added = [name for name in _hidden if name not in os.environ]
    os.environ.update({name: _hidden[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def forbid_inspection() -> None:
    """Let only root read this process's memory, environment and descriptors, and disable core dumps (Linux).

    Debuggers and profilers then also need root to attach to it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _without_secret_flags(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Split a command line into the arguments without secret flags and the values of those flags, by variable."""
    remaining: list[str] = []
    secrets: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        if flag not in _SECRET_FLAGS:
            remaining.append(argument)
        elif equals:
            secrets[_SECRET_FLAGS[flag]] = value
        elif (following := next(rest, None)) is not None:
            secrets[_SECRET_FLAGS[flag]] = following
        else:
            remaining.append(argument)
    return remaining, secrets
