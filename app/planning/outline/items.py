"""Turns one list item (or one step of plain prose) into the parts of a task."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from app.domain.attributes import means
from app.domain.limits import parse_size
from app.domain.plan import KEY_PATTERN, ActionSpec, TaskDraft
from app.planning.outline import fences
from app.planning.outline.attributes import (
    KEY,
    Attribute,
    choice,
    condition,
    duration,
    expectation,
    looks_misshapen,
    names,
    read_block,
    whole,
    yes_or_no,
)
from app.planning.outline.blocks import ACTION_FENCES, ENV_FENCE, Fence, Item
from app.planning.outline.findings import Findings
from signoff.vocabulary import AfterFailure, LimitName, OnCrash

MAX_TITLE_LENGTH = 200

_CHECKBOX = re.compile(r"\[([ xX])\](?:\s+|$)")
_TICKS = re.compile(r"`+")
_STRONG = re.compile(r"\*\*([^*]+)\*\*|(?<!\w)__([^_]+)__(?!\w)")
KEY_FORM = re.compile(KEY_PATTERN)


@dataclass
class Title:
    """The parsed first line of an item. Columns count from 0 in the line."""

    text: str
    codes: list[str]
    without_code: str
    attributes: list[Attribute]
    misshapen: int | None


@dataclass
class TaskParts:
    """Everything that an item defines. `whole` is a task written as JSON, which defines everything on its own."""

    line: int
    column: int
    title: str = ""
    description: str = ""
    action: ActionSpec | None = None
    key: str | None = None
    after: list[str] = field(default_factory=list[str])
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    columns: dict[str, int] = field(default_factory=dict[str, int])
    whole: TaskDraft | None = None
    # Whether a block says itself which shell runs it.
    names_shell: bool = False


def read_item(item: Item, findings: Findings) -> TaskParts:
    """The parts of one item. Its problems go into `findings`."""
    if any(fence.language == "task" for fence in item.fences):
        return _json_task(item, findings)
    column = findings.column_of(item.title_line, item.title) if item.title else 0
    parts = TaskParts(line=item.title_line, column=column, description=item.body)
    checkbox = _CHECKBOX.match(item.title)
    begin = checkbox.end() if checkbox else 0
    title = take_apart(item.title[begin:])
    if title.misshapen is not None:
        message = "These attributes are not valid. Write {#key name=value name=value} at the end of the line."
        findings.problem(parts.line, column + begin + title.misshapen, message)
    read_attributes(title.attributes, parts, column + begin, findings)
    actions = [action for fence in item.fences if (action := _action(fence, findings)) is not None]
    actions += _attribute_actions(parts)
    if checkbox:
        actions.append(ActionSpec(type="manual"))
        if checkbox[1] != " ":
            findings.warnings.append(
                f"The checkbox on line {parts.line + 1} is already ticked. The task still waits for a person."
            )
    _inputs(item, parts, findings)
    parts.names_shell = any(fence.language in {"sh", "bash"} for fence in item.fences)
    # A faulty fence is already reported. Its item must not also be reported as having no action.
    decided = bool(actions) or any(fence.language in ACTION_FENCES for fence in item.fences)
    _settle(parts, title, actions, decided=decided, findings=findings)
    _extend_action(parts, findings)
    _remarks(item, parts, decided=decided, findings=findings)
    return parts


def take_apart(line: str) -> Title:
    """Split one line into text, inline code (by CommonMark's rules) and attributes."""
    spans: list[tuple[int, int, str]] = []
    attributes: list[Attribute] = []
    misshapen: int | None = None
    closing = _runs(line)
    position = 0
    end = len(line)
    while (position := _next_mark(line, position)) < len(line):
        if line[position] == "`":
            run = _length_of_run(line, position)
            close = _closing(closing.get(run, []), position)
            if close is not None:
                spans.append((position, close + run, _code(line[position + run : close])))
            position = position + run if close is None else close + run
            continue
        found = read_block(line, position)
        if found is not None and not attributes:
            attributes, behind = found
            if behind == end:
                end = position
                break
            # The command follows. Spaces in place of the block keep all columns the same.
            line = line[:position].rstrip().ljust(behind) + line[behind:]
            position = behind
            continue
        if looks_misshapen(line, position):
            misshapen = position
        position += 1
    return Title(
        text=_plain(line[:end], strong=not spans),
        codes=[code for _, _, code in spans],
        without_code=_without(line[:end], spans),
        attributes=attributes,
        misshapen=misshapen,
    )


def shortened(text: str) -> str:
    """`text` as a title: its first non-empty line, at most 200 characters."""
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    return line if len(line) <= MAX_TITLE_LENGTH else f"{line[: MAX_TITLE_LENGTH - 1]}…"


def _settle(parts: TaskParts, title: Title, actions: list[ActionSpec], *, decided: bool, findings: Findings) -> None:
    text = title.text
    if not decided and len(title.codes) == 1:
        actions = [ActionSpec.model_validate({"type": "shell", "command": title.codes[0]})]
        text = _beside(title) or title.codes[0]
    elif not decided and len(title.codes) > 1:
        message = (
            "This line has several pieces of inline code, but a task runs one command. Put the command into a "
            "sh block, or start the line with [ ] if a person does the task."
        )
        findings.problem(parts.line, parts.column, message)
    if len(actions) > 1:
        kinds = ", ".join(action.type for action in actions)
        message = f"This task has several actions ({kinds}), but a task can have only one. Split it into several items."
        findings.problem(parts.line, parts.column, message)
    parts.action = actions[0] if actions else None
    if len(text) > MAX_TITLE_LENGTH:
        parts.description = f"{text}\n\n{parts.description}".rstrip("\n")
    if not text and parts.action is not None:
        fields = parts.action.fields()
        text = str(fields.get("command") or fields.get("prompt") or fields.get("url") or "")
    if not text.strip() and (parts.action is not None or not decided):
        findings.problem(parts.line, parts.column, "This item has no title. Say in a few words what it does.")
    parts.title = shortened(text)


def _beside(title: Title) -> str:
    """The text beside the single piece of code. "Run `make`" keeps its code, because "Run" alone has no meaning."""
    cut_off = title.without_code.strip(" :-\u2013\u2014")
    lone_word = len(title.without_code.split()) == 1 and cut_off == title.without_code
    return " ".join(title.text.replace("`", "").split()) if lone_word else cut_off


def _action(fence: Fence, findings: Findings) -> ActionSpec | None:
    return fences.read_action(fence, findings) if fence.language in ACTION_FENCES else None


def _inputs(item: Item, parts: TaskParts, findings: Findings) -> None:
    found = [fence for fence in item.fences if fence.language == "inputs"]
    for fence in found[1:]:
        column = findings.column_of(fence.line, "inputs")
        findings.problem(fence.line, column, "This task already has an inputs block. Put all inputs into one block.")
    if found:
        parts.fields["inputs"] = fences.read_inputs(found[0], findings)
    for number, fence in enumerate(fence for fence in item.fences if fence.language == ENV_FENCE):
        column = findings.column_of(fence.line, ENV_FENCE)
        if number:
            findings.problem(
                fence.line, column, "This task already has an env block. Put all variables into one block."
            )
        parts.fields["env"] = fences.read_env(fence, findings)
        parts.columns["env"] = parts.column


def _extend_action(parts: TaskParts, findings: Findings) -> None:
    """Add the attributes that are fields of the action. What means nothing for it is reported when the task is made."""
    given = {name: parts.fields.pop(name) for name in _OF_AN_ACTION if name in parts.fields}
    action = parts.action
    if action is None or not given:
        return
    for name in given:
        if name in action.fields():
            findings.problem(parts.line, parts.columns[name], f"'{_OF_AN_ACTION[name]}' is given twice for this task.")
    known = {name: value for name, value in given.items() if means(action.type, _OF_AN_ACTION[name])}
    parts.action = ActionSpec.model_validate({**action.model_dump(), **known})


def _json_task(item: Item, findings: Findings) -> TaskParts:
    fence = next(fence for fence in item.fences if fence.language == "task")
    column = findings.column_of(fence.line, "task")
    parts = TaskParts(line=fence.line, column=column)
    if item.title or item.body or len(item.fences) > 1:
        findings.problem(
            fence.line, column, "A task block defines the whole task. Remove everything else from its item."
        )
    parts.whole = fences.read_model(TaskDraft, fence, findings)
    if parts.whole is not None:
        parts.key = parts.whole.key
    return parts


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
}
# The attributes that are fields of the action, by field.
_OF_AN_ACTION = {"cwd": "cwd", "env": "env", "expect": "expect", "every_seconds": "every", "until_seconds": "until"}
# The fields of a decision task besides its options.
_OF_A_DECISION = {"default": "default", "expires_seconds": "expires", "stop": "stop"}
_FLAG = "milestone"
_GRANTS = frozenset({"reads", "writes"})


