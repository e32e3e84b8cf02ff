"""What one step leaves behind and a later step needs, although it is gone by then: functions, folders, environments.

Each step runs in a shell of its own. The findings are about the line that sets something, and name the line that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.planning.outline.shell_findings import Command
from app.planning.outline.shell_text import ShellText

_FUNCTION = re.compile(r"(?:function\s+)?([A-Za-z_][\w-]*)\s*\(\)|function\s+([A-Za-z_][\w-]*)")
_SOURCES = frozenset({"source", "."})
_PYTHONS = frozenset({("conda", "activate"), ("pyenv", "shell"), ("pyenv", "activate")})
_ACTIVATE = re.compile(r"\S*bin/activate(?:\.\w+)?")
# What a program finds in the folder in which it runs.
_RELATIVE = re.compile(
    r"\.{1,2}(?:/\S*)?|(?![-/~$])[\w.-]*\w\.(?:py|sh|js|ts|rb|ya?ml|json|toml|txt|md|sql|conf|cfg|ini|env|csv|tf|xml|lock|log)"
)
_PYTHON = frozenset(
    {"python", "python3", "pip", "pip3", "pytest", "flask", "django-admin", "alembic", "celery", "jupyter"}
)
_NODE = frozenset({"node", "npm", "npx", "yarn", "pnpm", "corepack"})
# Programs that a variable is for, by the start of its name.
_READERS = {
    "KUBECONFIG": frozenset({"kubectl", "helm", "oc", "k9s", "flux", "kustomize"}),
    "AWS_": frozenset({"aws", "terraform", "eksctl", "sam", "cdk"}),
    "DOCKER_": frozenset({"docker", "docker-compose"}),
    "PG": frozenset({"psql", "pg_dump", "pg_restore", "pg_dumpall", "createdb", "dropdb"}),
    "VAULT_": frozenset({"vault"}),
    "CLOUDSDK_": frozenset({"gcloud", "gsutil", "bq"}),
    "CONSUL_": frozenset({"consul"}),
    "NOMAD_": frozenset({"nomad"}),
    "TF_": frozenset({"terraform"}),
    "PYTHONPATH": _PYTHON,
}


@dataclass
class Step:
    """A script that a step runs, its commands, and where they are in the description: `line_of` counts from 0."""

    text: ShellText
    script: list[Command]
    line_of: Callable[[int], int]


@dataclass
class _Left:
    """What a step leaves behind: where it is set, what is gone, which programs need it, and what to do instead.

    `kind`: two with the same kind replace each other. `told`: whether somebody was told.
    """

    line: int
    kind: str
    what: str
    programs: frozenset[str]
    advice: str = "Put both into one block."
    told: bool = False


class LostBetween:
    """Follows the steps of a document in the order of its text."""

    def __init__(self) -> None:
        self._left: dict[str, _Left] = {}
        self._folder: int | None = None

    def read(self, step: Step, *, has_folder: bool) -> Iterator[tuple[int, str]]:
        """Read the next step. Return the findings: the line of what is set, and a sentence for the first line that needs it.

        Args:
            step: what it runs.
            has_folder: whether the step says in which folder it runs.
        """
        # The end of a script is pointed out anyway (`lost_state`).
        own = [left for command in step.script[:-1] if (left := _set_by(command, step)) is not None]
        if self._left and not any(command.words[0] in _SOURCES and len(command.words) > 1 for command in step.script):
            yield from self._needed(step, {left.kind for left in own})
        yield from self._in_folder(step, has_folder=has_folder)
        for left in own:
            self._left.update(dict.fromkeys(left.programs, left))

    def _needed(self, step: Step, own: set[str]) -> Iterator[tuple[int, str]]:
        for words, _, offset in step.script:
            left = self._left.get(words[0])
            if left is not None and not left.told and left.kind not in own:
                left.told = True
                number = step.line_of(offset) + 1
                yield left.line, f"{left.what} is gone when this step ends, but line {number} needs it. {left.advice}"

    def _in_folder(self, step: Step, *, has_folder: bool) -> Iterator[tuple[int, str]]:
        inside = has_folder
        for number, (words, _, offset) in enumerate(step.script, 1):
            if words[0] in {"cd", "pushd", "popd"}:
                at = step.text.words.find(words[0], offset)
                if step.text.words.count("(", 0, at) > step.text.words.count(")", 0, at):
                    continue  # in a subshell
                inside = True
                goes = words[0] != "popd" and len(words) > 1 and not words[1].startswith(("-", ".."))
                self._folder = step.line_of(offset) if goes and number < len(step.script) else None
            elif self._folder is not None and not inside and _is_relative(words):
                line, self._folder = self._folder, None
                message = (
                    f"The folder of 'cd' is gone when this step ends, but line {step.line_of(offset) + 1} seems to need it: "
                    "each step starts in the workspace. Put both into one block, or use cwd=…"
                )
                yield line, message


def _set_by(command: Command, step: Step) -> _Left | None:
    """What a command sets for the rest of its script, if another step could need it."""
    words, _, offset = command
    first, second = words[0], words[1] if len(words) > 1 else ""
    if (function := _FUNCTION.match(f"{first} {second}")) is not None:
        name = function[1] or function[2]
        return _Left(step.line_of(offset), name, f"The function '{name}'", frozenset({name}))
    if first == "alias" and "=" in second:
        name = second.partition("=")[0]
        return _Left(step.line_of(offset), name, f"The alias '{name}'", frozenset({name}))
    activates = (first in _SOURCES and _ACTIVATE.fullmatch(second)) or (first, second) in _PYTHONS or first == "workon"
    if activates:
        advice = "Repeat it there, or name the program by its path, such as venv/bin/python."
        return _Left(step.line_of(offset), "python", "The environment that this line activates", _PYTHON, advice)
    if first in {"nvm", "fnm"} and second == "use":
        return _Left(step.line_of(offset), "node", "The version that this line selects", _NODE, "Repeat it there.")
    name, equals, _ = second.partition("=")
    readers = next((names for start, names in _READERS.items() if name.startswith(start)), None)
    if first != "export" or not equals or readers is None:
        return None
    advice = "Set it for all steps with env in the front matter."
    return _Left(step.line_of(offset), name, f"${name}", readers, advice)


def _is_relative(words: list[str]) -> bool:
    return any(_RELATIVE.fullmatch(word) for word in words)
