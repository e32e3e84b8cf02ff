"""Writes a plan as Markdown that the outline planner reads back as the same plan.

Each part is written as a person would write it, then parsed again, and used if the result is the same. Parts that Markdown
cannot express (a title of two lines, a command that contains fences) become a JSON block instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

from app.domain.errors import Invalid
from app.domain.parameters import Parameter, variable_of
from app.domain.plan import PhaseDraft, PlanDraft, TaskDraft, canonical_json
from app.domain.texts import normalized
from app.planning.outline.attributes import condition_text, write
from app.planning.outline.blocks import List, blocks_of
from app.planning.outline.elsewhere import is_elsewhere
from app.planning.outline.fences import EXACT, parse_json
from app.planning.outline.front_matter import write_front_matter
from app.planning.outline.inline import escaped
from app.planning.outline.interpreters import INTERPRETERS
from app.planning.outline.introductions import excuses, holds_next
from app.planning.outline.lost_variables import set_anywhere
from app.planning.outline.parts import RUN
from app.planning.outline.reader import read_outline
from app.planning.outline.scripts import STRICT_SH, needs_strict, text_of
from app.planning.outline.sections import Kind, is_alternative, is_retired, kind_of
from app.planning.outline.sessions import enters, opens_session
from app.planning.outline.single import as_text, read_single_phase, read_single_task
from app.planning.outline.steps import is_another_way
from app.planning.strict_bash import STRICT_BASH
from signoff.schemas.json_value import JsonObject
from signoff.vocabulary import OnCrash, PhaseStrategy, RunsOn

MAX_INLINE_COMMAND = 80

_VARIABLE = re.compile(r"\$(?:\{[#!]?)?([A-Z][A-Z0-9_]*)")
_ANY_VARIABLE = re.compile(r"\$(?:\{[#!]?)?([A-Za-z_][A-Za-z0-9_]*)")
_LIST_LINE = re.compile(r"^\s*(?:[-*+]|[0-9]{1,9}[.)])(?:\s|$)", re.MULTILINE)
# A comment ends a list, and is no part of the plan.
_BETWEEN_LISTS = "<!-- -->"
_BACKTICKS = re.compile(r"`+")


def to_markdown(draft: PlanDraft, name: str) -> str:
    """A description from which the outline planner makes the same phases as in `draft`.

    Warnings, assumptions and questions are dropped.

    The summary becomes the text under the title if it is plain text. Otherwise, it is omitted.
    """
    text = _body(draft, name)
    front = write_front_matter(draft.parameters)
    whole = f"{front}\n\n{text}" if front else text
    if _asks_for_more(whole, draft):
        return f"{write_front_matter(draft.parameters, asks=False)}\n\n{text}"
    return whole


def _asks_for_more(markdown: str, draft: PlanDraft) -> bool:
    """Whether the plan that this makes would ask for settings that are no parameters, or give steps to a person.

    Steps go to a person if they read what only another step sets.
    """
    parameters = draft.parameters
    own = set(map(variable_of, parameters))
    lost = set_anywhere(markdown).intersection(_ANY_VARIABLE.findall(markdown))
    if not lost and own.issuperset(_VARIABLE.findall(markdown)):
        return False
    try:
        read = read_outline(markdown, has_model=False)
    except Invalid:
        return bool(lost)
    return read.parameters.keys() != parameters.keys() or (bool(lost) and _runs(read) != _runs(draft))


def _runs(draft: PlanDraft) -> list[str]:
    """The type of each task's action."""
    return [task.action.type for task in draft.tasks()]


def _body(draft: PlanDraft, name: str) -> str:
    title = " ".join(name.split()) or "Plan"
    run = f" {{{RUN}}}" if is_retired(title) else ""
    parts = [f"# {escaped(title) if '{' in title else title}{run}"]
    # Without text below the title, the title is the summary. With other steps no longer beside it, a block could be a step.
    summary = as_text(draft.summary.strip())
    if summary not in {"", title} and _is_plain(summary):
        parts.append(summary)
    above = draft.summary
    for phase in draft.phases:
        parts.append(_phase(phase, draft.parameters))
        above = f"{above}\n\n{phase.description}"
        if phase.tasks:
            parts += [_BETWEEN_LISTS] if _ends_with_list(phase.description) else []
            back = phase.runs_on != RunsOn.SUCCESS or Kind.ROLLBACK in {kind_of(phase.name), kind_of(title)}
            parts.append(_tasks(phase, draft.parameters, above, back=back))
            above = phase.tasks[-1].description
    return "\n\n".join(parts) + "\n"


