"""Divides Markdown into blocks, with the rules of CommonMark and GitHub's tables that can apply to the text at all.

A parser tries each of its rules at each line. Most documents have no HTML, no tables and no quotes, so that most of the work
would be in vain.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A list and its item are two levels each. What is nested deeper than this is text.
MAX_NESTING = 40

# What a text must contain so that a rule can apply to one of its lines.
_NEEDED = {
    "table": re.compile(r"\|"),
    "code": re.compile(r" {4}|\t"),
    "fence": re.compile("`{3}|~{3}"),
    "blockquote": re.compile(">"),
    "hr": re.compile(r"([-*_])[ \t]*\1[ \t]*\1"),
    "reference": re.compile(r"\]:"),
    "html_block": re.compile("<"),
    "heading": re.compile("#"),
    "lheading": re.compile(r"[-=][ \t]*$", re.MULTILINE),
}


def parse(text: str) -> tuple[list[Token], dict[str, str]]:
    """The tokens of all blocks, and the addresses that link definitions give, by normalized label.

    Inline markup is not read.

    Args:
        text: lines that end with LF.
    """
    env: dict[str, dict[str, dict[str, str]]] = {}
    without = frozenset(rule for rule, needed in _NEEDED.items() if needed.search(text) is None)
    tokens = _parser(without).parse(text, env)
    return tokens, {label: found["href"] for label, found in env.get("references", {}).items()}


@lru_cache(maxsize=128)
def _parser(without: frozenset[str]) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable(["inline", "text_join"])
    return parser.disable(sorted(without))
