"""Words for the terms of a plan: the settings of its run, the terms of each task, and what the plan assumes and asks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from rich.text import Text

from app.cli.words import span, visible
from app.domain.limits import limits_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json = dict[str, Any]

_REFERENCE = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
_OUTPUT = re.compile(r"tasks\.([a-z][a-z0-9_-]*)\.outputs\.([A-Za-z_][A-Za-z0-9_-]*)")
_AFTER_FAILURE = {"agent": "if a person is asked, a model may answer first", "human": "a person is asked"}
_SPANS = {"expires_seconds": "expires after", "every_seconds": "repeats every", "until_seconds": "repeats for at most"}
# The fields of a decision that list answers.
_ANSWERS = {"options", "stop"}
_PLAIN = re.compile(r"[^,\"\n]*")
_WITHOUT_ANSWER = {"ask": "ask a person", "fail": "it fails"}


def settings_lines(settings: Json) -> Iterator[Text]:
    """The settings of the run, one on each line."""
    yield _named("works in", settings["workspace"] or settings["path"] or "a folder of its own")
    yield _named("strategy", settings["strategy"])
    yield _named("after a failure", _AFTER_FAILURE[settings["decision_mode"]])
    starts = "start by themselves" if settings["auto_approve_phases"] else "wait for approval, apart from the first"
    yield _named("phases", f"{starts}, unless they say otherwise")
    if settings["agent_id"]:
        yield _named("agent", f"{settings['agent_id']}, for tasks that name none")
    for name in ("project_name", "project_description"):
        if settings[name] is not None:
            yield _named(f"{name.replace('_', ' ')}, as tasks read it", _exact(settings[name]))


def _named(name: str, value: str) -> Text:
    return Text.assemble((name, "cyan"), f"  {visible(value)}")


def task_terms(task: Json, keys: dict[str, str]) -> Iterator[str]:
    """The terms of a task, apart from its inputs. `keys` maps ids to keys, for dependencies that are given as ids."""
    if task["depends_on"]:
        yield "after " + ", ".join(str(keys.get(other, other)) for other in task["depends_on"])
    if task["condition"]:
        yield condition_text(task["condition"])
    if task["requires_approval"]:
        yield "a person releases it before it starts"
    if task["retries"]:
        yield f"retries {task['retries']}"
    if task["timeout_seconds"] is not None:
        yield f"timeout {span(task['timeout_seconds'])}"
    if task["on_crash"] != "rerun":
        yield f"if its worker is lost: {_WITHOUT_ANSWER[task['on_crash']]}"
    if task["after_failure"]:
        yield f"if it fails: {_WITHOUT_ANSWER[task['after_failure']]}"
    yield from _allowances(task)
    if task["agent_id"]:
        yield f"agent {visible(task['agent_id'])}"
    if task["expected_files"]:
        yield "makes " + ", ".join(visible(file) for file in task["expected_files"])


def _allowances(task: Json) -> Iterable[str]:
    """What a task may access outside its workspace, and its own limits."""
    for name in ("reads", "writes"):
        if task[name]:
            yield f"{name} " + ", ".join(visible(path) for path in task[name])
    if task["limits"]:
        yield f"limits: {limits_text(task['limits'])}"


def field_text(name: str, value: object) -> str:
    """A field of an action as a line with its name: a time span, answers, a text as it is, or JSON."""
    if isinstance(value, int | float) and not isinstance(value, bool) and name.endswith("_seconds"):
        return f"{_SPANS.get(name) or name.removesuffix('_seconds')}: {span(value)}"
    if name in _ANSWERS and _are_plain(answers := cast("list[str]", value)):
        return f"{name}: {', '.join(map(visible, answers))}"
    return f"{visible(name)}: {visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}"


def _are_plain(answers: list[str]) -> bool:
    """Whether none of them can be mistaken for several, or for a part of one."""
    return all(answer.strip() == answer != "" and _PLAIN.fullmatch(answer) for answer in answers)


def input_lines(inputs: Json) -> Iterator[Text]:
    """The inputs of a task, one on each line.

    `name ← task.output` stands for a whole reference, and `name = value` for everything else. A value cannot look like a
    reference, because its line breaks are escaped.
    """
    for name, value in inputs.items():
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if reference is not None:
            output = _OUTPUT.fullmatch(reference[1])
            source = f"{output[1]}.{output[2]}" if output is not None else reference[1]
            yield Text(f"{name} ← {visible(source)}", style="dim")
        else:
            yield Text(f"{name} = {visible(_exact(value))}", style="dim")


def _exact(value: object) -> str:
    """A value on one line."""
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)


def known_lines(plan: Json) -> Iterator[Text]:
    """The warnings about a plan, what it assumes, and what it asks. The number of a question is the one for `answer`."""
    for warning in plan["warnings"]:
        yield Text(f"Warning: {visible(warning)}", style="yellow")
    for assumption in plan.get("assumptions", []):
        yield Text(f"Assumption: {visible(assumption)}", style="yellow")
    for number, item in enumerate(plan.get("questions", []), 1):
        if item["answer"] is None:
            yield Text(f"Open question {number}: {visible(item['question'])}", style="bold yellow")
        else:
            text = Text(f"Question {number}: {visible(item['question'])}", style="dim")
            yield text.append(f" → {visible(item['answer'])}", style="green")


def proposal_text(proposal: Json) -> str:
    """What a model proposes as the answer to a question, and why a person is asked nevertheless."""
    said = f"The model suggests '{visible(proposal['answer'])}', because: {visible(proposal['reason'])}"
    return f"{said}\nA person is asked nevertheless: {visible(proposal['left_because'])}"


def condition_text(condition: Json) -> str:
    """A condition in words. One on a parameter says before the run whether it is met."""
    values = " or ".join(visible(value) for value in condition["is"])
    if "output" in condition:
        excluded = " or ".join(visible(value) for value in condition["is_not"])
        return f"only if {condition['task']}.{condition['output']} is {values or f'not {excluded}'}"
    if "task" in condition:
        return f"only if {condition['task']} is {values}"
    name = condition["parameter"]
    if condition["met"] is False:
        return f"skipped: {name} is '{parameter_text(condition['value'])}' (runs only if it is {values})"
    return f"only if {name} is {values}" + (", which it is" if condition["met"] else "")


def parameter_text(value: str | float | bool | None) -> str:
    """The value of a parameter for people."""
    if value is None:
        return "not given yet"
    return visible(value) if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
