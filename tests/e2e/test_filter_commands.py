"""`signoff filters`, and lists through a saved filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signoff import AsyncSignoff
from tests.conftest import Stack
from tests.e2e.command_line import CommandLine


@pytest.fixture
def cli(signoff: Stack, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"SIGNOFF_URL": signoff.url, "SIGNOFF_DATA_DIR": str(tmp_path / "data")})


async def test_a_list_is_shown_through_a_saved_filter(signoff: Stack, cli: CommandLine) -> None:
    await signoff.create("- A", name="Through a filter", labels=["filtered-here"])
    await signoff.create("- A", name="Elsewhere, and filtered", labels=["filtered-there"])
    saved = await cli("filters", "save", "Here", "--label", "filtered-here", "--since", "2026-01-01")
    assert saved.code == 0, saved
    shown = await cli("projects", "list", "--filter", "here", "--json")
    assert [row["name"] for row in json.loads(shown.out)["projects"]] == ["Through a filter"]
    # An option takes the place of the filter's own condition.
    other = await cli("projects", "list", "--filter", "Here", "--label", "filtered-there", "--json")
    assert [row["name"] for row in json.loads(other.out)["projects"]] == ["Elsewhere, and filtered"]
    every = await cli("projects", "list", "--filter", "Here", "--all", "--json")
    assert [row["name"] for row in json.loads(every.out)["projects"]] == ["Through a filter"]
    unknown = await cli("projects", "list", "--filter", "Nowhere")
    assert (unknown.code, "signoff filters list" in " ".join(unknown.err.split())) == (2, True), unknown


async def test_filters_are_listed_replaced_and_deleted(signoff: Stack, cli: CommandLine) -> None:
    assert (await cli("filters", "save", "Broken", "--status", "failed")).code == 0
    again = await cli("filters", "save", "BROKEN", "--status", "cancelled", "--label", "ops")
    assert again.code == 0, again
    listed = await cli("filters", "list")
    (line,) = (line for line in listed.out.splitlines() if "BROKEN" in line)
    assert "status=cancelled label=ops" in line
    nothing = await cli("filters", "save", "Everything")
    assert (nothing.code, "--status" in nothing.err) == (2, True), nothing
    both = await cli("filters", "save", "Both", "--since", "7d", "--changed-since", "1d")
    assert (both.code, "not by both" in both.err) == (1, True), both
    assert (await cli("filters", "delete", "broken")).code == 0
    assert "BROKEN" not in (await cli("filters", "list")).out
    gone = await cli("filters", "delete", "broken")
    assert (gone.code, "There is no saved filter 'broken'" in gone.err) == (2, True), gone


async def test_the_client_saves_changes_and_deletes_filters(signoff: Stack) -> None:
    async with AsyncSignoff(signoff.url) as client:
        saved = await client.filters.save("By the client", status="running")
        changed = await client.filters.change(saved.id, "By a client", label="ops", status=None)
        assert (changed.id, changed.conditions.status, changed.conditions.label) == (saved.id, None, "ops")
        assert changed in (await client.filters.list()).filters
        assert await client.filters.delete(saved.id) == changed
