"""What a model is told about a draft that is not valid, in the numbers that it has given to the tasks itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from app.domain.plan import PlanDraft
from signoff.schemas.problems import Problem

MAX_SHOWN = 20
_PLACE = re.compile(r"phases\[(\d+)\](?:\.tasks\[(\d+)\])?\.?")
_QUOTED = re.compile(r"\b([Tt]ask|[Pp]hase)? ?'([a-z][a-z0-9_-]{0,63})'")
_CHAIN = re.compile(r"(?<=in a cycle: )[a-z0-9_ →-]+")


def told(problems: Sequence[Problem], numbers: dict[str, int], draft: PlanDraft | None) -> str:
    """Problems with a draft as a list for the model.

    Args:
        problems: what is wrong; the messages name tasks and phases by their keys.
        numbers: the number that each key of a task stands for.
        draft: the draft, if it could be made.
    """
    phases = {phase.key: place for place, phase in enumerate(draft.phases, 1)} if draft is not None else {}
    lines = [f"- {problem.field}: {_in_numbers(problem.message, numbers, phases)}" for problem in problems[:MAX_SHOWN]]
    # Pydantic's words for an error of one of our own checks, which speaks for itself.
    lines = [line.replace("fields: Value error, ", "").replace("Value error, ", "") for line in lines]
    more = len(problems) - len(lines)
    return "\n".join([*lines, f"- There are {more} more problems."] if more else lines)


def _in_numbers(message: str, numbers: dict[str, int], phases: dict[str, int]) -> str:
    def named(match: re.Match[str]) -> str:
        word, key = match[1] or "", match[2]
        if word.lower() == "phase" and key in phases:
            return f"{word} {phases[key]}"
        if word.lower() != "phase" and key in numbers:
            # The space before a key without a word is part of the match.
            return f"{word} {numbers[key]}" if word else f"{match[0][: match[0].index(chr(39))]}task {numbers[key]}"
        return match[0]

    def chained(match: re.Match[str]) -> str:
        return " → ".join(str(numbers.get(key, key)) for key in match[0].split(" → "))

    return _QUOTED.sub(named, _CHAIN.sub(chained, message))


def with_numbers(wrong: str, answer: str) -> str:
    """Replace positions such as `phases[0].tasks[1]` by the numbers that the answer itself gives to its tasks."""
    try:
        plan: Any = json.loads(answer)
    except ValueError:
        return wrong

    def named(match: re.Match[str]) -> str:
        phase, task = int(match[1]), match[2]
        end = ", " if match[0].endswith(".") else ""
        if task is None:
            return f"Phase {phase + 1}{end}"
        try:
            return f"Task {int(plan['phases'][phase]['tasks'][int(task)]['number'])}{end}"
        except (KeyError, IndexError, TypeError, ValueError):
            return match[0]

    lines = [_PLACE.sub(named, line) for line in wrong.splitlines()]
    # "Task 5, action: Task 5: …" says it twice.
    return "\n".join(re.sub(r"^(- Task (\d+)[^:]*): Task \2[:,] ", r"\1: ", line) for line in lines)
