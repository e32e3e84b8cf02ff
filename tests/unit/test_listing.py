"""Tables of the command line: what a narrow terminal shows, and what a pipe gets."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from app.cli.listing import Cell, extra, fixed, new_console, piped, short_ids, shortened, table, title
from app.cli.references import Candidate, pick

COLUMNS = (fixed("id"), fixed("status"), title("name"), extra("created"), "note", piped("sha256"))
NAME = "The weekly report about all orders, for the whole team"
ROWS = [
    ("k2m9x1", "✓ completed", NAME, "2026-11-24 03:12", "", "a" * 64),
    (
        "q8w3zt",
        "▸ running",
        "Nightly 日本語の名前 import of the orders",
        "2026-11-24 03:12",
        "waits for approval",
        "b" * 64,
    ),
]


def drawn(width: int) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(table(COLUMNS, ROWS, footer="2 of 7"))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40])
def test_a_table_fits_the_terminal(width: int) -> None:
    lines = drawn(width)
    assert all(cell_len(line) <= width for line in lines), lines
    assert [line.split()[0] for line in lines if line.startswith(("k2m9x1", "q8w3zt"))] == ["k2m9x1", "q8w3zt"]
    assert "completed" in "".join(lines), "a status is never cut"
    assert lines[-1].strip() == "2 of 7"
    assert "aaa" not in "".join(lines)


def test_a_wide_table_has_every_column_and_whole_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    ident = short_ids(["proj_01k00000000000000000000001", "proj_01k00000000000000000000002"])
    rows = [(ident("proj_01k00000000000000000000001"), *ROWS[0][1:])]
    console = new_console(wide=True)
    with console.capture() as capture:
        console.print(table(COLUMNS, rows, footer="1 of 7"))
    heading, row, footer = re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()
    assert heading.split() == ["id", "status", "name", "created", "note", "sha256"]
    assert [part for part in row.split("  ") if part] == [
        "proj_01k00000000000000000000001",
        "✓ completed",
        NAME,
        "2026-11-24 03:12",
        "a" * 64,
    ]
    assert footer == "1 of 7"


def test_what_matters_least_goes_first() -> None:
    assert NAME in "".join(drawn(200))
    eighty, sixty = "\n".join(drawn(80)), "\n".join(drawn(60))
    assert "The week" in sixty
    assert "…" in sixty, "titles are shortened in the middle"
    assert "hole team" in sixty
    assert "created" not in sixty
    assert len(eighty.splitlines()) == len(sixty.splitlines()) == 4, "one line for each row"


def test_a_pipe_gets_whole_values_between_tabs() -> None:
    console = new_console()
    rows = [(Cell(console.render_str("short"), "proj_whole"), "a\tb\nc", None, True)]
    with console.capture() as capture:
        console.print(table(("id", "name", "", ""), [*rows, ("x" * 300, "\x1b[31m", ["a", "b"], 1.5)], footer="2 of 2"))
    assert capture.get() == "proj_whole\ta b c\t\tyes\n" + "x" * 300 + "\t\\x1b[31m\ta, b\t1.5\n"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc…fg"), ("日本語日本語", 6, "日…語"), ("abc", 1, "…"), ("", 3, "")],
)
def test_texts_are_shortened_in_the_middle(text: str, width: int, expected: str) -> None:
    assert shortened(text, width) == expected


def test_short_ids_stay_unique() -> None:
    assert short_ids(["proj_aaaaaa111111", "proj_bbbbbb222222"])("proj_aaaaaa111111").shown.plain == "111111"
    same = short_ids(["proj_aaaaax111111", "proj_bbbbby111111"])
    assert [same(one).shown.plain for one in ("proj_aaaaax111111", "proj_bbbbby111111")] == ["x111111", "y111111"]
    assert same("proj_aaaaax111111").piped == "proj_aaaaax111111"


def test_a_word_refers_to_one_thing() -> None:
    known = [
        Candidate("key_01aa", ("nightly",)),
        Candidate("key_01ab", ("weekly", "w@example.com")),
        Candidate("key_02ab"),
    ]
    assert pick("nightly", known, "keys") == "key_01aa"
    assert pick("Weekly", known, "keys") == "key_01ab"
    assert pick("aa", known, "keys") == "key_01aa"
    assert pick("02", known, "keys") == "key_02ab"
    assert pick("key_01aa", [*known, Candidate("key_3", ("key_01aa",))], "keys") == "key_01aa"
    assert pick("nothing", known, "keys") == "nothing"
    for unclear in ("ab", "01", "key_"):
        with pytest.raises(Exception, match=r"may be any of \d keys:\n  key_0") as caught:
            pick(unclear, known, "keys")
        assert caught.type.__name__ == "UsageError"
