"""Client commands find the same server, key and folder without loading all settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.loading import load_settings
from app.settings.of_clients import from_environment


@pytest.mark.parametrize(
    ("variables", "flags"),
    [
        ({}, {}),
        ({"SIGNOFF_PORT": "9000"}, {}),
        ({"SIGNOFF_PORT": "9000"}, {"port": "9001"}),
        ({"SIGNOFF_HOST": "0.0.0.0"}, {}),
        ({"SIGNOFF_HOST": "::1", "signoff_port": "9000"}, {}),
        ({"SIGNOFF_URL": "https://signoff.example/tools", "SIGNOFF_API_KEY": "a" * 32}, {}),
        ({"SIGNOFF_URL": ""}, {"url": "http://127.0.0.1:9002"}),
        ({"SIGNOFF_DATA_DIR": "~/data"}, {}),
        ({"SIGNOFF_DATA_DIR": "data"}, {}),
    ],
)
def test_both_ways_find_the_same(
    variables: dict[str, str], flags: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    few, every = from_environment(flags), load_settings(flags)
    assert few is not None
    assert (few.url, few.api_key) == (every.url, every.api_key.get_secret_value())
    assert (few.data_dir, few.host, few.port, few.app_url) == (every.data_dir, every.host, every.port, every.app_url)


@pytest.mark.parametrize("port", ["none", "0", "65536", "-1", "80.5", " "])
def test_a_port_that_is_not_valid_is_left_to_the_check_of_all_settings(port: str) -> None:
    assert from_environment({"port": port}) is None


def test_a_settings_file_is_left_to_the_check_of_all_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "signoff.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert from_environment({}) is None