def _ends_with_list(text: str) -> bool:
    """Whether a list behind `text` would continue one in it."""
    blocks = blocks_of(text) if _LIST_LINE.search(text) else []
    return bool(blocks) and isinstance(blocks[-1], List)


def _is_plain(summary: str) -> bool:
    phase = read_single_phase(f"## Summary\n\n{summary}\n", {})
    return phase is not None and phase.description == summary


def _phase(phase: PhaseDraft, parameters: Mapping[str, Parameter]) -> str:
    bare = phase.model_copy(update={"tasks": []})
    strategy = "" if phase.strategy == PhaseStrategy.DAG else f" ({phase.strategy})"
    approval = "" if phase.requires_approval is None else f" approval={'yes' if phase.requires_approval else 'no'}"
    condition = f" {write('if', condition_text(phase.condition))}" if phase.condition is not None else ""
    runs_on = "" if phase.runs_on == RunsOn.SUCCESS else f" on={phase.runs_on}"
    # The name alone could say that the phase is no ordinary one. What says when it runs is stronger than its name.
    special = kind_of(phase.name) is not None and not condition and not runs_on
    run = f" {RUN}" if special or is_elsewhere(phase.name) else ""
    for name in _names(phase.name):
        text = f"## {name}{strategy} {{#{phase.key}{approval}{condition}{runs_on}{run}}}"
        if phase.description:
            text += f"\n\n{phase.description}"
        read = read_single_phase(text, parameters)
        stays = bool(phase.tasks) or as_text(phase.description) == phase.description
        if read is not None and stays and _same(read, bare):
            return text
    return _whole("phase", bare.model_dump(mode="json", exclude={"tasks"}, exclude_defaults=True))


def _tasks(phase: PhaseDraft, parameters: Mapping[str, Parameter], above: str, *, back: bool) -> str:
    """The tasks of a phase as a list.

    Args:
        phase: the phase.
        parameters: those of the plan.
        above: the text that stands above the list.
        back: whether the phase takes something back, or is for failures.
    """
    numbered = phase.strategy == PhaseStrategy.SEQUENTIAL or _is_chain(phase)
    chained = numbered and phase.strategy == PhaseStrategy.DAG
    items: list[str] = []
    excused = excuses(phase.description)
    for number, task in enumerate(phase.tasks, 1):
        implied = 1 if chained and number > 1 else 0
        own = task.model_copy(update={"depends_on": task.depends_on[implied:]})
        asked = excused or holds_next(above)
        items.append(_item(own, task, f"{number}. " if numbered else "- ", parameters, asked=asked, back=back))
        above = task.description
    loose = any("\n" in item for item in items)
    return ("\n\n" if loose else "\n").join(items)


def _is_chain(phase: PhaseDraft) -> bool:
    """Whether a numbered list can express the dependencies: each task waits for the one before it."""
    pairs = list(zip(phase.tasks, phase.tasks[1:], strict=False))
    return (
        phase.strategy == PhaseStrategy.DAG
        and bool(pairs)
        and all(task.depends_on[:1] == [before.key] and before.key not in task.depends_on[1:] for before, task in pairs)
    )


def _item(
    own: TaskDraft, task: TaskDraft, marker: str, parameters: Mapping[str, Parameter], *, asked: bool, back: bool
) -> str:
    """One list item.

    Args:
        own: the task without the dependency that the numbered list implies.
        task: the task.
        marker: what begins the item.
        parameters: those of the plan.
        asked: whether the text above says that a person releases it.
        back: whether its phase takes something back, or is for failures.
    """
    # Beside others, some titles would be one of several ways to do it.
    another = is_another_way(own.title) and not own.requires_approval and own.action.type in {"shell", "http", "agent"}
    # Below a step that opens a session, others would be meant for it.
    opens = enters(own.title) or (own.action.type == "shell" and opens_session(text_of(own.action)) is not None)
    held = asked and not own.requires_approval and own.action.type in {"shell", "http", "agent"}
    says = another or opens or held or (is_alternative(own.title) and own.condition is None)
    tried = [[RUN]] if says else [[], [RUN]]
    # Of two ways to write it, the more readable one is better, even if it has to say `run`.
    for text in (
        text
        for name in _names(own.title)
        for ways in zip(*(_candidates(own, name, extra) for extra in tried), strict=True)
        for text in ways
    ):
        lines = text.split("\n")
        indent = " " * len(marker)
        item = "\n".join([marker + lines[0], *(indent + line if line else "" for line in lines[1:])])
        read = read_single_task(item, parameters, back=back)
        if read is not None and _same(read, own):
            return item
    whole = _whole("task", task.model_dump(mode="json", exclude_defaults=True))
    return marker + whole.replace("\n", "\n" + " " * len(marker))


