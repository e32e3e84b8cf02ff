"""Reads the blocks of a description: headings, text, lists and fences, each with its position in the source.

Only CommonMark's block structure is used. Inline markup stays text for two reasons: titles and commands must stay exactly as
written, and block parsing alone takes linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

SHELLS = ("sh", "bash", "shell")
ACTION_FENCES = (*SHELLS, "http", "prompt", "action")
ENV_FENCE = "env"
FENCES = (*ACTION_FENCES, "inputs", ENV_FENCE, "task")
PHASE_FENCE = "phase"

_PARSER = MarkdownIt("commonmark").disable(["inline", "text_join", "code", "blockquote", "html_block", "reference"])
_MARKER = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])( *)")
_NESTED_TASK = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])\s+(?:\[[ xX]\]|`)|.*\{#[^{}]*\}\s*$")


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 6."""

    line: int
    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph, or anything else that stays as written."""

    line: int
    text: str


@dataclass(frozen=True)
class Fence:
    """A fenced block. `info` is the text after the language; `end` is the line after the block."""

    line: int
    end: int
    language: str
    info: str
    content: str


@dataclass(frozen=True)
class Item:
    """A list item: its first line, the text after it, and the fences that have a meaning."""

    line: int
    title: str
    title_line: int
    body: str
    fences: list[Fence]
    other_fences: list[Fence]
    nested_task: int | None


@dataclass(frozen=True)
class List:
    """A top-level list. `start` is the first number of an ordered list."""

    line: int
    start: int | None
    items: list[Item] = field(default_factory=list[Item])


Block = Heading | Text | Fence | List


def read_blocks(lines: list[str]) -> list[Block]:
    """The top-level blocks, in order. Horizontal rules such as `---` have no meaning and are skipped."""
    root = SyntaxTreeNode(_PARSER.parse("\n".join(lines)))
    return [block for node in root.children if (block := _block(node, lines)) is not None]


def _block(node: SyntaxTreeNode, lines: list[str]) -> Block | None:
    begin, end = _span(node)
    if node.type == "heading":
        return Heading(begin, int(node.tag[1:]), _content(node).replace("\n", " ").strip())
    if node.type == "fence":
        return _fence(node)
    if node.type in {"bullet_list", "ordered_list"}:
        start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
        return List(begin, start, [_item(child, lines) for child in node.children])
    return None if node.type == "hr" else Text(begin, _trim(lines[begin:end]))


def _item(node: SyntaxTreeNode, lines: list[str]) -> Item:
    line, end = _span(node)
    body_from, title, title_line = line, "", line
    first = node.children[0] if node.children else None
    if first is not None and first.type in {"paragraph", "heading"}:
        title_line, after = _span(first)
        text = _content(first)
        heading = first.type == "heading"
        title = text.replace("\n", " ") if heading else text.split("\n", 1)[0].rstrip()
        body_from = after if heading else title_line + 1
    every = [_fence(child) for child in node.children if child.type == "fence"]
    # A block of variables in an item that runs nothing shows the contents of a file.
    runs = "`" in title or any(fence.language in ACTION_FENCES for fence in every)
    known = [name for name in FENCES if runs or name != ENV_FENCE]
    fences = [fence for fence in every if fence.language in known]
    return Item(
        line=line,
        title=title,
        title_line=title_line,
        body=_body(lines, body_from, end, fences, _content_indent(lines[line])),
        fences=fences,
        other_fences=[fence for fence in every if fence.language not in known],
        nested_task=_nested_task(node, lines),
    )


def _body(lines: list[str], begin: int, end: int, fences: list[Fence], indent: int) -> str:
    parts: list[str] = []
    for fence in fences:
        parts.append(_trim([_dedent(line, indent) for line in lines[begin : fence.line]]))
        begin = fence.end
    parts.append(_trim([_dedent(line, indent) for line in lines[begin:end]]))
    return "\n\n".join(part for part in parts if part)


def _nested_task(node: SyntaxTreeNode, lines: list[str]) -> int | None:
    for child in node.children:
        if child.type in {"bullet_list", "ordered_list"}:
            begin, end = _span(child)
            for number in range(begin, end):
                if _NESTED_TASK.match(lines[number]):
                    return number
    return None


def _fence(node: SyntaxTreeNode) -> Fence:
    begin, end = _span(node)
    language, _, info = node.info.strip().partition(" ")
    return Fence(begin, end, language.lower(), info.strip(), node.content.removesuffix("\n"))


def _content_indent(line: str) -> int:
    # CommonMark: the text of an item starts after the marker and one to four spaces. With more or none, it starts after one.
    expanded = line.expandtabs(4)
    match = _MARKER.match(expanded)
    if match is None:
        return 0
    spaces = len(match[1])
    return match.end() if 1 <= spaces <= 4 and match.end() < len(expanded) else match.start(1) + 1


def _dedent(line: str, indent: int) -> str:
    rest = line.lstrip(" \t")
    lead = line[: len(line) - len(rest)].expandtabs(4)
    return lead[min(indent, len(lead)) :] + rest


def _trim(lines: list[str]) -> str:
    begin, end = 0, len(lines)
    while begin < end and not lines[begin].strip():
        begin += 1
    while begin < end and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[begin:end])


def _content(node: SyntaxTreeNode) -> str:
    return node.children[0].content if node.children else ""


def _span(node: SyntaxTreeNode) -> tuple[int, int]:
    span = node.map
    if span is None:
        raise AssertionError(f"a block of type {node.type} without lines")
    return span
