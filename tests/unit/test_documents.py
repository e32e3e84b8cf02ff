"""The documentation site and its reference, as far as they can be checked without building the site."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.domain.attributes import ATTRIBUTES
from app.settings import Settings
from app.settings.environment import variable_of
from app.settings.tables import SECTIONS, TABLES
from docs import reference
from docs.reference.commands import all_commands
from docs.reference.errors import known_errors
from docs.site.markdown import rewritten
from signoff.vocabulary import EventType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The reference pages by their file names."""
    return {name.removeprefix("reference/"): text for name, text in reference.pages().items()}


def test_the_reference_names_every_setting(pages: dict[str, str]) -> None:
    named = set(re.findall(r"`([^`]+)`", pages["settings.md"]))
    single = [name for name in Settings.model_fields if name not in {*TABLES, *SECTIONS}]
    assert {variable_of(name) for name in single} | {*TABLES, *SECTIONS} <= named


def test_the_reference_shows_defaults_as_people_write_them(pages: dict[str, str]) -> None:
    text = pages["settings.md"]
    assert "`read_file`, `write_file`" in text
    assert "`waiting`, `failed`" in text
    assert not re.search(r"\| `[(\[{]", text), "a default is shown as Python writes it"


def test_the_reference_names_every_command(pages: dict[str, str]) -> None:
    for path, command in all_commands():
        assert f"# `{' '.join(path)}`" in pages["command-line.md"]
        assert command.help, path


def test_the_reference_names_every_event_attribute_and_operation(pages: dict[str, str]) -> None:
    assert [kind.value for kind in EventType if f"## `{kind.value}`" not in pages["events.md"]] == []
    assert [name for name in ATTRIBUTES if f"| `{name}` |" not in pages["plan-language.md"]] == []
    assert "`POST /api/projects/{project_id}/approve`" in pages["rest-api.md"]


def test_the_reference_has_the_errors_with_their_messages() -> None:
    errors = known_errors()
    assert {"plan_superseded", "role_needed", "database_busy", "limit_reached"} <= {error.code for error in errors}
    assert "SIGNOFF_ALLOWED_HOSTS" in next(error.message for error in errors if error.code == "bad_host")


def test_every_page_is_in_the_navigation(pages: dict[str, str]) -> None:
    nav = str(tomllib.loads((ROOT / "docs/site/zensical.toml").read_text())["project"]["nav"])
    written = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    expected = {name.replace("README.md", "index.md") for name in written} | {f"reference/{name}" for name in pages}
    assert [name for name in sorted(expected) if f"'{name}'" not in nav] == []


def test_markdown_of_github_becomes_markdown_of_the_generator() -> None:
    text = "Two:\n- one\n\n  ```sh cwd=x\n  - `a`\n  ```\n  1. deep\n2. two, see [it](../README.md#x)\n"
    assert rewritten(text, "docs/a.md", {"README.md": "index.md", "docs/a.md": "a.md"}) == (
        "Two:\n\n-   one\n\n    ```sh\n    - `a`\n    ```\n    1.  deep\n2.  two, see [it](index.md#x)\n"
    )


def test_a_link_to_what_is_not_published_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"docs/a\.md: the link to b\.md leads to docs/b\.md, which is not on the site"
    ):
        rewritten("[b](b.md)", "docs/a.md", {"docs/a.md": "a.md"})
