"""Variables that one step sets and another one reads: each step has its own environment, so they would be empty there.

Pure functions from the text of a document and the text of a script.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from app.planning.outline.shell_findings import Command, unset_variables
from app.planning.outline.shell_text import ShellText
from app.planning.outline.unset import computed, is_of_machine

_LOWER = re.compile(r"(?<![\w$.?&-])([a-z_][a-z0-9_]*)\+?=(?=[^\s=])")
_USED = re.compile(r"\$(?:([a-z_]\w*)|\{(?:#|!(?=\w+\}))?([a-z_]\w*)(:?[-=+?])?)")
_SET = re.compile(
    r"(?<![\w$])([a-z_]\w*)(?:\+?=|\+\+|--)|\b(?:read|for|select|mapfile|readarray|printf|getopts|local|declare|typeset|let|"
    r"export|readonly|coproc)\b([^\n;|&]{0,300})"
)
_NAME = re.compile(r"[a-z_]\w*")
_UNSURE = frozenset({"source", ".", "eval"})
_PROXIES = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"})

HOW_TO_KEEP = (
    'To have it run, put both into one block. Or have the other step write name=value to "$SIGNOFF_OUTPUT", and pass '
    "${{ tasks.KEY.outputs.name }} to this one in an inputs block."
)


def why_lost(names: Sequence[str]) -> str:
    """What is wrong with a step that reads these variables: how a sentence about it continues."""
    listed = ", ".join(f"${name}" for name in names[:10])
    return f"reads {listed}, which only another step sets, and what a step sets is gone when it ends"


def set_anywhere(text: str) -> frozenset[str]:
    """Names that a document sets: those in capitals only where a step computes them, since others become parameters."""
    return computed(text) | frozenset(_LOWER.findall(text)) - _PROXIES


def lost_variables(text: ShellText, script: list[Command], known: Set[str], elsewhere: Set[str]) -> dict[str, int]:
    """The variables that a script reads, that it certainly does not set, and that another step sets. Where each is read first.

    Args:
        text: the script.
        script: its commands.
        known: names that the plan sets for the script.
        elsewhere: names that the document sets anywhere (`set_anywhere`).
    """
    if _sources(script):
        return {}
    found = {name: at for name, at in unset_variables(text).items() if not is_of_machine(name)} | unset_in_lower_case(
        text, script
    )
    return {
        name: at
        for name, at in found.items()
        if name in elsewhere and name not in known and not is_guarded(name, text.expanded)
    }


def _sources(script: list[Command]) -> bool:
    """Whether a script takes in what may set any variable."""
    return any(command.words and command.words[0] in _UNSURE for command in script)


def unset_in_lower_case(text: ShellText, script: list[Command]) -> dict[str, int]:
    """Names in lowercase that a script reads although nothing in it can set them, and where first."""
    if _sources(script):
        return {}
    given: set[str] = set()
    for match in _SET.finditer(text.expanded):
        given |= {match[1]} if match[1] else set(_NAME.findall(match[2]))
    names: dict[str, int] = {}
    for match in _USED.finditer(text.expanded):
        name = match[1] or match[2]
        if not match[3] and name not in given:
            names.setdefault(name, match.start())
    return names


def is_guarded(name: str, script: str) -> bool:
    """Whether a script gives the variable a value if it has none, stops without one, or looks whether it has one."""
    return re.search(rf"\$\{{{name}:?[-=+?]|-[nzv]\s+\"?(?:\$\{{?)?{name}\b", script) is not None