def _names(name: str) -> list[str]:
    """A title as it is, and with its special characters escaped. A `[` could be a link elsewhere, so it is always escaped."""
    return list(dict.fromkeys([escaped(name)] if "[" in name else [name, escaped(name)]))


def _candidates(task: TaskDraft, title: str, extra: list[str]) -> Iterator[str]:
    """The possible ways to write a task, most readable first. `extra` holds attributes that all of them have."""
    action, fields = task.action, task.action.fields()
    rest = _blocks(task.description, _env(task), _inputs(task))
    is_plain = action.type == "shell" and fields.keys() <= {"command", *_BESIDE}
    command = fields.get("command") if is_plain else None
    if isinstance(command, str) and len(command) <= MAX_INLINE_COMMAND and "`" not in command:
        line = f"`{command}` {_attributes(task, [*_beside(task), *extra])}"
        yield _blocks(line if command == task.title else f"{title}: {line}", rest)
    line = f"{title} {_attributes(task, extra)}"
    if action.type == "manual" and not fields:
        yield _blocks(f"[ ] {line}", rest)
    if action.type == "milestone" and not fields:
        yield _blocks(f"{title} {_attributes(task, ['milestone', *extra])}", rest)
    if action.type == "wait" and list(fields) == ["seconds"]:
        attributes = _attributes(task, [f"wait={fields['seconds']}", *extra])
        yield _blocks(f"{title} {attributes}", rest)
    if action.type == "decision" and isinstance(fields.get("options"), list):
        yield _blocks(f"{title} {_attributes(task, [*_decision(fields), *extra])}", rest)
    if block := _action_block(action.type, fields):
        beside = f"{title} {_attributes(task, [*_beside(task), *extra])}"
        yield _blocks(beside, task.description, _env(task), block, _inputs(task))
    action_json = _fence("action", "", _json(action.model_dump(mode="json")))
    yield _blocks(line, task.description, action_json, _inputs(task))


def _decision(fields: JsonObject) -> list[str]:
    """The attributes of a decision. Values that attributes cannot express are rejected when the text is parsed again."""
    words = [write("decision", ",".join(map(str, cast("list[object]", fields["options"]))))]
    words += [write("default", str(fields["default"]))] if "default" in fields else []
    words += [f"expires={fields['expires_seconds']}"] if "expires_seconds" in fields else []
    stop = fields.get("stop")
    words += [write("stop", ",".join(map(str, cast("list[object]", stop))))] if isinstance(stop, list) else []
    return words + [write(name, str(fields[name])) for name in ("by", "other_than") if fields.get(name) is not None]


def _action_block(kind: str, fields: JsonObject) -> str | None:
    if kind == "shell" and fields.keys() <= {"command", "argv", "cwd", *_BESIDE}:
        return _script(fields)
    if kind == "agent" and fields.keys() == {"prompt"} and isinstance(fields["prompt"], str):
        return _fence("prompt", "", fields["prompt"])
    return _request(fields) if kind == "http" else None


# The fields of a command that are attributes of its item, or a block of its own.
_BESIDE = {"expect": "expect", "every_seconds": "every", "until_seconds": "until", "env": "env"}


def _script(fields: JsonObject) -> str | None:
    """A block of commands. Blocks in sh and bash stop at the first line that fails; other scripts say that they continue."""
    info = [write("cwd", str(fields["cwd"]))] if "cwd" in fields else []
    goes_on = " ".join([*info, "on_error=continue"])
    command, argv = fields.get("command"), fields.get("argv")
    if isinstance(command, str):
        strict = command.removeprefix(STRICT_SH)
        if strict != command and needs_strict(strict):
            return _fence("sh", " ".join(info), strict)
        return _fence("sh", goes_on if needs_strict(command) else " ".join(info), command)
    if not isinstance(argv, list) or not argv:
        return None
    *program, script = [str(word) for word in cast("list[object]", argv)]
    if program in ([*STRICT_BASH], ["bash", "-c"]):
        return _fence("bash", goes_on if program == ["bash", "-c"] else " ".join(info), script)
    language = next((name for name, words in INTERPRETERS.items() if words == program), None)
    return _fence(language, " ".join([*info, RUN]), script) if language is not None else None


