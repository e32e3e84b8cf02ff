"""Words of shell commands: their static values, and which of them name the program that runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tree_sitter import Node

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"})


@dataclass(frozen=True)
class Word:
    """One word of a shell command.

    Attributes:
        text: as written.
        value: what the command receives; None if it depends on a variable, a command or the home folder.
        pattern: whether it contains an unquoted `*`, `?`, `[…]` or `{…}`, which the shell expands; `value` still has it.
    """

    text: str
    value: str | None
    pattern: bool = False


# Programs that start another program named in their arguments. For each: the options that take a value, and the number of
# arguments before that program's name.
WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    "sudo": (frozenset({"-u", "-g", "-h", "-p", "-C", "-D", "-r", "-t", "-T", "-U", "--user", "--group"}), 0),
    "doas": (frozenset({"-u", "-C"}), 0),
    "env": (frozenset({"-u", "-C", "--unset", "--chdir"}), 0),
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "ionice": (frozenset({"-c", "-n", "-p"}), 0),
    "timeout": (frozenset({"-s", "-k", "--signal", "--kill-after"}), 1),
    "xargs": (frozenset({"-n", "-I", "-P", "-L", "-d", "-s", "-a", "-E", "--max-args", "--max-procs"}), 0),
    "time": (frozenset({"-f", "-o"}), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "taskset": (frozenset(), 1),
    "flock": (frozenset({"-w", "-E"}), 1),
    "exec": (frozenset({"-a"}), 0),
    "nohup": (frozenset(), 0),
    "setsid": (frozenset(), 0),
    "command": (frozenset(), 0),
    "builtin": (frozenset(), 0),
    "busybox": (frozenset(), 0),
    "!": (frozenset(), 0),
}
_DYNAMIC = frozenset(
    {
        "simple_expansion",
        "expansion",
        "command_substitution",
        "process_substitution",
        "arithmetic_expansion",
        "array",
    }
)
_MARKED = re.compile(r"\\(.)|([*?\[{])|([$`])", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_IN_QUOTES = re.compile(r"\\([$`\"\\])|\\\n")
_ANSI = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{1,4})|(.))", re.DOTALL)
_ANSI_NAMES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}


def word_of(node: Node) -> Word:
    """Convert a node of the syntax tree to a word."""
    text = (node.text or b"").decode("utf-8", "replace")
    value, pattern = _value(node, text)
    if text.startswith("~"):
        value = None
    return Word(text, value, pattern)


def effective(words: Sequence[Word]) -> tuple[Word, ...]:
    """`words` without the programs that only start the next one: `sudo -u x env A=b make` is `make`."""
    rest = tuple(words)
    while rest and rest[0].value is not None:
        known = WRAPPERS.get(rest[0].value.rpartition("/")[2])
        inner = _wrapped(rest[1:], *known) if known is not None else ()
        if not inner:
            break
        rest = inner
    return rest


def nested_script(words: Sequence[Word]) -> tuple[str, str] | None:
    """The static script that a command passes to a shell with `sh -c` or `eval`. None if there is none."""
    if not words or words[0].value is None:
        return None
    program = words[0].value.rpartition("/")[2]
    if program == "eval":
        values = [word.value for word in words[1:]]
        return ("eval", " ".join(value for value in values if value is not None)) if None not in values[:1] else None
    if program in SHELLS:
        index = script_position(words)
        if index is not None and index < 0 and words[-index].value is not None:
            return "sh -c", words[-index].value or ""
    return None


def script_position(words: Sequence[Word]) -> int | None:
    """Index of the word with a shell command's script. Negative if it is the text after `-c`; None if there is no script."""
    text, index = False, 1
    while index < len(words):
        value = words[index].value
        if value is None or value in {"-", "--"} or not value.startswith(("-", "+")):
            break
        if not value.startswith("--"):
            text = text or "c" in value[1:]
            # `-o pipefail`, `-eo pipefail`.
            index += 1 if value.endswith(("o", "O")) else 0
        elif value in {"--rcfile", "--init-file"}:
            index += 1
        index += 1
    if index < len(words) and words[index].value in {"-", "--"}:
        index += 1
    if index >= len(words):
        return None
    return -index if text else index


def _wrapped(words: tuple[Word, ...], valued: frozenset[str], positional: int) -> tuple[Word, ...]:
    index = 0
    while index < len(words):
        value = words[index].value
        if value is None:
            break
        if value == "--":
            index += 1
        elif value.startswith("-") and len(value) > 1:
            index += 2 if value in valued else 1
        elif _ASSIGNMENT.match(value):
            index += 1
        elif positional:
            positional -= 1
            index += 1
        else:
            break
    return words[index:]


def _value(node: Node, text: str) -> tuple[str | None, bool]:
    """The static value of a node, and whether it is a pattern."""
    kind = node.type
    if kind in _DYNAMIC:
        return None, False
    if kind in {"command_name", "concatenation"} and node.children:
        parts = [_value(part, (part.text or b"").decode("utf-8", "replace")) for part in node.children]
        values = [part[0] for part in parts]
        value = None if None in values else "".join(value or "" for value in values)
        return value, any(part[1] for part in parts)
    read = _READERS.get(kind)
    return _unquoted(text) if read is None else (read(node, text), False)


def _raw(node: Node, text: str) -> str:
    del node
    return text[1:-1]


def _ansi(node: Node, text: str) -> str:
    del node
    return _ANSI.sub(_character, text[2:-1])


def _quoted(node: Node, text: str) -> str | None:
    if any(child.type in _DYNAMIC for child in node.children):
        return None
    return _IN_QUOTES.sub(lambda match: match[1] or "", text[1:-1])


def _translated(node: Node, text: str) -> None:
    """A translated string `$"…"`, whose value depends on the language."""
    del node, text


def _unquoted(text: str) -> tuple[str | None, bool]:
    pattern = dynamic = False
    for match in _MARKED.finditer(text):
        pattern = pattern or match[2] is not None
        dynamic = dynamic or match[3] is not None
    value = _MARKED.sub(lambda match: match[0] if match[1] is None else match[1].replace("\n", ""), text)
    return None if dynamic else value, pattern


def _character(match: re.Match[str]) -> str:
    if match[4] is not None:
        return _ANSI_NAMES.get(match[4], match[4])
    digits, base = (match[2], 8) if match[2] is not None else (match[1] or match[3], 16)
    return chr(int(digits, base))


_READERS: dict[str, Callable[[Node, str], str | None]] = {
    "raw_string": _raw,
    "ansi_c_string": _ansi,
    "string": _quoted,
    "translated_string": _translated,
}