def read_attributes(attributes: list[Attribute], parts: TaskParts, offset: int, findings: Findings) -> None:
    """Apply attributes to `parts`. Their columns are relative to `offset`."""
    for name, value, column in attributes:
        known = _FIELDS.get(name)
        message: str | None = None
        where = "key" if name == KEY else known[0] if known else name
        if where in parts.columns:
            message = f"'{name}' appears twice."
        elif name == KEY:
            fits = KEY_FORM.fullmatch(value or "") is not None
            parts.key = value if fits else None
            message = None if fits else key_message(value or "")
        elif name == _FLAG:
            message = None if value is None else "'milestone' does not take a value."
            parts.fields[_FLAG] = True
        elif known is None:
            listed = ", ".join(["#key", *_FIELDS, _FLAG])
            message = f"Unknown attribute '{name}'; known: {listed}. Braces that are text must not end the line."
        elif value is None:
            message = f"'{name}' needs a value: {name}=…"
        else:
            message = _read_value(name, value, parts, findings)
        parts.columns.setdefault(where, offset + column)
        if message:
            findings.problem(parts.line, offset + column, message)
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
        if where in parts.fields and "options" not in parts.columns:
            message = f"'{name}' is only valid for a decision. Add the possible answers: decision=yes,no."
            findings.problem(parts.line, parts.columns[where], message)
            del parts.fields[where]