def _beside(task: TaskDraft) -> list[str]:
    """The attributes that are fields of the action. The text is parsed again to check them."""
    fields = task.action.fields() if task.action.type == "shell" else {}
    named = [(name, fields[name]) for name in _BESIDE if name != "env" and name in fields]
    return [write(_BESIDE[name], str(value)) for name, value in named]


def _env(task: TaskDraft) -> str:
    env = task.action.fields().get("env") if task.action.type == "shell" else None
    if not isinstance(env, dict) or not env:
        return ""
    lines = [f"{name}: {_variable(value)}" for name, value in cast("dict[str, object]", env).items()]
    return _fence("env", "", "\n".join(lines))


def _variable(value: object) -> str:
    plain = (
        isinstance(value, str) and value and value == value.strip() and value.isprintable() and value[0] not in "\"'"
    )
    return str(value) if plain else _json(value, indent=None)


def _request(fields: JsonObject) -> str | None:
    headers, expected = fields.get("headers", {}), fields.get("expected_status", [])
    # Only values that would fail in this function are checked. Others are rejected when the text is parsed again.
    if not isinstance(headers, dict) or not isinstance(expected, list):
        return None
    info = [write("expect", ",".join(map(str, cast("list[object]", expected))))] if expected else []
    info += [write("save", str(fields["save_to"]))] if "save_to" in fields else []
    lines = [f"{fields.get('method', '')} {fields.get('url', '')}".strip()]
    lines += [f"{name}: {value}" for name, value in cast("dict[str, object]", headers).items()]
    lines += ["", str(fields["body"])] if "body" in fields else []
    return _fence("http", " ".join(info), "\n".join(lines))


def _attributes(task: TaskDraft, extra: list[str] | None = None) -> str:
    words = [f"#{task.key}", *(extra or [])]
    words += [write("after", ",".join(task.depends_on))] if task.depends_on else []
    words += [write("if", condition_text(task.condition))] if task.condition is not None else []
    words += ["approval=yes"] if task.requires_approval else []
    words += [write("agent", task.agent_id)] if task.agent_id is not None else []
    words += [f"retries={task.retries}"] if task.retries is not None else []
    words += [f"timeout={_number(task.timeout_seconds)}"] if task.timeout_seconds is not None else []
    words += [f"on_crash={task.on_crash}"] if task.on_crash != OnCrash.RERUN else []
    words += [f"after_failure={task.after_failure}"] if task.after_failure is not None else []
    words += [write(name, ",".join(paths)) for name in ("reads", "writes") if (paths := getattr(task, name))]
    words += [f"{name}={limit}" for name, limit in task.limits.items()]
    words += [write("files", ",".join(task.expected_files))] if task.expected_files else []
    return "{" + " ".join(words) + "}"


def _inputs(task: TaskDraft) -> str:
    lines = [f"{name}: {_input_value(value)}" for name, value in task.inputs.items()]
    return _fence("inputs", "", "\n".join(lines)) if lines else ""


def _input_value(value: object) -> str:
    if isinstance(value, str) and value and value == value.strip() and "\n" not in value:
        try:
            parse_json(value)
        except ValueError:
            return value
    return _json(value, indent=None)


def _blocks(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _fence(language: str, info: str, content: str) -> str:
    longest = max((len(match[0]) for match in _BACKTICKS.finditer(content)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}{' ' + info if info else ''}\n{content}\n{ticks}"


def _whole(language: str, values: JsonObject) -> str:
    """A task or phase as JSON."""
    return _fence(language, "" if normalized(values) == values else EXACT, _json(values))


def _json(value: object, indent: int | None = 2) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _same(read: TaskDraft | PhaseDraft, expected: TaskDraft | PhaseDraft) -> bool:
    # Compared as JSON: 1 equals 1.0 and True in Python, but not in the digest that a person approves.
    return canonical_json(read.model_dump(mode="json")) == canonical_json(expected.model_dump(mode="json"))
