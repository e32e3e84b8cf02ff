"""Runs commands as another user of this machine, one who has no rights at all."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

SECOND_UID = 65534


def as_second_user(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of the system to its end as the user `nobody`."""
    return subprocess.run(
        second_user_command(*command), input=stdin, capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )


def second_user_command(*command: str, finds_python: bool = False) -> list[str]:
    """The command line that runs `command` as the user `nobody`; only root can become another user.

    With `finds_python`, that user can pass through every folder: the Python of the tests may lie in root's home.
    """
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.fail("These tests become a second user: run them as root, with setpriv (util-linux) installed.")
    identity = (f"--reuid={SECOND_UID}", f"--regid={SECOND_UID}", "--clear-groups", "--no-new-privs")
    if finds_python:
        identity = (*identity, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return [setpriv, *identity, "--", *command]
