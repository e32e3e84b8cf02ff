"""Divides a document into its title and its sections, and says what each section is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from app.domain.plan import PhaseDraft
from app.planning.outline import scripts
from app.planning.outline.asides import (
    FoldMark,
    fold_marks,
    kind_of_folded,
    rest_of,
    warn_of_fold,
    with_folded_text,
    with_samples,
)
from app.planning.outline.attributes import KEY, choice, condition, yes_or_no
from app.planning.outline.blocks import PHASE_FENCE, Block, Fence, Heading, Item, List, Text
from app.planning.outline.context import Context
from app.planning.outline.fences import read_model
from app.planning.outline.findings import Findings
from app.planning.outline.inline import read_title
from app.planning.outline.items import has_steps, is_text
from app.planning.outline.numbered_headings import with_prose_steps
from app.planning.outline.parts import KEY_FORM, RUN, is_unknown, key_message, read_run
from app.planning.outline.section import CONTINUED, Section
from app.planning.outline.sections import Kind, is_alternative, is_retired, kind_of, plain, takes_back
from app.planning.outline.shared_settings import SHARED, read_shared
from signoff.vocabulary import PhaseStrategy, RunsOn

# The attributes of a phase: the field of `Section` that each sets, and how its value is read.
_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "approval": ("requires_approval", yes_or_no),
    "if": ("condition", condition),
    "on": ("runs_on", choice(RunsOn)),
}
_STRATEGY = re.compile(r"(.*\S)\s*\((parallel|sequential|dag)\)", re.IGNORECASE)
_CONTENTS_LINE = re.compile(r"\s*(?:(?:[-*+]|[0-9]{1,9}[.)])\s+)+\[[^\[\]]*\]\(#[^()]*\)\s*")
# Kinds that hold for everything below a section, whatever its own headings say.
_WHOLE = frozenset({Kind.TEXT, Kind.CHECKLIST})


def divide(blocks: list[Block], findings: Findings) -> list[Section]:
    """The sections of a document, in the order of the text. Blocks that belong to the item above are in that item."""
    divider = _Divider(findings)
    blocks = with_folded_text(blocks, findings)
    marks = fold_marks(blocks)
    for number, block in enumerate(blocks):
        if number not in marks:
            divider.add(block)
        elif isinstance(block, Text):
            divider.fold(block, marks[number], blocks[number + 1 :])
        else:
            divider.unfold(len(marks[number]))
            divider.add(block)
    divider.finish()
    sections = divider.sections
    for section in sections:
        section.blocks = with_samples(section.blocks, is_step, findings)
        _find_texts(section)
    with_prose_steps(sections, shows_steps, findings)
    _find_title(sections)
    _find_kinds(sections)
    return sections


# Headings in folded text are below it, whatever their level is.
_FOLDED_LEVEL = 10


class _Divider:
    """Puts blocks into sections. Afterwards, `sections` has all of them, in the order of the text."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.current = Section(0)
        self.sections = [self.current]
        self._path = [self.current]
        # The folded text that is open: its section; None if it is read like the text around it.
        self._folds: list[Section | None] = []
        # Text behind folded text, which belongs to the step that follows it, if one does.
        self._waiting: list[Block] = []

    def add(self, block: Block) -> None:
        """Add the next block."""
        if isinstance(block, Heading):
            made = _section(block, self.findings)
            made.level += _FOLDED_LEVEL * self._depth
            self._open(made)
        elif isinstance(block, Fence) and block.language == PHASE_FENCE:
            made = _json_phase(block, self.findings)
            if made is not None:
                made.level += _FOLDED_LEVEL * self._depth
                self._open(made)
        elif self.current.continued:
            self._continue(block)
        else:
            _append(self.current, block)

    def fold(self, block: Text, marks: list[FoldMark], following: list[Block]) -> None:
        """Begin and end folded text. What else the block of HTML holds stays text."""
        plain = True
        for mark in marks:
            if not mark.opens:
                plain = self.unfold(1) and plain
            elif kind_of_folded(mark.name) is None or mark.is_text:
                self._folds.append(None)
                if any(is_step(other) for other in following[: _until_end(following)]):
                    warn_of_fold(mark.name, block.line, self.findings)
            else:
                plain = False
                made = _section(Heading(block.line, block.end, 1, mark.summary, block.source), self.findings)
                made.folded = True
                made.level = _FOLDED_LEVEL * (self._depth + 1)
                self._folds.append(made)
                self._open(made)
        kept = block if plain else rest_of(block)
        if kept is not None:
            self.add(kept)

    def unfold(self, count: int) -> bool:
        """End folded text. Return whether it was read like the text around it."""
        plain = True
        for _ in range(count):
            section = self._folds.pop()
            if section is None:
                continue
            plain = False
            self.finish()
            while self._path.pop() is not section:
                pass
            self.current = self._path[-1]
            self.current.continued = True
        return plain

    @property
    def _depth(self) -> int:
        return sum(section is not None for section in self._folds)

    def _open(self, section: Section) -> None:
        self.finish()
        while self._path[-1].level >= section.level:
            self._path.pop()
        self._put(section)
        self._path.append(section)

    def _put(self, section: Section) -> None:
        section.parent = self._path[-1]
        section.parent.children.append(section)
        self.sections.append(section)
        self.current = section

    def finish(self) -> None:
        """Put text that no step follows into the section around it."""
        for block in self._waiting:
            _append(self.current, block)
        self._waiting = []

    def _continue(self, block: Block) -> None:
        """Text behind folded text belongs to the section around it, and steps are a section of their own, to stay in order."""
        self._waiting.append(block)
        if is_step(block):
            self._put(Section(block.line, level=self._path[-1].level + 1, name=CONTINUED))
            self.finish()


