"""The parts of a task, and the attributes in braces that set them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from app.domain.attributes import means
from app.domain.limits import parse_size
from app.domain.plan import KEY_PATTERN, ActionSpec, TaskDraft
from app.planning.outline.attributes import (
    KEY,
    Attribute,
    choice,
    condition,
    duration,
    expectation,
    names,
    whole,
    yes_or_no,
)
from app.planning.outline.factories import no_fields, no_places, no_texts
from app.planning.outline.findings import Findings
from signoff.vocabulary import AfterFailure, DecidedBy, LimitName, OnCrash

MAX_TITLE_LENGTH = 200

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
KEY_FORM = re.compile(KEY_PATTERN)
# The line and the column of an offset in a title.
Place = Callable[[int], tuple[int, int]]


def no_tasks() -> list[TaskParts]:
    """No tasks."""
    return []


@dataclass(slots=True)
class TaskParts:
    """Everything that is known about a task.

    Attributes:
        line: the line of its title.
        column: the column of its title.
        after: the keys that its author names.
        follows: the tasks that it waits for because of the order of the text.
        name: the name that another tool gives its block. The key is made from it.
        ends_with: the last tasks of its item; who waits for the key of this task waits for them too.
        answer: the answer to a question of the plan without which it is skipped.
        by_hand: whether a person does it, even if there is a model.
        why_by_hand: why a person does what its block says, if that is because of what the block holds.
        must_run: whether its author says that it runs, or says of it what means something only for a step that runs.
        whole: the task written as JSON, which defines everything on its own.
    """

    line: int
    column: int
    title: str = ""
    description: str = ""
    action: ActionSpec | None = None
    key: str | None = None
    name: str = ""
    after: list[str] = field(default_factory=no_texts)
    follows: list[TaskParts] = field(default_factory=no_tasks)
    fields: dict[str, Any] = field(default_factory=no_fields)
    places: dict[str, tuple[int, int]] = field(default_factory=no_places)
    ends_with: list[TaskParts] = field(default_factory=no_tasks)
    answer: Answer | None = None
    by_hand: bool = False
    why_by_hand: str = ""
    must_run: bool = False
    whole: TaskDraft | None = None


@dataclass(frozen=True)
class Answer:
    """An answer to a question that the plan asks because of how its text is read."""

    question: TaskParts
    value: str


_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "after": ("depends_on", names),
    "if": ("condition", condition),
    "approval": ("requires_approval", yes_or_no),
    "agent": ("agent_id", str),
    "retries": ("retries", whole),
    "timeout": ("timeout_seconds", duration),
    "on_crash": ("on_crash", choice(OnCrash)),
    "after_failure": ("after_failure", choice(AfterFailure)),
    "reads": ("reads", names),
    "writes": ("writes", names),
    "memory": ("memory", parse_size),
    "processes": ("processes", whole),
    "file_size": ("file_size", parse_size),
    "open_files": ("open_files", whole),
    "cpu_seconds": ("cpu_seconds", whole),
    "files": ("expected_files", names),
    "wait": ("wait", duration),
    "cwd": ("cwd", str),
    "expect": ("expect", expectation),
    "every": ("every_seconds", duration),
    "until": ("until_seconds", duration),
    "decision": ("options", names),
    "default": ("default", str),
    "expires": ("expires_seconds", duration),
    "stop": ("stop", names),
    "by": ("by", choice(DecidedBy)),
    "other_than": ("other_than", str),
}
# The attributes that are fields of the action, by field.
_OF_AN_ACTION = {"cwd": "cwd", "env": "env", "expect": "expect", "every_seconds": "every", "until_seconds": "until"}
# The fields of a decision task besides its options.
_OF_A_DECISION = {
    "default": "default",
    "expires_seconds": "expires",
    "stop": "stop",
    "by": "by",
    "other_than": "other_than",
}
_FLAG = "milestone"
RUN = "run"
_GRANTS = frozenset({"reads", "writes"})


def is_unknown(attributes: list[Attribute]) -> bool:
    """Whether braces hold nothing but words that are no attributes: `{version}` is text."""
    return all(value is None and name not in {KEY, _FLAG, RUN, *_FIELDS} for name, value, _ in attributes)


def read_attributes(attributes: list[Attribute], parts: TaskParts, place: Place, findings: Findings) -> None:
    """Apply attributes to `parts`. `place` gives the position of a column."""
    for name, value, column in attributes:
        known = _FIELDS.get(name)
        message: str | None = None
        where = "key" if name == KEY else known[0] if known else name
        if where in parts.places:
            message = f"'{name}' appears twice."
        elif name == KEY:
            fits = KEY_FORM.fullmatch(value or "") is not None
            parts.key = value if fits else None
            message = None if fits else key_message(value or "")
        elif name == _FLAG:
            message = None if value is None else "'milestone' does not take a value."
            parts.fields[_FLAG] = True
        elif name == RUN:
            message = read_run(value, parts.fields)
        elif known is None:
            listed = ", ".join(["#key", *_FIELDS, _FLAG, RUN])
            message = f"Unknown attribute '{name}'; known: {listed}. Braces that are text must not end the line."
        elif value is None:
            message = f"'{name}' needs a value: {name}=…"
        else:
            message = _read_value(name, value, parts, findings)
        parts.places.setdefault(where, place(column))
        if message:
            findings.problem(*place(column), message)
    _check_decision(parts, findings)
    _check_repeat(parts, findings)
    if limits := {name: parts.fields.pop(name) for name in get_args(LimitName) if name in parts.fields}:
        parts.fields["limits"] = limits
    parts.after = parts.fields.pop("depends_on", [])


def _read_value(name: str, value: str, parts: TaskParts, findings: Findings) -> str | None:
    """Apply one attribute to `parts`. Return its problem, if it has one."""
    field, read = _FIELDS[name]
    try:
        parts.fields[field] = read(value)
    except ValueError as error:
        return f"{name}: {error}."
    for path in parts.fields[field] if name in _GRANTS else ():
        # A path that is not absolute is refused later.
        if path.startswith("/") and "\0" not in path and (why := findings.objection(path)) is not None:
            return f"A task cannot be granted {path}: it {why}."
    return None


def _check_decision(parts: TaskParts, findings: Findings) -> None:
    for where, name in _OF_A_DECISION.items():
        if where in parts.fields and "options" not in parts.places:
            message = f"'{name}' is only valid for a decision. Add the possible answers: decision=yes,no."
            findings.problem(*parts.places[where], message)
            del parts.fields[where]


def _check_repeat(parts: TaskParts, findings: Findings) -> None:
    for one, other in (("every", "until"), ("until", "every")):
        place = parts.places.get(f"{one}_seconds")
        if place is not None and f"{other}_seconds" not in parts.places:
            message = f"'{one}' needs '{other}': every=1m until=1h repeats a command every minute until it succeeds, for an hour."
            findings.problem(*place, message)


def take_action_fields(parts: TaskParts) -> dict[str, Any]:
    """Take those fields out of `parts` that are fields of its action."""
    return {name: parts.fields.pop(name) for name in _OF_AN_ACTION if name in parts.fields}


def extend_action(
    part: TaskParts, given: dict[str, Any], places: Mapping[str, tuple[int, int]], findings: Findings
) -> None:
    """Add fields to the action of `part`. What means nothing for it is reported when the task is made."""
    action = part.action
    if action is None or not given:
        return
    for name in given:
        if name in action.fields():
            findings.problem(*places[name], f"'{_OF_AN_ACTION[name]}' is given twice for this task.")
    known = {name: value for name, value in given.items() if means(action.type, _OF_AN_ACTION[name])}
    part.action = ActionSpec.model_validate({**action.model_dump(), **known})


def shortened(text: str) -> str:
    """`text` as a title: at most 200 characters, its first sentence if that is all that fits."""
    line = text.strip().partition("\n")[0].strip()
    if len(line) <= MAX_TITLE_LENGTH:
        return line
    ends = [
        match.start()
        for match in _SENTENCE_END.finditer(line[: MAX_TITLE_LENGTH + 2])
        if match.start() <= MAX_TITLE_LENGTH
    ]
    return line[: ends[0]] if ends and ends[0] > 15 else f"{line[: MAX_TITLE_LENGTH - 1]}…"


def key_message(key: str) -> str:
    """The message for an invalid key."""
    return f"'{key}' is not a valid key. Use a lowercase letter, then up to 63 lowercase letters, digits, _ or -."


def read_run(value: str | None, fields: dict[str, Any]) -> str | None:
    """Set `run` from its value. Return the problem with it, if it has one."""
    if value not in {None, "yes", "no"}:
        return "'run' must be yes or no."
    fields[RUN] = value != "no"
    return None


def attribute_actions(parts: TaskParts) -> list[ActionSpec]:
    """The actions that attributes define: `wait`, `decision` and `milestone`."""
    actions: list[ActionSpec] = []
    if (seconds := parts.fields.pop("wait", None)) is not None:
        actions.append(ActionSpec.model_validate({"type": "wait", "seconds": seconds}))
    if (options := parts.fields.pop("options", None)) is not None:
        decision_fields = {name: parts.fields.pop(name) for name in _OF_A_DECISION if name in parts.fields}
        actions.append(ActionSpec.model_validate({"type": "decision", "options": options, **decision_fields}))
    if parts.fields.pop(_FLAG, False):
        actions.append(ActionSpec(type="milestone"))
    return actions
