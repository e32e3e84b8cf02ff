"""Experts: those that come with Signoff, and those of a `signoff.toml`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.planning.archetypes import built_in_archetypes, load_archetypes
from app.settings import Settings

BUILT_IN = [
    "accountant",
    "data_analyst",
    "legal_reviewer",
    "marketer",
    "project_manager",
    "researcher",
    "security_reviewer",
    "site_reliability",
    "software_engineer",
    "technical_writer",
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "experts.md"


def settings_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a `signoff.toml` of this text makes."""
    (folder / "signoff.toml").write_text(text)
    monkeypatch.setenv("SIGNOFF_CONFIG", str(folder / "signoff.toml"))
    return Settings()


def test_these_are_built_in() -> None:
    assert list(built_in_archetypes()) == BUILT_IN
    assert load_archetypes({}) == built_in_archetypes()


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_brief_is_one_that_a_planner_can_use(name: str) -> None:
    expert = load_archetypes({})[name]
    assert re.fullmatch(r"[A-Z][A-Za-z ]+", expert.title)
    assert re.fullmatch(r"[A-Z][^\n]+\.", expert.summary)
    assert 80 <= len(expert.brief.split()) <= 300
    # What each has to say: the order of work, what stays with people, and what is easily left out.
    assert expert.brief.startswith("Phases")
    assert "\nFor a person: " in expert.brief
    assert "\nNever forget: " in expert.brief
    assert not re.search(r"\byou are\b", expert.brief, re.IGNORECASE)


def test_own_ones_come_after_and_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
    [archetypes.translator]
    title = "Translator"
    brief = "Terms first."

    [archetypes.marketer]
    title = "Our marketer"
    summary = "Knows our customers."
    brief = "Ask Anna."
    """
    own = settings_of(text, tmp_path, monkeypatch).archetypes
    found = load_archetypes(own)
    assert list(found) == [*BUILT_IN, "translator"]
    assert (found["translator"].title, found["translator"].summary) == ("Translator", "")
    assert found["marketer"].brief == "Ask Anna."
    assert load_archetypes({})["marketer"].title == "Marketer"


@pytest.mark.parametrize(
    "text",
    ['title = "T"', 'brief = "B"', 'title = ""\nbrief = "B"', 'title = "T"\nbrief = "B"\ntools = ["shell"]'],
    ids=["no brief", "no title", "empty title", "unknown field"],
)
def test_an_own_one_that_is_not_whole_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="translator"):
        settings_of(f"[archetypes.translator]\n{text}\n", tmp_path, monkeypatch)


def test_the_document_names_them_all_and_its_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCUMENT.read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert told == {name: expert.summary for name, expert in load_archetypes({}).items()}
    example = re.search(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert example
    own = settings_of(example[1], tmp_path, monkeypatch).archetypes
    assert list(own) == ["translator"]
    assert 80 <= len(own["translator"].brief.split()) <= 300