def _until_end(blocks: list[Block]) -> int:
    """The number of blocks before the next end of folded text."""
    ends = (
        number for number, block in enumerate(blocks) if isinstance(block, Text) and "</details" in block.source.lower()
    )
    return next(ends, len(blocks))


def is_contents(block: Block) -> bool:
    """Whether a list only holds links to sections of its document."""
    return isinstance(block, List) and all(
        _CONTENTS_LINE.fullmatch(line) for line in block.source.split("\n") if line.strip()
    )


def is_step(block: Block) -> bool:
    """Whether a top-level block is a step, or a list of steps."""
    if isinstance(block, List):
        return not is_contents(block) and not is_text(block)
    return isinstance(block, Fence) and (scripts.is_action(block) or scripts.is_own(block) or scripts.is_shown(block))


def holds_steps(section: Section) -> bool:
    """Whether steps stand directly below the heading of a section."""
    return any(is_step(block) for block in section.blocks)


def _find_texts(section: Section) -> None:
    """Commands that do not say so are text in a section that says what to do."""
    if any(is_step(block) and not (isinstance(block, Fence) and scripts.is_shown(block)) for block in section.blocks):
        section.blocks = [
            replace(block, is_text=True) if isinstance(block, Fence) and scripts.is_shown(block) else block
            for block in section.blocks
        ]


def _append(section: Section, block: Block) -> None:
    before = section.blocks[-1] if section.blocks else None
    if isinstance(block, Fence) and isinstance(before, List) and not is_contents(before):
        last = before.items[-1]
        before.items[-1] = Item(last.line, block.end, last.blocks)
        last.blocks.append(block)
        source = before.source + "\n" * max(block.line - before.end + 1, 1) + block.source
        section.blocks[-1] = List(before.line, block.end, before.start, source, before.items)
    else:
        section.blocks.append(block)


def _section(heading: Heading, findings: Findings) -> Section:
    column = findings.column_of(heading.line, heading.text)
    title = read_title(heading.text, {})
    if title.attributes and is_unknown(title.attributes):
        findings.warn(heading.line, "The braces in this heading are treated as text: they hold no attributes.")
        title = read_title(heading.text.replace("{", "\\{"), {})
    match = _STRATEGY.fullmatch(title.text)
    section = Section(heading.line, column, heading.level, match[1] if match else title.text)
    section.strategy = match[2].lower() if match else PhaseStrategy.DAG
    section.explicit = match is not None or bool(title.attributes)
    if title.misshapen is not None:
        message = "These attributes are not valid. Write {#key approval=yes} at the end of the line."
        findings.problem(heading.line, column + title.misshapen, message)
    for name, value, offset in title.attributes:
        message = _apply(name, value, section)
        if name in _FIELDS:
            section.places.setdefault(_FIELDS[name][0], (heading.line, column + offset))
        if message:
            findings.problem(heading.line, column + offset, message)
    if not section.name:
        if section.explicit:
            findings.problem(heading.line, column, "This phase has no name.")
        section.name = "-" if section.explicit else ""
    return section


def _apply(name: str, value: str | None, section: Section) -> str | None:
    """Apply one attribute to a section. Return its problem, if it has one."""
    if name == KEY and KEY_FORM.fullmatch(value or ""):
        section.key = value
    elif name == KEY:
        return key_message(value or "")
    elif name in _FIELDS:
        return _read_field(name, value or "", section)
    elif name in SHARED:
        return read_shared(name, value, section.shared)
    elif name == RUN:
        fields: dict[str, bool] = {}
        message = read_run(value, fields)
        section.run = fields.get(RUN)
        return message
    else:
        known = ", ".join(["#key", *_FIELDS, *SHARED, RUN])
        return f"Unknown attribute '{name}' of a phase; known: {known}."
    return None


