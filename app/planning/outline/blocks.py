"""Reads the blocks of a description: headings, text, lists and fences, each with its position in the source.

The block structure is CommonMark's, with GitHub's tables. Inline markup is read in `inline`, and only where a title needs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from app.planning.outline.markdown import parse
from app.planning.outline.outdented import Outdented, indent_blocks

SHELLS = ("sh", "bash", "shell")
ACTION_FENCE = "action"
ACTION_FENCES = (*SHELLS, "http", "prompt", ACTION_FENCE)
FENCES = (*ACTION_FENCES, "inputs", "task")
ENV_FENCE = "env"
PHASE_FENCE = "phase"

_MARKER = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])( *)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CLOSING = re.compile(r"(`{3,}|~{3,})\s*$")


@dataclass(slots=True)
class Heading:
    """A heading of level 1 to 6. `text` is its content, `source` the lines as written."""

    line: int
    end: int
    level: int
    text: str
    source: str


@dataclass(slots=True)
class Text:
    """Anything that stays as written. `kind` is markdown-it's name of the block, such as `paragraph` or `table`."""

    line: int
    end: int
    kind: str
    source: str
    content: str = ""


@dataclass(slots=True)
class Fence:
    """A fenced block. `info` is the text after the language; `source` is the whole block as written.

    `is_text`: whether what stands around it says that it is text.
    """

    line: int
    end: int
    language: str
    info: str
    content: str
    source: str
    closed: bool = True
    is_text: bool = False


@dataclass(slots=True)
class Item:
    """A list item and the blocks in it."""

    line: int
    end: int
    blocks: list[Block]


@dataclass(slots=True)
class List:
    """A list. `start` is the first number of an ordered list."""

    line: int
    end: int
    start: int | None
    source: str
    items: list[Item] = field(default_factory=list[Item])


Block = Heading | Text | Fence | List


@dataclass(frozen=True)
class Document:
    """The top-level blocks in order, and the addresses that link definitions give, by normalized label.

    `outdented`: the blocks of items whose lines were indented to the text of their item.
    """

    blocks: list[Block]
    definitions: dict[str, str]
    outdented: list[Outdented] = field(default_factory=list[Outdented])


def blocks_of(text: str) -> list[Block]:
    """The blocks of any text, whatever ends its lines."""
    return read_blocks(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).blocks


def read_blocks(lines: list[str]) -> Document:
    """Read a document. Comments and link definitions are no blocks."""
    tokens, definitions = parse("\n".join(lines))
    document = Document(_blocks(_tree(tokens), lines, None), definitions)
    if not _has_open_block(document.blocks, inside=False):
        return document
    indented, outdented = indent_blocks(lines)
    if not outdented:
        return document
    tokens, definitions = parse("\n".join(indented))
    return Document(_blocks(_tree(tokens), indented, None), definitions, outdented)


def _has_open_block(blocks: list[Block], *, inside: bool) -> bool:
    """Whether a fence in a list item has no end, although it could have one outside of the item."""
    return any(
        (isinstance(block, Fence) and inside and not block.closed)
        or (
            isinstance(block, List)
            and ("```" in block.source or "~~~" in block.source)
            and any(_has_open_block(item.blocks, inside=True) for item in block.items)
        )
        for block in blocks
    )


class _Node:
    """A block, its token, and what is in it. markdown-it's own tree takes as long as the parsing itself."""

    __slots__ = ("children", "token", "type")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.type = token.type.removesuffix("_open")
        self.children: list[_Node] = []


def _tree(tokens: list[Token]) -> list[_Node]:
    top: list[_Node] = []
    inside = [top]
    for token in tokens:
        if token.nesting < 0:
            inside.pop()
            continue
        node = _Node(token)
        inside[-1].append(node)
        if token.nesting:
            inside.append(node.children)
    return top


def joined(blocks: Sequence[Block], lines: list[str]) -> str:
    """The source of blocks, with the empty lines between them as written. One empty line stands for anything else there."""
    parts: list[str] = []
    end = 0
    for block in blocks:
        if parts:
            empty = not any(line.strip() for line in lines[end : block.line])
            parts.append("\n" * (block.line - end + 1) if empty and block.line >= end else "\n\n")
        parts.append(block.source)
        end = block.end
    return "".join(parts)


def _blocks(nodes: list[_Node], lines: list[str], item: int | None) -> list[Block]:
    """The blocks of `nodes`. `item` is the line of the list item that contains them."""
    indent = 0 if item is None else _content_indent(lines[item])
    found = [_line(node, lines, indent, item) or _block(node, lines, indent, item) for node in nodes]
    return [block for block in found if block is not None]


