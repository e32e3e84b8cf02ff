"""Plans in the form in which a model answers. Only this module knows the shape of their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.conftest import Stack
from tests.factories import SHELL
from tests.model_answers import Output

# Key, title, action, and the keys of the tasks before it. More fields of the task may follow.
Drafted = tuple[Any, ...]
# The number of a task that does not exist.
NOWHERE = 99
MANUAL = {"type": "manual"}


def drafted(*tasks: Drafted, assumptions: Sequence[str] = (), questions: Sequence[str] = ()) -> dict[str, Any]:
    """Return a plan with one phase, `work`."""
    numbers = {key: number for number, (key, *_) in enumerate(tasks, start=1)}
    made = [
        {
            "number": numbers[key],
            "title": title,
            "action": action,
            "depends_on": [numbers.get(other, NOWHERE) for other in depends_on],
            **(more[0] if more else {}),
        }
        for key, title, action, depends_on, *more in tasks
    ]
    return {
        "summary": "What the words ask for.",
        "assumptions": list(assumptions),
        "questions": list(questions),
        "phases": [{"name": "Work", "strategy": "dag", "tasks": made}],
    }


def plan(*tasks: Drafted, **tokens: int) -> Output:
    """Return the answer that contains such a plan."""
    return Output(drafted(*tasks), **tokens)


GOOD = (("gather", "Gather", SHELL, ()), ("check", "Check", MANUAL, ("gather",)))
# A plan whose second task depends on one that does not exist, and what the validator says about it.
BAD = (("gather", "Gather", SHELL, ()), ("check", "Check", MANUAL, ("nowhere",)))
SAID = f"Task 'check' depends on 'task_{NOWHERE}', which does not exist."
# The same for the model, which knows its tasks by their numbers.
TOLD = f"Task 2 depends on task {NOWHERE}, which does not exist."


async def events_of(stack: Stack, project_id: str, kind: str) -> list[dict[str, Any]]:
    """Return the data of all events of one type."""
    return [event["data"] for event in await stack.events(project_id) if event["type"] == kind]
