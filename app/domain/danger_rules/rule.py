"""The type of a rule, and the view of a command that a rule tests."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from app.domain.shell_syntax import Command, Redirection, Script
from app.domain.shell_words import SHELLS, Word, script_position

# Programs that run code from their input if no argument names a script.
INTERPRETERS = frozenset({"python", "python2", "python3", "perl", "ruby", "node", "nodejs", "php", "lua", "osascript"})
DOWNLOADERS = frozenset({"curl", "wget", "http", "https", "fetch", "aria2c", "lynx", "nc", "ncat", "netcat", "telnet"})
WRITES = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})
_CODE_FLAGS = frozenset({"-c", "-e", "-r", "-m", "-E", "--eval", "-p", "-pe", "-ne", "-nle", "-lne"})
_HOME = re.compile(r"""^["']?(~[\w-]*|\$HOME\b|\$\{HOME\})["']?""")
# `$DIR/` and `"$DIR"/*` mean the root folder if DIR is not set. `${DIR:?}` fails instead.
_ROOT_IF_UNSET = re.compile(r"""^["']?\$(\w+|\{\w+\})["']?/["']?\*?["']?$""")
_TEMPORARY = ("/tmp/", "/var/tmp/")  # noqa: S108 - recognized, not used
_HARMLESS_DEVICES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd"})


class Place(Enum):
    """Where a path leads, relative to the workspace."""

    INSIDE = "inside"
    TEMPORARY = "temporary"
    OUTSIDE = "outside"
    ROOT_IF_UNSET = "root if unset"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Step:
    """One command, with everything that a rule can test.

    Attributes:
        command: the parsed command, or one that another command starts (`find -exec`, `ssh HOST`).
        script: the script that contains it.
        text: the whole script as written.
        away: an earlier `cd` has left the workspace.
    """

    command: Command
    script: Script
    text: str
    away: bool = False

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the command without `sudo`, `env` and similar prefixes."""
        return self.command.effective

    @cached_property
    def program(self) -> str:
        """Name of the program without its folder. Empty if it is unknown."""
        return self.command.program or ""

    @cached_property
    def arguments(self) -> list[str]:
        """Values of the arguments. Arguments that are not static are as written."""
        return [word.text if word.value is None else word.value for word in self.words[1:]]

    @cached_property
    def operands(self) -> list[Word]:
        """The arguments that are not options."""
        return [word for word in self.words[1:] if not (word.value or "").startswith("-") or word.value == "-"]

    def has(self, *options: str) -> bool:
        """Whether one of these options is present. `-r` also matches `-rf`; `--output` also matches `--output=x`."""
        return any(_matches(argument, option) for argument in self.arguments for option in options)

    def value_of(self, *options: str) -> str | None:
        """The value of an option, as `-o x`, `-ox`, `--output x` or `--output=x`."""
        for index, argument in enumerate(self.arguments):
            for option in options:
                if argument == option:
                    return self.arguments[index + 1] if index + 1 < len(self.arguments) else None
                if option.startswith("--") and argument.startswith(f"{option}="):
                    return argument.partition("=")[2]
                if not option.startswith("--") and argument.startswith(option) and len(argument) > len(option):
                    return argument[len(option) :]
        return None

    def place(self, word: Word) -> Place:
        """Classify where a path leads."""
        if _HOME.match(word.text):
            return Place.OUTSIDE
        if word.value is None:
            if _ROOT_IF_UNSET.match(word.text):
                return Place.ROOT_IF_UNSET
            return Place.OUTSIDE if re.match(r"""^["']?/(?!tmp/|var/tmp/)""", word.text) else Place.UNKNOWN
        path = posixpath.normpath(word.value)
        if path.startswith("/"):
            if path in _HARMLESS_DEVICES or path.startswith("/dev/fd/"):
                return Place.TEMPORARY
            return Place.TEMPORARY if f"{path}/".startswith(_TEMPORARY) else Place.OUTSIDE
        leaves = path == ".." or path.startswith("../")
        return Place.OUTSIDE if leaves or self.away else Place.INSIDE

    def is_outside(self, word: Word) -> bool:
        """Whether a path leads outside the workspace, or may mean the root folder."""
        return self.place(word) in {Place.OUTSIDE, Place.ROOT_IF_UNSET}

    @property
    def written(self) -> Iterator[Redirection]:
        """The redirections into files."""
        return (item for item in self.command.redirections if item.operator in WRITES)

    @property
    def runs_its_input(self) -> bool:
        """Whether the program runs its standard input as code."""
        if self.program in SHELLS:
            return self.has("-s") or script_position(self.words) is None
        if self.program in INTERPRETERS or re.fullmatch(r"python3\.\d+", self.program):
            return not self.has(*_CODE_FLAGS) and all(word.value in {"-", "/dev/stdin"} for word in self.operands)
        return False

    @property
    def sources(self) -> list[Command]:
        """Commands whose output reaches this one: through pipes, and from substitutions in its words."""
        index = _index(self.script.commands, self.command)
        inside = [other for other in self.script.commands if index is not None and other.parent == index]
        return [*self.script.inputs_of(self.command), *inside]


@dataclass(frozen=True)
class Rule:
    """One kind of danger that an audit reports.

    Attributes:
        code: the kind of danger; `app.domain.dangers` has a severity for each.
        what: completes the sentence "Task 'x' …".
        test: returns whether a command does it.
        bad: example commands that match the rule.
        fine: similar commands that are ordinary and do not match.
    """

    code: str
    what: str
    test: Callable[[Step], bool]
    bad: tuple[str, ...]
    fine: tuple[str, ...] = field(default=())


def words_in_order(arguments: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the arguments contain the wanted words in this order. `delete-*` matches any word with that prefix."""
    rest = iter(arguments)
    return all(any(_is_like(argument, word) for argument in rest) for word in wanted)


def _is_like(argument: str, word: str) -> bool:
    return argument.startswith(word[:-1]) if word.endswith("*") else argument == word


def _matches(argument: str, option: str) -> bool:
    if option.startswith("--"):
        return argument == option or argument.startswith(f"{option}=")
    if len(option) != 2:
        return argument == option
    return argument.startswith("-") and not argument.startswith("--") and option[1] in argument[1:]


def _index(commands: Sequence[Command], wanted: Command) -> int | None:
    return next((index for index, command in enumerate(commands) if command is wanted), None)