def _block(node: _Node, lines: list[str], indent: int, item: int | None) -> Block | None:
    begin, end = _span(node, lines)
    source = _source(lines, begin, end, indent, item)
    if node.type == "heading":
        text = _without_comments(_content(node)).replace("\n", " ").strip()
        return Heading(begin, end, int(node.token.tag[1:]), text, source)
    if node.type == "fence":
        language, _, info = node.token.info.strip().partition(" ")
        if "{" in language and not language.startswith("{"):
            language, _, rest = language.partition("{")
            info = f"{{{rest} {info}"
        closed = _is_closed(node, lines, begin, end)
        content = node.token.content.removesuffix("\n") if closed else node.token.content.rstrip("\n")
        return Fence(begin, end, language.lower(), info.strip(), content, source, closed)
    if node.type in {"bullet_list", "ordered_list"}:
        start = int(node.token.attrs.get("start", 1)) if node.type == "ordered_list" else None
        return List(begin, end, start, source, [_item(child, lines) for child in node.children])
    if node.type == "hr":
        # Between two texts of an item it is part of them; between sections it has no meaning.
        return None if item is None else Text(begin, end, "hr", source)
    content = _content(node) if node.type == "paragraph" else ""
    if "<!--" in source and "`" not in source and node.type != "code_block":
        source = _trim(_without_comments(source).split("\n"))
        content = _without_comments(content).strip()
        if not source.strip():
            return None
    return Text(begin, end, node.type, source, content)


def _without_comments(text: str) -> str:
    """The text without HTML comments. One without an end is text."""
    # What begins behind the last end is not searched: each begin there would look at all of the rest.
    end = text.rfind("-->") + 3
    return text if end < 3 else _COMMENT.sub("", text[:end]) + text[end:]


def _line(node: _Node, lines: list[str], indent: int, item: int | None) -> Text | None:
    """A paragraph of a single line, as most items are. None if it is another block, or not that simple."""
    if node.type != "paragraph" or node.children:
        return None
    begin, _ = _lines_of(node)
    line = lines[begin]
    if "\t" in line or "<!--" in line:
        return None
    source = line if item is None else line[indent:] if begin == item else _dedent(line, indent)
    return Text(begin, begin + 1, "paragraph", source, node.token.content)


def _item(node: _Node, lines: list[str]) -> Item:
    begin, end = _span(node, lines)
    blocks = _blocks(node.children, lines, begin)
    if not node.children:
        # Beyond the deepest nesting that is read, everything is text.
        source = _source(lines, begin, end, _content_indent(lines[begin]), begin)
        if source.strip():
            blocks.append(Text(begin, end, "paragraph", source, source))
    return Item(begin, end, blocks)


def _is_closed(node: _Node, lines: list[str], begin: int, end: int) -> bool:
    match = _CLOSING.search(lines[end - 1]) if end - 1 > begin else None
    return match is not None and match[1][0] == node.token.markup[0] and len(match[1]) >= len(node.token.markup)


def _source(lines: list[str], begin: int, end: int, indent: int, item: int | None) -> str:
    if item is None:
        return _trim(lines[begin:end])
    if begin == item:
        return _trim([lines[begin].expandtabs(4)[indent:], *(_dedent(line, indent) for line in lines[begin + 1 : end])])
    return _trim([_dedent(line, indent) for line in lines[begin:end]])


def _content_indent(line: str) -> int:
    # CommonMark: the text of an item starts after the marker and one to four spaces. With more or none, it starts after one.
    expanded = line.expandtabs(4) if "\t" in line else line
    match = _MARKER.match(expanded)
    if match is None:
        return 0
    spaces = len(match[1])
    return match.end() if 1 <= spaces <= 4 and match.end() < len(expanded) else match.start(1) + 1


def _dedent(line: str, indent: int) -> str:
    if "\t" not in line and line.startswith(" " * indent):
        return line[indent:]
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


def _content(node: _Node) -> str:
    return node.children[0].token.content if node.children else node.token.content


def _span(node: _Node, lines: list[str]) -> tuple[int, int]:
    """The lines of a block, without empty lines after it."""
    begin, end = _lines_of(node)
    while end - 1 > begin and not lines[end - 1].strip():
        end -= 1
    return begin, end


def _lines_of(node: _Node) -> list[int]:
    if node.token.map is None:
        raise AssertionError(f"a block of type {node.type} without lines")
    return node.token.map
