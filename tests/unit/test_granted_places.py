"""Which places a plan may grant to a task: none that is Signoff's own data, lies in it or contains it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.workspace.private_places import objection_to_grants


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "data"
    (folder / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    return folder


@pytest.mark.parametrize(
    ("place", "relation"),
    [
        ("home/data", "is"),
        ("home/data/keys", "lies in"),
        ("home/data/not-there", "lies in"),
        ("home", "contains"),
        ("link", "is"),
        ("link/signoff.db", "lies in"),
    ],
)
def test_what_has_to_do_with_the_data_folder_is_not_granted(
    data: Path, tmp_path: Path, place: str, relation: str
) -> None:
    objection = objection_to_grants([data])(str(tmp_path / place))
    assert objection == f"{relation} {data}, which holds Signoff's own data"


@pytest.mark.parametrize("place", ["home/other", "home/database", "elsewhere"])
def test_what_lies_elsewhere_is_granted(data: Path, tmp_path: Path, place: str) -> None:
    assert objection_to_grants([data])(str(tmp_path / place)) is None
