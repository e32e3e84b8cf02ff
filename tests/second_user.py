"""Runs commands as another user of this machine, who has no special rights."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

SECOND_UID = 65534


def as_second_user(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a system program to its end as the user `nobody`."""
    return subprocess.run(
        second_user_command(*command), input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )


def second_user_command(*command: str, finds_python: bool = False) -> list[str]:
    """Return the command line that runs `command` as the user `nobody`. Only root can become another user.

    With `finds_python`, that user can pass through every folder, because the Python of the tests may be in root's home.
    """
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.fail("These tests need a second user. Run them as root, with setpriv (util-linux) installed.")
    identity = (f"--reuid={SECOND_UID}", f"--regid={SECOND_UID}", "--clear-groups", "--no-new-privs")
    if finds_python:
        identity = (*identity, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return [setpriv, *identity, "--", *command]
