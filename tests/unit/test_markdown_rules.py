"""The parser of blocks leaves out rules that cannot apply to a text, which changes nothing about what it reads."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.domain.plan import PlanDraft
from app.planning.outline.markdown import MAX_NESTING, parse
from app.planning.outline.reader import read_outline
from tests.unit.effort import lines_executed

ALL = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable(["inline", "text_join"])
CASES = json.loads((Path(__file__).parents[1] / "cases" / "outline.json").read_text())
PIECES = st.sampled_from(
    [
        *(
            "a",
            "b c",
            "\n",
            "\n\n",
            "-",
            "- ",
            "* ",
            "1. ",
            "12) ",
            "+ ",
            " ",
            "  ",
            "    ",
            "\t",
            "> ",
            ">",
            "# ",
            "##",
        ),
        *(
            "=",
            "==",
            "--",
            "---",
            "- - -",
            "***",
            "_ _ _",
            "`",
            "```",
            "~~~",
            "```sh\n",
            "|",
            "| a |\n|---|\n",
            "|-|",
            ":-",
        ),
        *("<", "<div>", "<!--", "-->", "[a]: b", "]:", "[a]", "{run}", "\\", "&amp;", "\u00a0", "\x0b"),
    ]
)


def shape(tokens: list[Token]) -> list[dict[str, Any]]:
    """What the tokens say, with one token for each paragraph."""
    shown: list[dict[str, Any]] = [{**token.as_dict(), "hidden": False} for token in tokens]
    for token, content in pairwise(shown):
        if token["type"] == "paragraph_open":
            token |= {"type": "paragraph", "nesting": 0, "content": content["content"]}
            content["type"] = "paragraph_content"
    return [token for token in shown if token["type"] not in {"paragraph_content", "paragraph_close"}]


def check(text: str) -> None:
    env: dict[str, dict[str, dict[str, str]]] = {}
    expected = shape(ALL.parse(text, env))
    tokens, definitions = parse(text)
    assert shape(tokens) == expected
    assert definitions == {label: found["href"] for label, found in env.get("references", {}).items()}


class TestRules:
    @given(st.lists(PIECES, max_size=40).map("".join))
    def test_any_text_is_read_as_with_all_rules(self, text: str) -> None:
        check(text)

    @pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
    def test_so_are_documents(self, case: dict[str, str]) -> None:
        check(case["input"].replace("\r\n", "\n").replace("\r", "\n"))


class TestGrowth:
    @pytest.mark.parametrize(
        "unit",
        [
            *("- a\n", "1. a: `b $C`\n", "- [ ] a: `b c`\n", "- a\n  - b: `c d`\n", "```sh\na b\n```\n\n"),
            *("## a\n\nOn b-1:\n\n```sh\nc d\n```\n\n", "- On Debian: `a`\n- On macOS: `b`\n- c\n"),
            *("```sh\nf() { a; }\ncd x\nb\n```\n\n```sh\nf y\n./z\n```\n\n", "1. a\n\n   ```sh\n   b\n   ```\n"),
        ],
    )
    def test_twice_the_text_takes_twice_the_work(self, unit: str) -> None:
        def work(units: int) -> int:
            return lines_executed(lambda: self.read(unit * units), *("/outline/" + name for name in self.files()))

        assert work(160) < 2.2 * work(80)

    @staticmethod
    def files() -> list[str]:
        return [path.name for path in (Path(__file__).parents[2] / "app/planning/outline").glob("*.py")]

    @staticmethod
    def read(text: str) -> PlanDraft:
        return read_outline(text, has_model=False)
