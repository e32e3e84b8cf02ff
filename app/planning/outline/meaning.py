"""Refuses the attributes of an item that mean nothing for what its task does."""

from __future__ import annotations

from typing import get_args

from app.domain.attributes import API_NAMES, ATTRIBUTES, means, why_meaningless
from app.domain.plan import TaskDraft
from app.planning.outline.findings import Findings
from app.planning.outline.parts import TaskParts
from signoff.vocabulary import LimitName

# The attribute of each field that an item can set.
_ATTRIBUTES = {
    **{name: name for name in ATTRIBUTES},
    **{field: attribute for attribute, field in API_NAMES.items()},
    **dict.fromkeys(get_args(LimitName), "limits"),
    "expires_seconds": "expires",
    "every_seconds": "every",
    "until_seconds": "until",
}
# How a description names a field, if not by its attribute: a limit has a name of its own.
_SHOWN = {field: field for field in get_args(LimitName)}


def check_meaning(task: TaskDraft, part: TaskParts, findings: Findings) -> None:
    """Record a problem for each attribute of an item that means nothing for the action of its task."""
    if not (part.places or task.inputs) or findings.has_problem(part.line):
        return
    places = {**part.places, **({"inputs": (part.line, part.column)} if task.inputs else {})}
    for field, place in places.items():
        attribute = _ATTRIBUTES.get(field)
        if attribute is not None and not means(task.action.type, attribute):
            message = why_meaningless(task.action.type, attribute, _SHOWN.get(field, attribute))
            # Its author may have meant it to run.
            because = f" A person does this step: {part.why_by_hand}." if part.why_by_hand else ""
            findings.problem(*place, message + because)
