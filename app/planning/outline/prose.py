"""Splits plain prose into steps. "Weekly report: gather metrics, write a summary and mail it" has three steps.

Each sentence is a step. A sentence is split further only if it clearly lists things to do. In doubt, it stays whole: a missing
task is easier to notice and to fix than a sentence in pieces.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

_LEAD = re.compile(r"\s*([^\s:.;!?,`][^:.;!?,`\n]{0,79}):\s+(?=\S)")
_KEPT_WHOLE = re.compile(r'`[^`]{1,300}`|"[^"]{1,300}"|“[^”]{1,300}”|\([^()]{1,300}\)')
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]+[)\"”'’]*\s+|;\s+|[。！？；]\s*")  # noqa: RUF001 - CJK punctuation is meant
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|cf|vs|etc|approx|incl|no|nr|mr|mrs|ms|dr|st|z\.b|d\.h|bzw|[^\W\d_])$", re.IGNORECASE
)
_COMMA = re.compile(r",\s+(?:(?:and\s+then|and|then)\s+)?", re.IGNORECASE)
_THEN = re.compile(r"(?<=\S)\s+(?:and\s+)?then\s+", re.IGNORECASE)
_AND = re.compile(r"(?<=\S)\s+and\s+(?=\S)", re.IGNORECASE)
_OPENING = re.compile(
    r"(?:please|and\s+then|and|then|first|firstly|next|finally|lastly|afterwards|after\s+that),?\s+(?=\S)",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"\S+\s+(?:the|a|an|it|them|all|each|every|its|this|that|these|those|our|my|your|their|any|[`0-9])", re.IGNORECASE
)
_LINE_START = re.compile(r"\s*[A-Z0-9À-ÖØ-Þ`]")
_MAX_WORDS = 12
_MAX_CLAUSE = 200

_VERB_LIST = """
    add analyse analyze approve archive ask assemble assess assign attach audit back backup bake book build buy calculate
    call check choose clean clear clone close collect combine commit compare compile compose compress compute
    configure confirm connect convert cook copy count create cut decide define delete deliver deploy design determine
    develop discuss document download draft draw edit email enable ensure estimate evaluate examine execute
    explain export extract fetch file fill filter find finish fix format forward gather generate get give hand
    hold identify implement import improve inform inspect install interview invite join label launch list load log
    look mail make map mark measure meet merge migrate monitor move name note notify open order organise organize
    pack parse pay pick plan plot post prepare present print process produce proofread provide publish pull push
    put query raise rank read rebuild record refactor register release remove rename render repair replace reply
    report request research reset resolve restart restore review revise run save scan schedule score search select
    send set share ship show sign sort split stage start stop store submit summarise summarize switch sync tag
    take talk tell test tidy track train transfer transform translate trim turn uninstall unpack update upgrade
    upload validate verify wait warn wash watch write zip
"""
_NO_STEP_LIST = """
    a an the which who whom whose where when while with without for to of in on at by from into onto as because
    since so but or nor if unless until it its he she they we you i this that these those our my their your his
    her all each both either neither including such like than not no only also even especially depending based
"""

_VERBS = frozenset(_VERB_LIST.split())
_NO_STEP = frozenset(_NO_STEP_LIST.split())


class Step(NamedTuple):
    """One step as written, and the line on which it starts, counted from 0."""

    line: int
    text: str


def split_lead(text: str) -> tuple[str, str]:
    """Split "Weekly report: gather …" into `("Weekly report", "gather …")`. The first part is empty without a title."""
    match = _LEAD.match(text)
    return (match[1].strip(), text[match.end() :]) if match else ("", text)


def read_steps(text: str, line: int) -> list[Step]:
    """The steps of a paragraph that starts on `line`."""
    masked = _KEPT_WHOLE.sub(lambda match: match[0][0] + "x" * (len(match[0]) - 1), text)
    breaks = [match.start() for match in re.finditer("\n", text)]
    steps: list[Step] = []
    for begin, end in _sentences(masked, breaks):
        for first, last in _clauses(masked, begin, end):
            piece = " ".join(text[first:last].split()).rstrip(".,;!…。；！")  # noqa: RUF001 - CJK punctuation is meant
            if any(character.isalnum() for character in piece):
                steps.append(Step(line + bisect_left(breaks, first), piece))
    return steps


def _sentences(masked: str, breaks: list[int]) -> Iterator[tuple[int, int]]:
    begin = 0
    # Lines that all start like sentences are a list, even without full stops at their ends.
    edges = [*breaks, len(masked)]
    separate = len(edges) > 1 and all(
        _LINE_START.match(masked, start) for start in [0, *(position + 1 for position in breaks)]
    )
    ends = [(match.start(), match.end()) for match in _SENTENCE_END.finditer(masked) if _ends(masked, match)]
    for first, last in sorted([*ends, *((edge, edge) for edge in edges if separate or edge == len(masked))]):
        if first > begin:
            yield begin, first
        begin = max(begin, last)


def _ends(masked: str, match: re.Match[str]) -> bool:
    return match[0][0] != "." or _ABBREVIATION.search(masked[max(match.start() - 12, 0) : match.start()]) is None


def _clauses(masked: str, begin: int, end: int) -> list[tuple[int, int]]:
    begin = _skip_opening(masked, begin, end)
    commas = list(_COMMA.finditer(masked, begin, end))
    thens = list(_THEN.finditer(masked, begin, end))
    clauses: list[tuple[int, int]] = []
    start = begin
    for first, last in sorted({match.span() for match in (*commas, *thens)}):
        if first >= start:
            clauses.append((start, first))
            start = last
    clauses = [(_skip_opening(masked, first, last), last) for first, last in [*clauses, (start, end)]]
    if len(clauses) > 1 and not _are_steps([masked[first:last].lower().split() for first, last in clauses], commas):
        return [(begin, end)]
    return [part for clause in clauses for part in _cut_at_and(masked, *clause)]


def _are_steps(clauses: list[list[str]], commas: list[re.Match[str]]) -> bool:
    if any(not words or len(words) > _MAX_WORDS or words[0] in _NO_STEP for words in clauses):
        return False
    if not commas or clauses[0][0] in _VERBS:
        return not commas or all(words[0] in _VERBS for words in clauses)
    # The verb is not on the list, or the text is in another language.
    return len(clauses) > 2 and all(len(words) > 1 for words in clauses)


def _cut_at_and(masked: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Two clauses if both start with a verb and the second has its own object: "write it and mail the draft"."""
    for match in _AND.finditer(masked, begin, end):
        if match.start() - begin > _MAX_CLAUSE:
            break
        left = masked[begin : match.start()].lower().split()
        right = masked[match.end() : min(end, match.end() + _MAX_CLAUSE)].lower()
        words = right.split(maxsplit=1)
        clear = 1 < len(left) <= _MAX_WORDS and left[0] in _VERBS and bool(words) and words[0] in _VERBS
        if clear and _OBJECT.match(right):
            return [(begin, match.start()), (match.end(), end)]
    return [(begin, end)]


def _skip_opening(masked: str, begin: int, end: int) -> int:
    while begin < end and masked[begin].isspace():
        begin += 1
    match = _OPENING.match(masked, begin, end)
    return match.end() if match else begin
