"""Reads the inline markup of a title: code, links, comments, escapes and attributes. It takes linear time."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from markdown_it.common.utils import normalizeReference

from app.planning.outline.attributes import Attribute, looks_misshapen, read_block
from app.planning.outline.factories import no_links, no_texts

_TICKS = re.compile(r"`+")
_MARK = re.compile(r"[`{\\<\[!&]|\*\*|__")
_SIMPLE = re.compile(r"([^`{\\<\[!&*_]*)`([^`]*[^`\s][^`]*)`\s*")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>")
_LABEL = re.compile(r"!?\[((?:[^\[\]\\]|\\.)*)\]")
_TARGET = re.compile(r"""\(\s*<?([^()\s<>]*(?:\([^()\s<>]*\)[^()\s<>]*)*)>?(?:\s+(?:"[^"()]*"|'[^'()]*'))?\s*\)""")
_REFERENCE = re.compile(r"\[([^\[\]]*)\]")
_REFERENCES = re.compile(
    r"(?P<code>`[^`]*`)|(?<![\\\]])\[(?P<text>[^\[\]]{1,300})\](?:\[(?P<label>[^\[\]]{0,300})\])?(?![(:])"
)
_FENCE = re.compile(r"[ >]{0,8}(`{3,}|~{3,})")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z0-9]{2,31});")
# Attributes that are written without a value.
_FLAGS = frozenset({"run", "milestone"})
_COLON = re.compile(r"\s*[:：]\s*$")  # noqa: RUF001 - the full-width colon is meant

# Behind a command, it says that the command is not always run.
_CONDITION = re.compile(
    r"\s*\((?:optional(?:ly)?|(?:only )?(?:if|as|when|where) (?:needed|necessary|required|applicable))\)[\s.]*",
    re.IGNORECASE,
)


def _no_attributes() -> list[Attribute]:
    return []


@dataclass(slots=True)
class Title:
    """A title without its markup. Offsets count from 0 in the source.

    Attributes:
        text: every word of it, without attributes.
        codes: its pieces of inline code.
        command: the code that it says to run: `Title: code` at the end, or nothing but the code; `(optional)` can follow.
        label: the text before that command.
        links: the links in it, as text and address.
        attributes: what stands in braces at its end, or before the command.
        misshapen: offset of braces that are not valid attributes, but look as if they were meant to be.
    """

    text: str
    codes: list[str] = field(default_factory=no_texts)
    command: str | None = None
    label: str = ""
    links: list[tuple[str, str]] = field(default_factory=no_links)
    attributes: list[Attribute] = field(default_factory=_no_attributes)
    misshapen: int | None = None


class _Scanner:
    """One pass over a line. `pieces` are pairs of a kind (`text`, `code` or `strong`) and a text."""

    def __init__(self, line: str, definitions: Mapping[str, str]) -> None:
        self.line = line
        self.definitions = definitions
        self.pieces: list[tuple[str, str]] = []
        self.codes: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.attributes: list[Attribute] = []
        self.misshapen: int | None = None
        self._closing: dict[int, list[int]] = {}
        for match in _TICKS.finditer(line):
            begin, end = match.span()
            self._closing.setdefault(end - begin, []).append(begin)
        self._last_comment_end = line.rfind("-->")

    def run(self) -> None:
        position = 0
        while (match := _MARK.search(self.line, position)) is not None:
            at = match.start()
            if at > position:
                self.pieces.append(("text", self.line[position:at]))
            position = self._mark(at, match[0])
        self._add(self.line[position:])

    def _add(self, text: str, kind: str = "text") -> None:
        if text:
            self.pieces.append((kind, text))

    def _mark(self, at: int, mark: str) -> int:
        """Read what a special character begins. Return the position after it."""
        line = self.line
        after: int | None = None
        if mark == "`":
            after = self._code(at)
        elif mark == "\\" and line[at + 1 : at + 2] in _PUNCTUATION:
            self._add(line[at + 1])
            after = at + 2
        elif mark == "<":
            after = self._angle(at)
        elif mark in "[!":
            after = self._link(at)
        elif mark == "{":
            after = self._braces(at)
        elif mark == "&" and (entity := _ENTITY.match(line, at)) is not None:
            self._add(html.unescape(entity[0]).replace("\n", " "))
            after = entity.end()
        elif mark in {"**", "__"}:
            self._add(mark, "strong")
            after = at + 2
        if after is None:
            self._add(mark)
            after = at + len(mark)
        return after

    def _code(self, at: int) -> int:
        match = _TICKS.match(self.line, at)
        run = len(match[0]) if match else 1
        starts = self._closing.get(run, [])
        index = bisect_right(starts, at)
        if index >= len(starts):
            self._add("`" * run)
            return at + run
        close = starts[index]
        code = _padded(self.line[at + run : close])
        self.codes.append(code)
        self._add(code, "code")
        return close + run

    def _angle(self, at: int) -> int | None:
        if self.line.startswith("<!--", at) and self._last_comment_end > at:
            return self.line.index("-->", at) + 3
        match = _AUTOLINK.match(self.line, at)
        if match is None:
            return None
        self._add(match[1])
        return match.end()

    def _link(self, at: int) -> int | None:
        label = _LABEL.match(self.line, at)
        if label is None:
            return None
        end = label.end()
        if (target := _TARGET.match(self.line, end)) is not None:
            address, end = target[1], target.end()
        else:
            reference = _REFERENCE.match(self.line, end)
            name = reference[1] if reference is not None and reference[1] else label[1]
            found = self.definitions.get(normalizeReference(name)) if self.definitions else None
            if found is None:
                return None
            address, end = found, reference.end() if reference is not None else end
        inner = read_title(label[1], {}, nested=True)
        self.codes += inner.codes
        self._add(inner.text or address)
        self.links.append((inner.text, address))
        return end

    def _braces(self, at: int) -> int | None:
        found = read_block(self.line, at) if not self.attributes and self.line[at - 1 : at] not in {"$", "{"} else None
        if found is not None and self.line[found[1] : found[1] + 1] == "`" and _is_role(found[0]):
            return None
        if found is not None:
            self.attributes, end = found
            if self.pieces and self.pieces[-1][0] == "text":
                self.pieces[-1] = ("text", self.pieces[-1][1].rstrip())
            return end
        if looks_misshapen(self.line, at):
            self.misshapen = at
        return None


