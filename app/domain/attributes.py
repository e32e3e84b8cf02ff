"""Which attribute of a task means something for which action. What means nothing is refused, so that nobody relies on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.actions import Mode

# How the API and a description name each attribute. An attribute without a name for the API is a field of its action there,
# and the action itself refuses fields that it does not have.
API_NAMES: dict[str, str] = {
    "agent": "agent_id",
    "retries": "retries",
    "timeout": "timeout_seconds",
    "on_crash": "on_crash",
    "after_failure": "after_failure",
    "files": "expected_files",
    "inputs": "inputs",
    "reads": "reads",
    "writes": "writes",
    "limits": "limits",
    "approval": "requires_approval",
}
ATTRIBUTES = (*API_NAMES, "env", "cwd", "expect", "every", "until", "default", "expires", "stop", "by", "other_than")

_WORK = frozenset({"agent", "retries", "timeout", "on_crash", "after_failure", "files", "approval"})
_COMMANDS = frozenset({"inputs", "reads", "writes", "limits"})
# The table: everything that means something, by action.
MEANS: dict[str, frozenset[str]] = {
    "shell": _WORK | _COMMANDS | {"env", "cwd", "expect", "every", "until"},
    "http": _WORK,
    "agent": _WORK | _COMMANDS | {"env"},
    "manual": frozenset({"files", "inputs"}),
    "decision": frozenset({"inputs", "default", "expires", "stop", "by", "other_than"}),
    "wait": frozenset(),
    "milestone": frozenset(),
}
# Actions of packages that extend Signoff.
_BY_MODE: dict[Mode, frozenset[str]] = {
    Mode.ACTIVITY: _WORK | _COMMANDS,
    Mode.PERSON: MEANS["manual"],
    Mode.DECISION: MEANS["decision"],
    Mode.TIMER: MEANS["wait"],
    Mode.MILESTONE: MEANS["milestone"],
}
_WHO = {
    "shell": "a command",
    "http": "a request",
    "agent": "a task of a model",
    "manual": "a task of a person",
    "decision": "a decision",
    "wait": "a task that only waits",
    "milestone": "a milestone",
}
_INSTEAD: dict[str, dict[str, str]] = {
    "http": {
        "inputs": "Write ${{ … }} where the request needs the value.",
        "env": "Write the value into the request.",
        "cwd": "Write the folder into 'save'.",
        "expect": "List the statuses that mean success after the word http: expect=200,204.",
        "every": "Use retries, or a command that sends the request.",
        "until": "Use retries and timeout, or a command that sends the request.",
        "limits": "It runs no command.",
        "reads": "It runs no command.",
        "writes": "It runs no command. 'save' writes the answer to a file of the workspace.",
    },
    "agent": {
        "cwd": "Name the folder in the prompt.",
        "expect": "Say in the prompt what the result must be, or check it with a command in a task of its own.",
        "every": "Use retries.",
        "until": "Use timeout.",
    },
    "manual": {
        "timeout": "A person is not interrupted; use a decision with 'expires' if it must end.",
        "retries": "A person says when it is done.",
        "expect": "Say in the title or the description what must be true.",
        "every": "A person says when it is done.",
        "until": "Use a decision with 'expires' if it must end.",
        "expires": "Use a decision if it must end: decision=done expires=2d.",
        "default": "Use a decision: decision=yes,no default=no.",
    },
    "decision": {
        "timeout": "Use 'expires'.",
        "until": "Use 'expires'.",
        "retries": "Nobody is asked twice; use 'expires' and 'default' if nobody may answer.",
        "every": "Nobody is asked twice; use 'expires' and 'default' if nobody may answer.",
        "expect": "List the possible answers: decision=yes,no.",
        "after_failure": "Without an answer, its 'default' is taken.",
    },
    "wait": {
        "timeout": "Its time is the one to wait: wait=2h.",
        "until": "Its time is the one to wait: wait=2h.",
        "every": "To repeat a command until it succeeds, give the command every=1m until=1h.",
        "expires": "Its time is the one to wait: wait=2h.",
    },
}
_ELSEWHERE = {
    "default": "Only a decision has a default answer: decision=yes,no default=no.",
    "expires": "Only a decision expires: decision=yes,no expires=2d. Use 'timeout' for a time limit.",
    "stop": "Only the answer to a decision ends the run: decision=yes,no stop=no.",
    "by": "Only the plan of a decision says who answers: decision=yes,no by=model.",
    "other_than": "Only a decision asks for another person: decision=yes,no other_than=first_review.",
    "approval": "Only a task that a worker runs waits until a person releases it.",
}
_REASONS = {
    "agent": "No agent carries it out.",
    "retries": "It is never repeated.",
    "timeout": "It runs nothing that could take long.",
    "on_crash": "It runs on no worker that could be lost.",
    "after_failure": "It runs nothing that could fail.",
    "files": "It makes no files.",
    "inputs": "It reads no inputs.",
    "reads": "It runs no command.",
    "writes": "It runs no command.",
    "limits": "It runs no command.",
    "env": "It runs no command.",
    "cwd": "It runs no command.",
    "expect": "It has no output.",
    "every": "It is never repeated.",
    "until": "It is never repeated.",
}


def means(action: str, attribute: str, mode: Mode = Mode.ACTIVITY) -> bool:
    """Whether an attribute, named as in a description, means something for tasks with this action.

    `mode` is for actions that are not in the table.
    """
    return attribute in MEANS.get(action, _BY_MODE[mode])


def why_meaningless(action: str, attribute: str, shown: str | None = None) -> str:
    """The sentences for an attribute that means nothing for an action, with what to do instead.

    Args:
        action: the type of the action.
        attribute: the attribute, named as in a description.
        shown: how the caller named it.
    """
    who = _WHO.get(action, f"the action {action}")
    instead = _INSTEAD.get(action, {}).get(attribute) or _ELSEWHERE.get(attribute) or _REASONS[attribute]
    return f"'{shown or attribute}' means nothing for {who}. {instead}"


def meaningless_fields(action: str, mode: Mode, fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The fields of a task that are set and mean nothing, as in the API, each with the sentences that say so."""
    for attribute, name in API_NAMES.items():
        if not means(action, attribute, mode) and fields.get(name) not in (None, 0, "rerun", [], {}):
            yield name, why_meaningless(action, attribute, name)
