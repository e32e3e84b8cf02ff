"""Keeps secrets out of a process's environment, where its children and /proc/PID/environ would show them.

The kernel shows the environment that a program was started with for as long as it runs, whatever the program does with it. So
a process that finds secrets there starts itself once more, under the same process id, with an environment without them; it
gets them through an unnamed file. A parent that knows secrets starts its children like that at once. In the process they
are to be had from `variables`, and from nowhere else.

Used before anything else is imported: the standard library alone.
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

# Tells a process which descriptor its secrets are at.
DESCRIPTOR = "SIGNOFF_HIDDEN_FD"
# Values that a worker masks in what tasks print and has no other use for, as a JSON list.
MASKED = "SIGNOFF_MASKED"
_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|COOKIE|DATABASE_URL|(^|_)(AUTH|PAT|DSN|PWD)(_|$)|^AWS_|"
    rf"^{MASKED}$"
)
# Names that look like one of those and hold none.
_PLAIN_NAMES = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK", "TOKENIZERS_PARALLELISM"})
# A user name and password in an address, or a key in a text.
_SECRET_VALUE = re.compile(r"://[^/@\s]*:[^/@\s]+@|-----BEGIN")
# Settings that hold a secret, by their flag: the command line of a process can be read by every user.
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
    """Whether a variable is likely to hold a secret, by its name or by what it holds."""
    upper = name.upper()
    return upper not in _PLAIN_NAMES and bool(_SECRET_NAME.search(upper) or _SECRET_VALUE.search(value))


def split(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """An environment without its secrets, and those."""
    hidden = {name: value for name, value in environment.items() if is_secret(name, value)}
    return {name: value for name, value in environment.items() if name not in hidden}, hidden


def variables() -> dict[str, str]:
    """This process's environment as it was meant, secrets included."""
    return {**os.environ, **_hidden}


def hide() -> None:
    """Take secrets out of this process's environment and command line, and let no other process look into it.

    Called first of all in a program that runs for long; may start the program again, under the same process id.
    """
    given = os.environ.pop(DESCRIPTOR, None)
    if given is not None:
        with os.fdopen(int(given), "r", encoding="utf-8") as file:
            _hidden.update(json.load(file))
    plain, hidden = split(os.environ)
    arguments, flags = _without_secret_flags(sys.orig_argv[1:])
    if hidden or flags:
        descriptor = hand_over({**_hidden, **hidden, **flags})
        os.set_inheritable(descriptor, True)
        os.execve(sys.executable, [sys.executable, *arguments], plain | {DESCRIPTOR: str(descriptor)})  # noqa: S606
    forbid_inspection()


def hand_over(hidden: Mapping[str, str]) -> int:
    """A descriptor of an unnamed file with secrets, for a process that is about to start; `DESCRIPTOR` tells it the number."""
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
    """Forget the secrets with other names than these."""
    for name in [name for name in _hidden if not wanted(name)]:
        del _hidden[name]


@contextmanager
def lent() -> Generator[None]:
    """The secrets in the environment for a moment, for a library that looks for them nowhere else.

    Nothing must be awaited, and no process started, meanwhile.
    """
    added = [name for name in _hidden if name not in os.environ]
    os.environ.update({name: _hidden[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def forbid_inspection() -> None:
    """Let only root read this process's memory, environment and descriptors, and leave no core dump (Linux).

    Debuggers and profilers that attach to a process need root for it, too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _without_secret_flags(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """A command line without the flags of settings that are secrets, and their values by variable."""
    kept: list[str] = []
    found: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        if flag not in _SECRET_FLAGS:
            kept.append(argument)
        elif equals:
            found[_SECRET_FLAGS[flag]] = value
        elif (following := next(rest, None)) is not None:
            found[_SECRET_FLAGS[flag]] = following
        else:
            kept.append(argument)
    return kept, found
