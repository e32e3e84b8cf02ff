"""What a new version of a plan keeps of the tasks that are done."""

from __future__ import annotations

import pytest

from app.domain.corrections import kept_tasks
from app.domain.parameters import bind
from app.domain.plan import PlanDraft
from app.planning.outline.reader import read_outline

PLAN = """\
## Build

1. Get it: `echo get` {#get}
2. Ship it? {#ask decision=yes,later stop=""}

## Ship {#ship if=ask:yes}

- Send it: `echo send` {#send}
- Tell the others: `echo tell` {#tell if=get:completed}

## Tidy up {#tidy on=always}

- Remove the lock: `echo tidy` {#lock}
"""
EVERYTHING = {"get", "ask", "send", "tell", "lock"}


def read(text: str) -> PlanDraft:
    return read_outline(text, has_model=False)


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("echo send", "echo send", {"get", "ask", "send", "tell"}),
        ("echo send", "echo sent", {"get", "ask", "tell"}),
        # The phase has a condition on the decision.
        ("Ship it?", "Ship it now?", {"get"}),
        # The decision follows, a task has a condition on it, and so has the phase on the decision.
        ("echo get", "echo got", set[str]()),
        ("echo tidy", "echo tidied", {"get", "ask", "send", "tell"}),
    ],
)
def test_what_depends_on_a_change_runs_again(old: str, new: str, kept: set[str]) -> None:
    assert kept_tasks(read(PLAN), read(PLAN.replace(old, new)), EVERYTHING) == kept


def test_with_other_values_of_parameters_everything_runs_again() -> None:
    text = "---\nparameters:\n  version: {}\n---\n\n- Say it: `echo $VERSION` {#say}\n"

    def bound(version: str) -> PlanDraft:
        draft = read(text)
        return draft.model_copy(update={"parameters": bind(draft.parameters, {"version": version})})

    assert kept_tasks(bound("1"), bound("1"), {"say"}) == {"say"}
    assert kept_tasks(bound("1"), bound("2"), {"say"}) == set()
