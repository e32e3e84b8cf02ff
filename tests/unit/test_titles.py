"""Titles that are words and inline code are read by a shorter way, which finds the same."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from app.planning.outline.inline import read_title

PIECES = st.sampled_from(
    ["a", "B c", " ", "`", "``", "`x y`", "` `", "` z `", ":", ": ", "_", "*", "**", "[b](c)", "\t", "."]
)


@given(st.lists(PIECES, max_size=10).map("".join))
@example("Build: `make`")
@example("`make` ")
@example("Build:` make `")
@example("Build:: `make`")
def test_a_comment_at_the_end_changes_nothing_about_a_title(line: str) -> None:
    assert read_title(line, {}) == read_title(f"{line}<!-- -->", {})
