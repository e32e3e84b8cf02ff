"""Completes what people type for an id: the end or beginning of it, or a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import click

from app.cli.listing import short_id
from app.cli.words import visible
from signoff import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from signoff import AsyncSignoff

_WHOLE_PROJECT = re.compile(r"proj_[0-9a-z]{26}")
_MAX_SHOWN = 10


class Candidate(NamedTuple):
    """Something that a word may refer to: its id, what people call it, and what to show of it."""

    id: str
    names: tuple[str, ...] = ()
    shown: str = ""


def pick(text: str, candidates: Iterable[Candidate], noun: str) -> str:
    """The id of the only candidate to which `text` refers. Text that refers to none is returned unchanged.

    Raises:
        click.UsageError: it refers to more than one; the message lists them.
    """
    known = list(candidates)
    if any(one.id == text for one in known):
        return text
    # A whole name comes before a part of an id, which may look the same by chance.
    found = [one for one in known if text in one.names] or [one for one in known if _refers(text, one)]
    if len(found) > 1:
        raise _ambiguous(text, found, noun, len(found))
    return found[0].id if found else text


def _refers(text: str, one: Candidate) -> bool:
    kind, _, rest = one.id.partition("_")
    begins = one.id.startswith((f"{kind}_{text}", text)) if rest else False
    return begins or one.id.endswith(text) or text.casefold() in {name.casefold() for name in one.names}


def _ambiguous(text: str, found: Sequence[Candidate], noun: str, total: int) -> click.UsageError:
    lines = [f"  {visible(one.id)}  {visible(one.shown or ', '.join(one.names))}" for one in found[:_MAX_SHOWN]]
    lines += [f"  and {total - _MAX_SHOWN} more"] if total > _MAX_SHOWN else []
    example = short_id(found[0].id)
    return click.UsageError(
        "\n".join(
            [f"'{visible(text)}' may be any of {total} {noun}:", *lines, f"Use more of the id, such as {example}."]
        )
    )


async def whole_id(api: AsyncSignoff, text: str) -> str:
    """The id of the project to which `text` refers. Text that refers to none is returned unchanged.

    Raises:
        click.UsageError: the text refers to more than one project; the message lists them.
    """
    if not text or _WHOLE_PROJECT.fullmatch(text):
        return text
    listed = await api.projects.list(ref=text, limit=_MAX_SHOWN)
    if not listed.total:
        listed = await api.projects.list(ref=text, archived="true", limit=_MAX_SHOWN)
    rows = [Candidate(row.id, (row.name,), f"{row.status:9}  {row.name}") for row in listed.projects]
    if listed.total > len(rows):
        raise _ambiguous(text, rows, "projects", listed.total)
    # The server compares names without accents.
    return rows[0].id if len(rows) == 1 else pick(text, rows, "projects")


async def whole_task(api: AsyncSignoff, project_id: str, text: str) -> str:
    """The id of a task, from its key, a part of its id, or its title."""
    try:
        return (await api.tasks.get(project_id, text)).id
    except NotFound as error:
        if error.code != "task_not_found":
            raise
    tasks = (await api.tasks.list(project_id)).tasks
    return pick(
        text, (Candidate(task.id, (task.key, task.title), f"{task.key}  {task.title}") for task in tasks), "tasks"
    )


async def whole_phase(api: AsyncSignoff, project_id: str, text: str) -> str:
    """The id of a phase, from its key, a part of its id, or its name."""
    phases = (await api.phases.list(project_id)).phases
    return pick(
        text, (Candidate(phase.id, (phase.key, phase.name), f"{phase.key}  {phase.name}") for phase in phases), "phases"
    )


async def whole_decision(api: AsyncSignoff, project_id: str, text: str) -> str:
    """The id of a decision, from a part of it, or from the key of the task that asks for it."""
    decisions = (await api.decisions.list(project_id)).decisions
    keys = {task.id: task.key for task in (await api.tasks.list(project_id)).tasks}
    rows = [
        Candidate(one.id, (keys.get(one.task_id or "", ""),) if one.status == "open" else (), one.question or one.kind)
        for one in decisions
    ]
    return pick(text, rows, "decisions")
