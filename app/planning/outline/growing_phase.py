"""A phase while its sections are read: the tasks so far, and what comes before the next one."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.planning.outline.parts import TaskParts
from app.planning.outline.section import Section

DEFAULT_PHASE = "Tasks"


@dataclass
class Phase:
    """A phase while it is read.

    Attributes:
        section: the section that it is made of.
        gate: the last tasks of what is in order so far. Whatever comes next waits for them.
        open: the last tasks of bulleted items since then, which only an ordered step waits for.
        last_number: the number that would continue the last numbered list.
    """

    section: Section
    description: list[str] = field(default_factory=list[str])
    tasks: list[TaskParts] = field(default_factory=list[TaskParts])
    gate: list[TaskParts] = field(default_factory=list[TaskParts])
    open: list[TaskParts] = field(default_factory=list[TaskParts])
    last_number: int | None = None


def append_text(part: TaskParts, text: str) -> None:
    """Add a text below the description of a task."""
    part.description = f"{part.description}\n\n{text}" if part.description else text
