"""Puts tasks in the order of the text: one step after the other, or one of several ways."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.domain.plan import ActionSpec
from app.planning.outline.findings import Findings
from app.planning.outline.parts import Answer, TaskParts, no_tasks, shortened
from app.planning.outline.sections import is_alternative

_OR = re.compile(r"(?:or|alternatively)\b", re.IGNORECASE)
WHICH = "Which one applies?"
MAX_OPTIONS = 50
_MAX_LISTED = 10
# Actions that no worker carries out, so that nobody can release them.
_NOT_RELEASED = frozenset({"manual", "decision", "wait", "milestone"})


@dataclass(slots=True)
class Steps:
    """Tasks in the order of the text.

    Attributes:
        tasks: the tasks. Each knows which of the others it follows.
        ends: the tasks that must have ended before what comes after all of them starts.
        words: the words of the item that they were made of, by which it can be one of several ways.
        line: the line of that item.
        is_sample: whether that item only shows something, so that it is text of the step above.
        is_empty: whether nothing is in that item.
        waits: the line of the text at their end that says that what comes next must wait; None if there is none.
    """

    tasks: list[TaskParts] = field(default_factory=no_tasks)
    ends: list[TaskParts] = field(default_factory=no_tasks)
    words: str = ""
    line: int = 0
    is_sample: bool = False
    is_empty: bool = False
    waits: int | None = None

    @classmethod
    def of(cls, task: TaskParts) -> Steps:
        """A single task."""
        return cls([task], [task])

    def add(self, other: Steps) -> None:
        """Append steps that start when these have ended."""
        if self.tasks:
            other.tasks[0].follows = self.ends
        self.tasks += other.tasks
        self.ends = other.ends


def release(task: TaskParts) -> bool:
    """Have a person release a task before it starts. False if no worker runs it, or if its author says otherwise."""
    if not by_worker(task) or "requires_approval" in task.fields:
        return False
    task.fields["requires_approval"] = True
    return True


def is_released(task: TaskParts) -> bool:
    """Whether a person releases a task although its author does not say so."""
    return bool(task.fields.get("requires_approval")) and "requires_approval" not in task.places


def ask(question: TaskParts, answers: list[str]) -> list[Answer]:
    """Make a task the question which of `answers` applies. None of them ends the run."""
    fields = {"type": "decision", "options": answers, "stop": list[str]()}
    question.action = ActionSpec.model_validate(fields)
    return [Answer(question, answer) for answer in answers]


def ask_which(question: TaskParts, names: list[str], how: str, findings: Findings) -> list[Answer]:
    """Make a task the question which of several ways applies, and say so in a warning.

    Args:
        question: the task.
        names: the names of the ways.
        how: how to have one of them run in any case, as the end of a sentence.
        findings: where the warning goes.
    """
    answers = ask(question, _different(names))
    if len(names) > MAX_OPTIONS:
        message = f"These are {len(names)} alternatives, but a question has at most {MAX_OPTIONS} answers. Group them."
        findings.problem(question.line, question.column, message)
    listed = ", ".join(f"'{answer.value}'" for answer in answers[:_MAX_LISTED])
    more = f" and {len(answers) - _MAX_LISTED} more" if len(answers) > _MAX_LISTED else ""
    message = (
        f"These are alternatives: {listed}{more}. The plan asks which one applies, does its steps, and skips the others. "
        f"To run one of them in any case, {how}."
    )
    findings.warn(question.line, message)
    return answers


def choose(question: TaskParts, ways: list[tuple[str, Steps]], findings: Findings) -> Steps:
    """The steps of several ways behind the question which one applies. What comes after them waits for all."""
    result = Steps.of(question)
    answers = ask_which(question, [name for name, _ in ways], "add {run} to it", findings)
    for answer, (_, steps) in zip(answers, ways, strict=True):
        for task in steps.tasks:
            if task.answer is None:
                task.answer = answer
                _check_condition(task, findings)
        result.tasks += steps.tasks
        result.ends = [*result.ends, *steps.ends]
    return result


def with_choices(groups: list[Steps], findings: Findings, *, parallel: bool = False) -> list[Steps]:
    """The steps of the items of a list. Items side by side that are several ways become one choice.

    Args:
        groups: the steps of each item.
        findings: where warnings go.
        parallel: whether nothing can wait for an answer. Then a person releases each of the ways.
    """
    result: list[Steps] = []
    ways: list[Steps] = []
    for group in [*groups, Steps()]:
        if group.words and is_alternative(group.words):
            ways.append(group)
            continue
        if len(ways) > 1 and not parallel:
            question = TaskParts(ways[0].line, 0, title=WHICH)
            ways = [choose(question, [(way.words, way) for way in ways], findings)]
        elif len(ways) > 1:
            release_ways(ways, findings)
        result += [*ways, group] if group.tasks else ways
        ways = []
    return result


def is_another_way(words: str) -> bool:
    """Whether an item is another way to do what the item before it does: "or flush the cache"."""
    return _OR.match(words) is not None


def release_choice(groups: list[Steps], findings: Findings, *, offered: bool) -> None:
    """Have a person release the items of a list that are several ways: the sentence above says so, or one begins with "or"."""
    # If its author says whether it is released, the others are as they say, too.
    others = [group for group in groups[1:] if group.tasks and "requires_approval" not in group.tasks[0].places]
    if offered or any(is_another_way(group.words) for group in others):
        release_ways([group for group in groups if group.words and any(map(by_worker, group.tasks))], findings)


def by_worker(task: TaskParts) -> bool:
    """Whether a worker carries out a task, as far as its item says."""
    return task.whole is None and task.action is not None and task.action.type not in _NOT_RELEASED


def release_ways(ways: list[Steps], findings: Findings) -> None:
    """Have a person release each of several ways."""
    for way in ways:
        message = (
            "This is one of several ways, so a person releases it before it runs, does it by hand, or skips it. To run "
            "it without being asked, add {run}."
        )
        if sum(map(release, way.tasks)):
            findings.warn(way.tasks[0].line, message)


def _check_condition(task: TaskParts, findings: Findings) -> None:
    if "condition" in task.fields:
        message = (
            "This step is one of several alternatives, so its condition is the answer to which one applies, and 'if' "
            "cannot be used. Remove it, or add {run}."
        )
        findings.problem(*task.places.get("condition", (task.line, task.column)), message)


def _different(names: list[str]) -> list[str]:
    """Names as answers: short, and each different from the others, in upper and lower case."""
    taken: dict[str, int] = {}
    result: list[str] = []
    for name in names:
        option = text = shortened(name) or "-"
        while option.casefold() in taken:
            taken[text.casefold()] += 1
            option = f"{text[:190]} ({taken[text.casefold()]})"
        taken[option.casefold()] = 1
        result.append(option)
    return result
