"""Makes steps of numbered headings that only have text below them: "## 1. Announce", "## Step 2: Check the dashboard".

A heading is a step only if it is part of a sequence: the headings beside it count on from 0 or 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.planning.outline.blocks import Item, List, Text
from app.planning.outline.findings import Findings
from app.planning.outline.inline import escaped
from app.planning.outline.section import Section
from app.planning.outline.sections import Kind, kind_of

_NUMBER = re.compile(
    r"\W*(?:(?:step|task|action)\s*#?\s*([0-9]{1,3})\b|([0-9]{1,3})\s*(?:[.):]|[\u2013\u2014-](?=\s))\s+\S)",
    re.IGNORECASE,
)
# What such a section is, is text without steps, or says itself when it applies.
_NO_STEP = frozenset({Kind.TEXT, Kind.REMARK, Kind.CHECKLIST, Kind.ROLLBACK, Kind.ALTERNATIVE})


def with_prose_steps(sections: list[Section], shows_steps: Callable[[Section], bool], findings: Findings) -> None:
    """Give each numbered heading of a sequence that only has text below it a step for a person, with a warning.

    Args:
        sections: all sections of a document.
        shows_steps: whether a section, or one below it, holds steps.
        findings: where warnings go.
    """
    for section in sections:
        levels: dict[int, list[Section]] = {}
        for child in section.children:
            levels.setdefault(child.level, []).append(child)
        for children in levels.values():
            for child in _sequence(children):
                if _is_prose(child) and not shows_steps(child):
                    _make_step(child, findings)


def _sequence(children: list[Section]) -> list[Section]:
    """The sections whose headings count on from 0 or 1. Empty if they are fewer than two, or count differently."""
    found = [(int(match[1] or match[2]), child) for child in children if (match := _NUMBER.match(child.name))]
    numbers = [number for number, _ in found]
    counts = len(found) > 1 and numbers[0] < 2 and numbers == list(range(numbers[0], numbers[0] + len(found)))
    return [child for _, child in found] if counts else []


def _is_prose(section: Section) -> bool:
    """Whether a section is a leaf that no attribute and no heading around it makes anything else."""
    if section.explicit or section.children or section.folded:
        return False
    part: Section | None = section
    while part is not None:
        if part.run is False or kind_of(part.name) in _NO_STEP:
            return False
        part = part.parent
    return True


def _make_step(section: Section, findings: Findings) -> None:
    end = section.blocks[-1].end if section.blocks else section.line + 1
    # The checkbox makes it a step for a person, whatever else could do it.
    title = f"[ ] {escaped(section.name)}"
    item = Item(section.line, end, [Text(section.line, section.line + 1, "paragraph", title, title), *section.blocks])
    section.blocks = [List(section.line, end, None, f"- {title}", [item])]
    findings.warn(
        section.line,
        "This heading is numbered and has only text below it, so it is a step for a person. To keep it as text, add "
        "{run=no} to the heading.",
    )
