"""Says which variables a plan asks for: those that look like settings of the document, and that no step can compute.

Pure functions from the text of a document and the names in a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.domain.parameters import objection_to
from app.planning.outline.shell_findings import Command

# `NAME=value` wherever a document writes it, and programs that set a variable by its name.
_ASSIGNMENT = re.compile(r"(?<![\w$.-])([A-Z][A-Z0-9_]*)\+?=(\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'|[^\s;&|)`]{0,300})")
_SETTER = re.compile(r"\b(?:read|for|select|mapfile|readarray|getopts|printf -v)\b([^\n;|&]{0,300})")
_NAME = re.compile(r"(?<![\w${])[A-Z][A-Z0-9_]*\b")
# Variables that belong to a machine or to a tool, and not to the document.
_MACHINE = re.compile(
    r"(?:XDG|GITHUB|GITLAB|BUILDKITE|CIRCLE|TRAVIS|JENKINS|SSH|DBUS|VIRTUAL|CONDA|NVM|SUDO|WSL|SYSTEMD|NIX)_\w*"
    r"|CI|TERM|EDITOR|VISUAL|PAGER|BROWSER|DISPLAY|KUBECONFIG|PYTHONPATH|GOPATH|GOROOT|GOBIN|JAVA_HOME|CARGO_HOME|RUSTFLAGS"
    r"|CC|CXX|CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS|LD_LIBRARY_PATH|MANPATH|PS1|ZDOTDIR|ZSH|PROMPT_COMMAND|[A-Z]"
)
_SECRET = re.compile(r"(?:\w*_)?(?:TOKEN|PASSWORD|PASSWD|PASS|PASSPHRASE|SECRET|SECRETS|KEY|APIKEY|CREDENTIALS?|PAT)")
_SOURCES = frozenset({"source", ".", "eval"})


def assignments(text: str) -> dict[str, str | None]:
    """The variables that a document sets anywhere: the value that it writes. None if a step computes it."""
    found: dict[str, str | None] = {}
    for name, value in _values(text):
        found[name] = None if value is None else found.get(name, value)
    for match in _SETTER.finditer(text):
        found |= dict.fromkeys(_NAME.findall(match[1]))
    return found


def computed(text: str) -> frozenset[str]:
    """The variables to which a document gives a value that a step computes."""
    return frozenset(name for name, value in _values(text) if value is None)


def _values(text: str) -> Iterator[tuple[str, str | None]]:
    """Each `NAME=value`; None if a step computes the value."""
    for match in _ASSIGNMENT.finditer(text):
        value = match[2].strip("\"'")
        if value in {f"${match[1]}", f"${{{match[1]}}}"}:
            continue
        # A backtick behind the value ends inline code, unless a command follows it.
        substituted = re.match(r"`[\w$./]", text[match.end() :][:2])
        steps = "$" in value or "`" in value or value.startswith("(") or substituted
        yield match[1], None if steps else value


def is_secret(variable: str) -> bool:
    """Whether the name of a variable says that it holds a password or a key."""
    return _SECRET.fullmatch(variable) is not None


def is_of_machine(variable: str) -> bool:
    """Whether a variable usually belongs to the machine or to a tool, or is too short to be the name of a setting."""
    return _MACHINE.fullmatch(variable) is not None


def to_ask_for(names: Iterable[str], script: list[Command], assigned: dict[str, str | None]) -> list[str]:
    """The variables for which the plan can ask.

    Args:
        names: variables that the script reads although nothing sets them.
        script: its commands.
        assigned: what the document sets anywhere (`assignments`).
    """
    if any(command.words and command.words[0] in _SOURCES for command in script):
        return []  # What it sources may set them.
    return [
        name
        for name in names
        if not is_of_machine(name)
        and not is_secret(name)
        and objection_to(name.lower()) is None
        and name.isupper()
        and assigned.get(name, "") is not None
    ]