def _read_field(name: str, value: str, section: Section) -> str | None:
    """Set the field of an attribute. Return its problem, if it has one."""
    attribute, read = _FIELDS[name]
    if attribute in section.places:
        return f"'{name}' appears twice."
    try:
        setattr(section, attribute, read(value))
    except ValueError as error:
        return f"'{name}' {error}." if str(error).startswith("must") else f"{name}: {error}."
    return None


def _json_phase(fence: Fence, findings: Findings) -> Section | None:
    column = findings.column_of(fence.line, fence.language)
    if not fence.closed:
        findings.problem(fence.line, column, "This block has no end. Close it with ```.")
    draft = read_model(PhaseDraft, fence, findings)
    if draft is None:
        return None
    if draft.tasks:
        findings.problem(fence.line, column, "A phase block cannot contain tasks. Write them as list items.")
    fields = draft.model_dump(exclude={"tasks"})
    # JSON is explicit: its name is only a name.
    return Section(fence.line, column, 2, explicit=True, run=True, **fields)


def _find_title(sections: list[Section]) -> None:
    """The first heading is the title if it is of level 1, and the only one of them with steps, or has none."""
    if len(sections) < 2 or sections[1].level != 1 or holds_steps(sections[0]):
        return
    first, others = sections[1], [section for section in sections[2:] if section.level == 1]
    below = [section for section in first.all_below() if holds_steps(section)]
    elsewhere = [part for section in others for part in section.all_below() if holds_steps(part)]
    first.is_title = not elsewhere or not below


def _find_alternatives(sections: list[Section]) -> None:
    for section in sections:
        groups: dict[int, list[Section]] = {}
        for child in section.children:
            if child.run is None and not child.says_when and is_alternative(child.name):
                groups.setdefault(child.level, []).append(child)
                child.alternatives = groups[child.level]


def _kind(section: Section) -> Kind | None:
    if section.run is not None:
        return None if section.run else Kind.TEXT
    if section.says_when:
        return None
    above = section.parent.kind if section.parent is not None else None
    named = kind_of_folded if section.folded else kind_of
    own = named(section.name)
    if section.is_title:
        own = Kind.CHECKLIST if is_retired(section.name) else None
    if above in _WHOLE:
        return above
    if own == Kind.ALTERNATIVE:
        # A single folded way is for whoever opens it.
        return own if len(section.alternatives) > 1 else Kind.CONDITIONAL if section.folded else None
    if own == Kind.REMARK:
        return None if any(_runs(part) for part in section.all_below()) else Kind.TEXT
    return own


def _find_opposites(sections: list[Section]) -> None:
    """A section that takes back what the one beside it does is not always done."""
    for section in sections:
        beside = [child for child in section.children if shows_steps(child)]
        for before, child in pairwise(beside):
            free = child.kind is None and child.run is None and not child.explicit and before.kind is None
            if free and child.level == before.level and takes_back(child.name, before.name):
                child.kind = Kind.CONDITIONAL


def _find_kinds(sections: list[Section]) -> None:
    _find_alternatives(sections)
    for section in sections[1:]:
        section.kind = _kind(section)
    _find_opposites(sections)
    if not any(holds_steps(section) and not _is_aside(section) for section in sections):
        # Nothing else holds steps, so these are what the document is about.
        for section in sections:
            if section.run is not False:
                section.kind = None


def _is_aside(section: Section | None) -> bool:
    """Whether a section is part of a rollback, or text that its heading does not call so."""
    while section is not None and section.run is None:
        if section.kind in {Kind.ROLLBACK, Kind.TEXT}:
            return True
        section = section.parent
    return False


def shows_steps(section: Section) -> bool:
    """Whether a section, or one below it, holds steps."""
    return any(map(holds_steps, section.all_below()))


def _runs(section: Section) -> bool:
    return any(
        (isinstance(block, Fence) and scripts.is_action(block))
        or (isinstance(block, List) and has_steps(block, Context(Findings(""))))
        for block in section.blocks
    )


def heading_of(section: Section) -> str:
    """The name of a section without its number, as an option of a decision."""
    return plain(section.name) or section.name


def text_blocks(section: Section) -> list[Text]:
    """The blocks of a section that are text."""
    return [block for block in section.blocks if isinstance(block, Text)]