def _is_role(attributes: list[Attribute]) -> bool:
    """Whether braces right before code are a role of Sphinx, as in {doc}`page`."""
    return len(attributes) == 1 and attributes[0].value is None and attributes[0].name not in _FLAGS


def read_title(line: str, definitions: Mapping[str, str], *, nested: bool = False) -> Title:
    """Read one line of Markdown as a title.

    Args:
        line: the line; of a paragraph, its lines joined by spaces.
        definitions: the addresses of link definitions, by normalized label.
        nested: whether the line is the text of a link, which has no attributes and no command.
    """
    if _MARK.search(line) is None:
        return Title(line.strip())
    simple = None if nested else _SIMPLE.fullmatch(line)
    if simple is not None:
        return _simple_title(simple[1], _padded(simple[2]))
    scanner = _Scanner(line, definitions)
    scanner.run()
    pieces = _without_strong(scanner.pieces)
    text = "".join(piece for _, piece in pieces).strip()
    title = Title(text, scanner.codes, links=scanner.links)
    if nested:
        return title
    title.attributes, title.misshapen = scanner.attributes, scanner.misshapen
    while pieces and not pieces[-1][1].strip():
        pieces.pop()
    condition = ""
    if len(pieces) > 1 and pieces[-1][0] == "text" and pieces[-2][0] == "code" and _CONDITION.fullmatch(pieces[-1][1]):
        condition = pieces.pop()[1].strip(" .")
    if pieces and pieces[-1][0] == "code" and len(title.codes) == 1:
        before = "".join(piece for _, piece in pieces[:-1]).strip()
        if not before or _COLON.search(before):
            title.command = pieces[-1][1]
            label = _COLON.sub("", before).strip()
            title.label = f"{label} {condition}".strip() if label else ""
    return title


def _simple_title(before: str, code: str) -> Title:
    """The title of a line with nothing but words and inline code at its end, as most commands are written."""
    title = Title(f"{before}{code}".strip(), [code])
    words = before.strip()
    if not words or _COLON.search(words):
        title.command, title.label = code, _COLON.sub("", words).strip()
    return title


def escaped(text: str) -> str:
    """`text` written so that `read_title` gives it back."""
    return re.sub(r"([`{\\<\[!&*_])", r"\\\1", text)


def with_links(text: str, definitions: Mapping[str, str]) -> str:
    """A text whose references to link definitions, `[text][label]` and `[label]`, are links of their own. Code stays as it is."""

    def written(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        label = match["label"] or match["text"]
        address = definitions.get(normalizeReference(label))
        return match[0] if address is None else f"[{match['text']}]({address})"

    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark is not None and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence and not line.startswith(("    ", "\t")):
            line = _REFERENCES.sub(written, line)  # noqa: PLW2901 - the line, with its links
        lines.append(line)
    return "\n".join(lines)


def _padded(text: str) -> str:
    # CommonMark: one space is removed on each side, so that code can start or end with a backtick.
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == " " and text.strip(" ") else text


def _without_strong(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the marks of bold text, which come in pairs. A mark without a partner is text."""
    if all(kind != "strong" for kind, _ in pieces):
        return pieces
    result: list[tuple[str, str]] = []
    waiting: dict[str, int] = {}
    for index, (kind, text) in enumerate(pieces):
        if kind != "strong":
            result.append((kind, text))
            continue
        before = pieces[index - 1][1][-1:] if index else ""
        behind = pieces[index + 1][1][:1] if index + 1 < len(pieces) else ""
        opens = bool(behind.strip()) and (text == "**" or not before.isalnum())
        closes = bool(before.strip()) and (text == "**" or not behind.isalnum())
        if closes and text in waiting:
            result[waiting.pop(text)] = ("text", "")
        else:
            if opens and text not in waiting:
                waiting[text] = len(result)
            result.append(("text", text))
    return [piece for piece in result if piece[1]]
