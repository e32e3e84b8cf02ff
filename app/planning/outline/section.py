"""A section of a document while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.planning.outline.blocks import Block
from app.planning.outline.elsewhere import is_elsewhere, runs_elsewhere
from app.planning.outline.parts import Answer
from app.planning.outline.sections import Kind, kind_of
from app.planning.outline.shared_settings import SharedSettings
from signoff.vocabulary import PhaseStrategy, RunsOn

# The name of the steps of a section behind folded text in it.
CONTINUED = "Continued"


@dataclass
class Section:
    """A heading and what stands directly below it. The first section of a document has no heading.

    Attributes:
        parent: the section that contains it.
        explicit: whether the heading has attributes or an order, or is a `phase` block: it stays a phase without tasks.
        kind: what the section is; None: steps, as usual.
        alternatives: if it is one of several alternatives, all of them.
        condition: when its phase runs, in the form of `app.domain.plan.TaskCondition`.
        answer: the answer to a question of the plan without which its phase is skipped, instead of a condition.
        asked: whether that question is about this section, and not about one that contains it.
        shared: the settings that its heading and its `env` block give to its tasks.
        places: the line and column of each field that an attribute sets.
        run: what `{run}` or `{run=no}` in its heading says.
        elsewhere: whether its heading says that its commands are for another machine.
        folded: whether it is folded text (`<details>`) with a name, and no heading.
        continued: whether folded text in it has ended, so that more steps are no longer next to its first ones.
    """

    line: int
    column: int = 0
    level: int = 0
    name: str = ""
    parent: Section | None = None
    blocks: list[Block] = field(default_factory=list[Block])
    children: list[Section] = field(default_factory=list["Section"])
    strategy: str = PhaseStrategy.DAG
    key: str | None = None
    requires_approval: bool | None = None
    condition: dict[str, Any] | None = None
    answer: Answer | None = None
    asked: bool = False
    runs_on: str = RunsOn.SUCCESS
    shared: SharedSettings = field(default_factory=SharedSettings)
    places: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    description: str = ""
    explicit: bool = False
    kind: Kind | None = None
    run: bool | None = None
    elsewhere: bool = False
    is_title: bool = False
    folded: bool = False
    continued: bool = False
    alternatives: list[Section] = field(default_factory=list["Section"])

    @property
    def path(self) -> str:
        """Its name behind the names of the sections that contain it."""
        names = [self.name]
        above = self.parent
        while above is not None and above.name and not above.is_title:
            names.append(above.name)
            above = above.parent
        return ": ".join(reversed(names))

    @property
    def takes_back(self) -> bool:
        """Whether its heading, or that of a section around it, says that it takes something back: "Rollback"."""
        section: Section | None = self
        while section is not None:
            if kind_of(section.name) == Kind.ROLLBACK:
                return True
            section = section.parent
        return False

    def inherit(self) -> None:
        """Take from the section that contains it what its own heading does not say: when and where it runs, and settings."""
        above = self.parent
        if above is None:
            return
        self.elsewhere = self.run is None and (
            above.elsewhere or is_elsewhere(self.name) or runs_elsewhere(self.name, self._sources)
        )
        self.shared = self.shared.over(above.shared)
        if self.condition is None and not self.asked:
            self.condition, self.answer = above.condition, above.answer
        if "runs_on" not in self.places and self.runs_on == RunsOn.SUCCESS:
            self.runs_on = above.runs_on
        if self.requires_approval is None and self.runs_on != RunsOn.ALWAYS:
            self.requires_approval = above.requires_approval

    def _sources(self) -> str:
        return "\n".join(block.source for part in self.all_below() for block in part.blocks)

    @property
    def says_when(self) -> bool:
        """Whether its heading says when it runs."""
        return bool({"condition", "runs_on"} & self.places.keys())

    def all_below(self) -> list[Section]:
        """The section and everything in it, in the order of the text."""
        found: list[Section] = []
        waiting: list[Section] = [self]
        while waiting:
            section = waiting.pop()
            found.append(section)
            waiting.extend(reversed(section.children))
        return found
