"""Divides Markdown into blocks, with the rules of CommonMark and GitHub's tables that can apply to the text at all.

A parser tries each of its rules at each line. Most documents have no HTML, no tables and no quotes, so that most of the work
would be in vain. Most paragraphs of a list have a single line, which needs no rules at all.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import mdTrim
from markdown_it.parser_block import ParserBlock
from markdown_it.rules_block import StateBlock
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


# The beginning of a line that can only be a paragraph, whatever the text around it is.
_WORDS = re.compile(r"[A-Za-z]|`[^`\n]|\[[ xX]\] |\*\*[A-Za-z]")
# What ends a paragraph: an item of a list around it, and an item of a list of its own.
_OUTER_ITEM = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)])(?=[ \t\n]|$)")
_INNER_ITEM = re.compile(r"[-*+] +[A-Za-z`\[]")


def parse(text: str) -> tuple[list[Token], dict[str, str]]:
    """The tokens of all blocks, and the addresses that link definitions give, by normalized label.

    Inline markup is not read. A paragraph of a single line can be one token, `paragraph`, instead of three.

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
    blocks = _Blocks()
    blocks.ruler = parser.block.ruler
    parser.block = blocks
    return parser.disable(sorted(without))


class _Blocks(ParserBlock):
    """The parser of blocks, with a short way for paragraphs of a single line."""

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:  # noqa: N803 - the names of the base class
        """Append the tokens of these lines."""
        rules = self.ruler.getRules("")
        line, has_empty = startLine, False
        while line < endLine:
            state.line = line = state.skipEmptyLines(line)
            if line >= endLine or state.sCount[line] < state.blkIndent:
                break
            if state.level >= MAX_NESTING:
                state.line = endLine
                break
            if _is_paragraph(state, line):
                token = state.push("paragraph", "p", 0)
                token.content = mdTrim(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]])
                token.map = [line, line + 1]
                state.line = line + 1
            else:
                # The last rule, for paragraphs, takes any line.
                any(rule(state, line, endLine, False) for rule in rules)
            # The list around these lines is loose if one of them is empty, unless it is the last.
            state.tight = not has_empty
            line = state.line
            if line - 1 < endLine and state.isEmpty(line - 1):
                has_empty = True
            if line < endLine and state.isEmpty(line):
                has_empty = True
                state.line = line = line + 1


def _is_paragraph(state: StateBlock, line: int) -> bool:
    """Whether a line is a paragraph of its own. False if only the rules can tell."""
    src, indent = state.src, state.sCount[line] - state.blkIndent
    if indent > 3 or _WORDS.match(src, state.bMarks[line] + state.tShift[line]) is None:
        return False
    line += 1
    if line >= state.lineMax or state.isEmpty(line):
        return True
    indent = state.sCount[line]
    begin = state.bMarks[line] + state.tShift[line]
    if indent < state.blkIndent:
        # From four spaces on, it is another line of the paragraph.
        may_be_item = state.parentType == "list" and 0 <= indent < state.listIndent + 4
        return may_be_item and _OUTER_ITEM.match(src, begin) is not None
    return indent - state.blkIndent <= 3 and _INNER_ITEM.match(src, begin) is not None
