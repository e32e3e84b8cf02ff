"""Finds the workspace files that the command of a task runs, in contrast to those that it only reads.

Like `named_files`, it finds only what the command names. A file that a program imports or computes is not found.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from app.domain.named_files import (
    ELSEWHERE,
    IMPLIED,
    INTERPRETERS,
    folders_of,
    inputs_of,
    may_be_path,
    path_texts,
    relative_path,
    script_of,
)
from app.domain.plan import canonical_json
from app.domain.shell_syntax import Command, Script
from app.domain.shell_words import Word, script_position
from signoff.schemas.json_value import JsonObject

# Programs that cannot do anything without one of the files that they look for.
_NEED_IMPLIED = frozenset(
    {"make", "gmake", "ninja", "npm", "pnpm", "yarn", "cargo", "just", "rake", "mvn", "tox", "nox", "scons", "task"}
)
# Programs that also run code that they find on their own in the folders of a project.
_SEARCHING = frozenset({*_NEED_IMPLIED, "pytest", "py.test", "unittest", "go", "gradle", "docker", "docker-compose"})
_FILE_OPTIONS = frozenset({"-f", "--file", "--makefile", "--justfile"})
# Endings of files that programs run, build or apply.
_CODE = (
    *(
        ".py",
        ".sh",
        ".bash",
        ".zsh",
        ".js",
        ".mjs",
        ".cjs",
        ".ts",
        ".rb",
        ".pl",
        ".php",
        ".r",
        ".jl",
        ".lua",
        ".go",
        ".rs",
    ),
    *(
        ".c",
        ".cc",
        ".cpp",
        ".java",
        ".jar",
        ".sql",
        ".awk",
        ".sed",
        ".ps1",
        ".tf",
        ".mk",
        ".ipynb",
        ".cmake",
        ".gradle",
    ),
)
# Programs that read, move or print files without running them.
_READERS = frozenset(
    {
        *(
            "cat",
            "less",
            "more",
            "head",
            "tail",
            "wc",
            "grep",
            "egrep",
            "fgrep",
            "rg",
            "diff",
            "cmp",
            "sort",
            "uniq",
            "cut",
        ),
        *("cp", "mv", "rm", "ln", "ls", "touch", "mkdir", "chmod", "chown", "stat", "file", "test", "[", "[[", "echo"),
        *(
            "printf",
            "git",
            "tar",
            "zip",
            "gzip",
            "sha256sum",
            "sha1sum",
            "md5sum",
            "tee",
            "install",
            "rsync",
            "scp",
            "curl",
        ),
    }
)


class Run(NamedTuple):
    """A file that a command runs.

    Attributes:
        paths: the normalized path relative to the workspace. If there are several, the program runs one that exists.
        certain: False if the program may not run it, or can do without it.
    """

    paths: tuple[str, ...]
    certain: bool = True


class RunFiles(NamedTuple):
    """The files that a command runs.

    Attributes:
        named: those that it names, or that its programs look for.
        searches: whether a program also runs code that it finds in the workspace, such as tests.
    """

    named: tuple[Run, ...] = ()
    searches: bool = False


def is_code(path: str) -> bool:
    """Whether the name of a file says that programs run, build or apply it."""
    name = posixpath.basename(path)
    return name.lower().endswith(_CODE) or any(name in names for names in IMPLIED.values())


def run_by(action: JsonObject, workspace: str) -> RunFiles:
    """The files that the action of a task runs. `workspace` is the absolute path of the workspace."""
    return _run_by(canonical_json(action), workspace) if action.get("type") == "shell" else RunFiles()


@lru_cache(maxsize=4096)
def _run_by(action: bytes, workspace: str) -> RunFiles:
    fields: JsonObject = json.loads(action)
    script = script_of(fields)
    folders = folders_of(script, str(fields.get("cwd") or "."))
    found: dict[Run, None] = {}
    for command in script.commands:
        for texts, certain in _runs(command, script):
            places = [
                relative_path(text, folder, workspace) for text in texts if may_be_path(text) for folder in folders
            ]
            paths = tuple(dict.fromkeys(path for path in places if path is not None and path != "."))
            if paths and not any(set(paths) <= set(known.paths) for known in found):
                found[Run(paths, certain)] = None
    return RunFiles(tuple(found), any(map(_searches, script.commands)))


def _searches(command: Command) -> bool:
    words = command.effective
    by_module = any(before.value == "-m" and word.value in _SEARCHING for before, word in pairwise(words))
    return by_module or bool(words and words[0].value in _SEARCHING)


def _runs(command: Command, script: Script) -> Iterator[tuple[Sequence[str], bool]]:
    """The files that one command runs: the names for each of them, and whether it certainly runs it."""
    words, program = command.effective, command.program
    if not words or program is None:
        return
    first = words[0].value or ""
    if "/" in first:
        yield [first], True
    yield from _implied_by(words, program)
    if program in INTERPRETERS:
        yield from (([text], True) for text in _scripts(command, script))
    if program not in _READERS:
        for word in words[1:]:
            # A script after `-c` may end like the name of a file.
            yield from (([text], False) for text in path_texts(word.value or "") if is_code(text) and " " not in text)


def _implied_by(words: Sequence[Word], program: str) -> Iterator[tuple[Sequence[str], bool]]:
    """The files that a program looks for on its own, where its options say; and the modules that `-m` runs."""
    options = {before.value: word.value for before, word in pairwise(words) if before.value and word.value}
    named = next((options[name] for name in _FILE_OPTIONS if name in options), None)
    folder = next((options[name] for name in ELSEWHERE if name in options), "")
    needed = program in _NEED_IMPLIED
    if named is not None and program in IMPLIED:
        yield [posixpath.join(folder, named)], needed
    elif program in IMPLIED:
        yield [posixpath.join(folder, name) for name in IMPLIED[program]], needed
    if "-m" in options and program in INTERPRETERS:
        module = str(options["-m"]).replace(".", "/")
        yield [f"{module}.py", f"{module}/__main__.py"], False


def _scripts(command: Command, script: Script) -> Iterator[str]:
    """The script of an interpreter: an argument, or else its input."""
    words = command.effective
    position = script_position(words)
    if position is None:
        yield from inputs_of(command)
        for other in script.inputs_of(command):
            yield from (word.value for word in other.effective[1:] if word.value)
    elif position > 0 and words[position - 1].value != "-m" and words[position].value:
        yield words[position].value or ""
