"""A signoff.toml in somebody else's folder does not receive the user's keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.settings.loading import SettingsInvalid, load_settings
from app.settings.trust import GUARDED
from app.supervisor import environment

KEY = "a key of 32 characters or a few more"
EVIL = "http://evil.example"


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SIGNOFF_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)


def write(text: str) -> Path:
    file = Path("signoff.toml")
    file.write_text(text)
    return file


def complaints(**flags: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(flags)
    assert KEY not in str(caught.value)
    return str(caught.value).splitlines()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Somebody else's address, and the header fields that it receives."""
    heard: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", *words],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_key_is_not_sent_to_the_address_of_a_found_file(listener: tuple[str, list[dict[str, str]]]) -> None:
    url, heard = listener
    write(f'url = "{url}"')
    for command in (("projects", "list"), ("doctor",), ("run", "signoff.toml")):
        answer = run(*command, SIGNOFF_API_KEY=KEY)
        assert answer.returncode == 2, command
        assert answer.stderr.startswith("signoff.toml:1: url: ")
        assert "SIGNOFF_CONFIG=" in answer.stderr
    assert heard == []


def test_a_file_that_the_user_names_is_the_users_own(listener: tuple[str, list[dict[str, str]]]) -> None:
    url, heard = listener
    file = write(f'url = "{url}"')
    run("projects", "list", SIGNOFF_API_KEY=KEY, SIGNOFF_CONFIG=str(file))
    assert heard[0]["Authorization"] == f"Bearer {KEY}"


VALUES = {
    "oidc_client_secret": "a secret of the provider",
    "url": EVIL,
    "host": "evil.example",
    "public_url": EVIL,
    "allowed_hosts": "evil.example",
    "cors_origins": "https://evil.example",
    "data_dir": "planted",
    "database_url": "sqlite+aiosqlite:///planted.db",
    "temporal_address": "evil.example:7233",
    "temporal_ui_url": EVIL,
    "api_key": "k" * 32,
    "model_base_url": EVIL,
    "model_api_key": "key",
    "traces": EVIL,
    "metrics": "0.0.0.0:9464",
}


TABLES = {
    "oidc": '{ issuer = "https://login.example.com", client_id = "signoff" }',
    "proxy": '{ addresses = ["10.0.0.5"] }',
    "notify": '[{ name = "team", url = "json://evil.example", events = ["waiting"] }]',
}


@pytest.mark.parametrize("setting", GUARDED)
def test_what_a_found_file_may_not_set(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    table = TABLES.get(setting)
    value = table if table is not None else f'"{VALUES[setting]}"'
    write(f'log_level = "info"\n{setting} = {value}')
    load_settings()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (line,) = complaints()
    assert line.startswith(f"signoff.toml:2: {setting}: ")
    assert "OPENAI_API_KEY" in line
    in_json = json.dumps(tomllib.loads(f"x = {value}")["x"]) if table is not None else VALUES[setting]
    monkeypatch.setenv(f"SIGNOFF_{setting.upper()}", in_json)
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIGNOFF_API_KEY", KEY),
        ("signoff_api_key", KEY),
        ("SIGNOFF_MODEL_API_KEY", KEY),
        ("SIGNOFF_SECRET_TOKEN", KEY),
        ("ANTHROPIC_API_KEY", KEY),
        ("TEMPORAL_API_KEY", KEY),
        ("TEMPORAL_TLS_CLIENT_KEY_PATH", KEY),
    ],
)
def test_any_key_counts(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    write(f'url = "{EVIL}"')
    monkeypatch.setenv(name, " ")
    load_settings()
    monkeypatch.setenv(name, value)
    (line,) = complaints()
    assert f"while {name} is set, " in line


def test_a_key_as_a_flag_counts() -> None:
    write(f'url = "{EVIL}"')
    (line,) = complaints(api_key=KEY)
    assert "--api-key" in line


def test_an_agent_of_a_found_file_does_not_send_a_variable_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    write(f'[agents.x]\nmodel = "openai-chat:m"\nbase_url = "{EVIL}"\napi_key_env = "GITHUB_TOKEN"')
    load_settings()
    monkeypatch.setenv("GITHUB_TOKEN", KEY)
    lines = complaints()
    assert [line.partition(": a file")[0] for line in lines] == [
        "signoff.toml:3: agents.x.base_url",
        "signoff.toml:4: agents.x.api_key_env",
    ]


def test_everything_else_may_be_set_whatever_keys_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    write('port = 8401\nmodel = "openai:gpt-5"\n[agents.gpu]\nkind = "local"\nqueue = "gpu"')
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert load_settings().port == 8401


def test_the_processes_of_a_stack_take_the_file_that_it_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack's key comes from the file, but would look like an environment key to its children."""
    file = write(f'api_key = "{KEY}"\npublic_url = "https://signoff.example"')
    settings = load_settings()
    for variables in (environment.for_app(os.environ, settings), environment.for_worker(os.environ, settings)):
        assert variables["SIGNOFF_CONFIG"] == str(file.absolute())
        with monkeypatch.context() as context:
            for name, value in variables.items():
                context.setenv(name, value)
            assert load_settings().public_url == "https://signoff.example"