def _check_repeat(parts: TaskParts, findings: Findings) -> None:
    for one, other in (("every", "until"), ("until", "every")):
        column = parts.columns.get(f"{one}_seconds")
        if column is not None and f"{other}_seconds" not in parts.columns:
            message = f"'{one}' needs '{other}': every=1m until=1h repeats a command every minute until it succeeds, for an hour."
            findings.problem(parts.line, column, message)


def key_message(key: str) -> str:
    """The message for an invalid key."""
    return f"'{key}' is not a valid key. Use a lowercase letter, then up to 63 lowercase letters, digits, _ or -."


def _attribute_actions(parts: TaskParts) -> list[ActionSpec]:
    actions: list[ActionSpec] = []
    if (seconds := parts.fields.pop("wait", None)) is not None:
        actions.append(ActionSpec.model_validate({"type": "wait", "seconds": seconds}))
    if (options := parts.fields.pop("options", None)) is not None:
        decision_fields = {name: parts.fields.pop(name) for name in _OF_A_DECISION if name in parts.fields}
        actions.append(ActionSpec.model_validate({"type": "decision", "options": options, **decision_fields}))
    if parts.fields.pop(_FLAG, False):
        actions.append(ActionSpec(type="milestone"))
    return actions


def _remarks(item: Item, parts: TaskParts, *, decided: bool, findings: Findings) -> None:
    for fence in item.other_fences if not decided and parts.action is None else []:
        kind = f"The {fence.language[:40]} block" if fence.language else "The block without a language"
        findings.warnings.append(
            f"{kind} on line {fence.line + 1} is treated as text. To run a block, start it with ```sh or ```http."
        )
    if item.nested_task is not None:
        findings.warnings.append(
            f"Line {item.nested_task + 1} is part of the description of '{parts.title}', not a separate task. "
            "Only items of the outermost list are tasks."
        )


def _runs(line: str) -> dict[int, list[int]]:
    runs: dict[int, list[int]] = {}
    for match in _TICKS.finditer(line):
        runs.setdefault(len(match[0]), []).append(match.start())
    return runs


def _length_of_run(line: str, position: int) -> int:
    match = _TICKS.match(line, position)
    return len(match[0]) if match else 0


def _closing(starts: list[int], position: int) -> int | None:
    index = bisect_right(starts, position)
    return starts[index] if index < len(starts) else None


_MARK = re.compile(r"[`{]")


def _next_mark(line: str, position: int) -> int:
    match = _MARK.search(line, position)
    return match.start() if match else len(line)


def _code(text: str) -> str:
    # CommonMark: one space is removed on each side, so that code can start or end with a backtick.
    padded = len(text) > 2 and text[0] == text[-1] == " " and text.strip(" ")
    return text[1:-1] if padded else text


def _plain(text: str, *, strong: bool) -> str:
    return (_STRONG.sub(lambda match: match[1] or match[2], text) if strong else text).strip()


def _without(text: str, spans: list[tuple[int, int, str]]) -> str:
    kept, position = "", 0
    for begin, end, _ in spans:
        kept += text[position:begin] + " "
        position = end
    return " ".join((kept + text[position:]).split())
