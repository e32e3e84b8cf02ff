"""The server starts only with a key that nobody can guess, and otherwise says how to create one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.main import create_app
from app.server_key import MIN_CHARACTERS, check_server_key, new_key
from app.settings import Settings

GOOD = "k" * MIN_CHARACTERS


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("a", "too short"),
        (" ", "blank"),
        ("\t\n", "blank"),
        (GOOD[:-1], "too short"),
        (f"  {GOOD[:-1]}  ", "too short"),
        (f"{GOOD}\n{GOOD}", "cannot carry"),
        (f"{GOOD}ä", "cannot carry"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_key_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, key: str, words: str, host: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        create_app(Settings(data_dir=tmp_path, api_key=key, host=host))
    assert "signoff key" in str(caught.value)
    if len(key.strip()) > 8:
        assert key.strip() not in str(caught.value)


@pytest.mark.parametrize("key", [GOOD, new_key(), "", f" {GOOD} "])
def test_a_good_key_or_none_is_taken(tmp_path: Path, key: str) -> None:
    check_server_key(Settings(data_dir=tmp_path, api_key=key))


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=plain | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["up", "serve"])
def test_nothing_starts_with_a_short_key(tmp_path: Path, command: str) -> None:
    answer = run(command, SIGNOFF_API_KEY="short", SIGNOFF_DATA_DIR=str(tmp_path))
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith(
        "Error: SIGNOFF_API_KEY is too short: it has 5 characters and needs at least 32"
    )


def test_a_key_is_made_by_command() -> None:
    first, second = run("key").stdout.strip(), run("key").stdout.strip()
    assert first != second
    check_server_key(Settings(api_key=first, host="0.0.0.0"))
