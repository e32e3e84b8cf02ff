"""Finds commands that a person should check before signing.

This is a help, not a proof. The command is parsed as a shell parses it, and each part is compared with a table of rules. No
table can tell what a program does internally, or what a command becomes once its variables have values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from app.domain.danger_rules import files, machine, network, services
from app.domain.danger_rules.rule import Place, Rule, Step
from app.domain.shell_syntax import MAX_SCRIPT_LENGTH, Command, Script, parse, parse_argv
from app.domain.shell_words import Word
from signoff.schemas.json_value import JsonObject

RULES: tuple[Rule, ...] = (*files.RULES, *network.RULES, *machine.RULES, *services.RULES)
SEVERITY: dict[str, Literal["critical", "high", "medium"]] = {
    "destructive_command": "critical",
    "network_to_shell": "critical",
    "opens_remote_access": "critical",
    "sends_secrets": "critical",
    "changes_system": "high",
    "hides_traces": "high",
    "reads_secrets": "high",
    "runs_what_it_is_given": "high",
    "weakens_protection": "high",
    "command_too_long": "medium",
    "discards_changes": "medium",
    "unverified_connection": "medium",
}
# `ssh host "ssh other '…'"`.
_DEEPEST = 3
_MAX_STEPS = 500
_SSH_VALUES = frozenset(f"-{letter}" for letter in "bcDEeFIiJLlmOopQRSWw")
_AFTER_DASHES = frozenset({"kubectl", "oc", "docker", "podman", "nerdctl"})


class Danger(NamedTuple):
    """Something in a command that a person should check."""

    code: str
    what: str


def dangers_of(action: JsonObject) -> list[Danger]:
    """The dangers in an action's commands, without duplicates."""
    dangers: dict[Danger, None] = {}
    for text, script in scripts_of(action):
        if len(text) > MAX_SCRIPT_LENGTH:
            what = f"is longer than the {MAX_SCRIPT_LENGTH:,} characters that are checked"
            dangers[Danger("command_too_long", what)] = None
        for number, step in enumerate(steps_of(script, text[:MAX_SCRIPT_LENGTH])):
            if number > _MAX_STEPS:
                dangers[Danger("command_too_long", f"has more than the {_MAX_STEPS:,} commands that are checked")] = (
                    None
                )
                break
            dangers.update(dict.fromkeys(_dangers_of_step(step)))
    return list(dangers)


def _dangers_of_step(step: Step) -> list[Danger]:
    dangers = [Danger(rule.code, rule.what) for rule in RULES if rule.test(step)]
    if any(danger.code == "network_to_shell" for danger in dangers):
        # network_to_shell says the same, and also says where the text comes from.
        return [danger for danger in dangers if danger.code != "runs_what_it_is_given"]
    return dangers


def scripts_of(action: JsonObject) -> Iterator[tuple[str, Script]]:
    """The scripts that an action runs, each with its text."""
    command, words = action.get("command"), action.get("argv")
    if isinstance(command, str):
        # A line that continues after a backslash is one command.
        text = command.replace("\\\n", " ")
        yield text, parse(text)
    if isinstance(words, list):
        argv = [str(word) for word in words]
        yield " ".join(argv), parse_argv(argv)


def steps_of(script: Script, text: str, *, away: bool = False, depth: int = 0) -> Iterator[Step]:
    """Every command of a script, including the commands that these start on this or another machine."""
    for command in script.commands:
        step = Step(command, script, text, away)
        yield step
        if step.program in {"cd", "pushd"}:
            away = _leaves(step)
        if depth < _DEEPEST:
            for inner in _started(step):
                yield from steps_of(inner, text, away=away, depth=depth + 1)


def _leaves(step: Step) -> bool:
    target = step.operands[0] if step.operands else None
    if target is None or target.value == "-":
        return True
    return step.place(target) in {Place.OUTSIDE, Place.ROOT_IF_UNSET}


def _started(step: Step) -> Iterator[Script]:
    """The scripts and commands that a command passes to another program."""
    words = step.words
    if step.program in {"find", "fd"}:
        yield from (_as_script(command) for command in _after_exec(words))
    elif step.program in {"ssh", "su", "watch", "script", "runuser", "sg", "parallel"}:
        yield from (parse(text) for text in _texts(step))
    elif step.program in _AFTER_DASHES:
        inside = _after(words, "--") or _after(words, "exec", 2) or _after(words, "run", 2)
        if inside:
            yield _as_script(inside)
    elif step.program in {"chroot", "nsenter", "unshare", "strace", "script"} and len(words) > 2:
        yield _as_script(words[2:])


def _texts(step: Step) -> Iterator[str]:
    if step.program == "ssh":
        # The command comes after the options (some of them take a value) and the host.
        arguments = iter(step.arguments)
        for argument in arguments:
            if not argument.startswith("-"):
                break
            if argument[:2] in _SSH_VALUES and len(argument) == 2:
                next(arguments, None)
        yield " ".join(arguments)
        yield from (
            item.target.value
            for item in step.command.redirections
            if item.operator.startswith("<<") and item.target.value
        )
    elif step.program in {"watch", "sg", "parallel"}:
        yield " ".join(word.value or word.text for word in step.operands)
    else:
        text = step.value_of("-c", "--command")
        if text is not None:
            yield text


def _after_exec(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    for index, word in enumerate(words):
        if word.value in {"-exec", "-execdir", "-ok", "-x", "-X"}:
            rest: list[Word] = []
            for inner in words[index + 1 :]:
                if inner.value in {";", "+"}:
                    break
                rest.append(inner)
            # `{}` stands for a path below the searched folders; a separate rule checks those.
            yield tuple(item for item in rest if not re.search(r"\{\}", item.text))


def _after(words: Sequence[Word], marker: str, skip: int = 1) -> tuple[Word, ...]:
    index = next((position for position, word in enumerate(words) if word.value == marker), None)
    return tuple(words[index + skip :]) if index is not None else ()


def _as_script(words: Sequence[Word]) -> Script:
    values = [word.value for word in words]
    if None not in values:
        return parse_argv([value for value in values if value is not None])
    return Script((Command(tuple(words)),), complete=True)
