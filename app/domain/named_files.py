"""Finds the workspace files and the programs that the commands of a task name.

Files are not found here if a command reads a whole folder, computes a name at run time, or includes further files. The signed
document says so.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from app.domain.file_paths import MAX_PATH_LENGTH, PRIVATE_FOLDER
from app.domain.plan import canonical_json
from app.domain.shell_syntax import Command, Script, parse, parse_argv
from app.domain.shell_words import SHELLS, WRAPPERS, script_position
from signoff.schemas.json_value import JsonObject, JsonValue

# A longer list of names would not help the person who signs.
MAX_NAMES = 500
_MAX_FOLDERS = 8
_WRITING = frozenset({">", ">>", ">|", "&>", "&>>", "<<", "<<-", "<<<", ">&"})
INTERPRETERS = SHELLS | {"python", "python3", "perl", "ruby", "node", "deno", "bun", "php", "source", "."}
# Options that make a program work in another folder.
ELSEWHERE = frozenset({"-C", "--directory", "--prefix"})
# Files that a program looks for on its own.
IMPLIED: dict[str, tuple[str, ...]] = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "gmake": ("GNUmakefile", "makefile", "Makefile"),
    "ninja": ("build.ninja",),
    "cmake": ("CMakeLists.txt",),
    "npm": ("package.json",),
    "npx": ("package.json",),
    "pnpm": ("package.json",),
    "yarn": ("package.json",),
    "bun": ("package.json",),
    "docker": ("Dockerfile", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
    "docker-compose": ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"),
    "podman": ("Containerfile", "Dockerfile", "compose.yaml", "compose.yml"),
    "cargo": ("Cargo.toml", "build.rs"),
    "just": ("justfile", "Justfile"),
    "rake": ("Rakefile", "rakefile"),
    "gradle": ("build.gradle", "build.gradle.kts"),
    "mvn": ("pom.xml",),
    "tox": ("tox.ini",),
    "nox": ("noxfile.py",),
    "pytest": ("conftest.py",),
    "ansible-playbook": ("ansible.cfg",),
    "meson": ("meson.build",),
    "scons": ("SConstruct",),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
}


@dataclass(frozen=True)
class Named:
    """The files and programs that a task names.

    Attributes:
        paths: normalized paths relative to the workspace, which may be files in it.
        outside: absolute paths outside the workspace that are run, or read as a command's input.
        programs: names without a `/`, which are looked up in PATH.
        unknown: programs and scripts whose names are known only at run time, as written.
        complete: False if part of the command could not be parsed.
    """

    paths: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    complete: bool = True


def named_by(action: JsonObject, workspace: str) -> Named:
    """The files and programs that the action of a task names. `workspace` is the absolute path of the workspace.

    For a plug-in's action, any text field may be a path.
    """
    return _named_by(canonical_json(action), workspace)


@lru_cache(maxsize=4096)
def _named_by(action: bytes, workspace: str) -> Named:
    fields: JsonObject = json.loads(action)
    found = _Found(workspace)
    kind = fields.pop("type", None)
    if kind == "shell":
        found.take_shell(fields)
    elif kind not in _WITHOUT_FILES:
        for text in _texts(fields):
            found.add_path(text, ["."])
    return found.named()


# Built-in actions that do not read files named in their fields.
_WITHOUT_FILES = frozenset({"http", "agent", "manual", "decision", "wait", "milestone"})


@dataclass
class _Found:
    workspace: str
    paths: dict[str, None] = field(default_factory=dict[str, None])
    outside: dict[str, None] = field(default_factory=dict[str, None])
    programs: dict[str, None] = field(default_factory=dict[str, None])
    unknown: dict[str, None] = field(default_factory=dict[str, None])
    complete: bool = True

    def named(self) -> Named:
        most = MAX_NAMES
        complete = self.complete and len(self.paths) <= most
        return Named(
            tuple(self.paths)[:most],
            tuple(self.outside)[:most],
            tuple(self.programs)[:most],
            tuple(self.unknown)[:most],
            complete,
        )

    def take_shell(self, fields: JsonObject) -> None:
        script = script_of(fields)
        self.complete = script.complete
        folders = folders_of(script, str(fields.get("cwd") or "."))
        for command in script.commands:
            self._take(command, folders)
        for text in _texts(fields.get("env")):
            self.add_path(text, folders)

    def _take(self, command: Command, folders: list[str]) -> None:
        words = command.effective
        wrappers = command.words[: len(command.words) - len(words)]
        starters = [word for word in wrappers if (word.value or "").rpartition("/")[2] in WRAPPERS]
        for word in (*starters, *words[:1]):
            self._add_program(word.value, word.text, folders)
        for text in _operands(command):
            self.add_path(text, folders)
        for text in inputs_of(command):
            self._add_named(text, folders)
        self._note_script(command, folders)

    def _add_program(self, value: str | None, text: str, folders: list[str]) -> None:
        if value is None:
            self.unknown[text[:200]] = None
        elif "/" not in value:
            if value and not value.startswith("-") and "=" not in value:
                self.programs[value] = None
        else:
            self._add_named(value, folders)

    def _note_script(self, command: Command, folders: Sequence[str]) -> None:
        """Record an interpreter's script if its name is known only at run time, or if it is outside the workspace."""
        words = command.effective
        if command.program not in INTERPRETERS:
            return
        position = script_position(words)
        if position is None:
            return
        word = words[abs(position)]
        if word.value is None or word.pattern:
            self.unknown[word.text[:200]] = None
        elif position > 0:
            self._add_named(word.value, folders)

    def _add_named(self, value: str, folders: Sequence[str]) -> None:
        """Record the path of a file that is certainly read. If it cannot be in the workspace, record it as outside."""
        if self.add_path(value, folders) or not value or "\0" in value or value.startswith("/dev/"):
            return
        path = posixpath.normpath(posixpath.join(self.workspace, folders[-1], value))
        self.outside[path[:MAX_PATH_LENGTH]] = None

    def add_path(self, text: str, folders: Sequence[str]) -> bool:
        """Record a path that may be a file. Return False if it cannot be in the workspace."""
        if not may_be_path(text):
            return False
        found = [path for folder in folders if (path := relative_path(text, folder, self.workspace)) is not None]
        self.paths.update(dict.fromkeys(found))
        return bool(found)


def may_be_path(text: str) -> bool:
    """Whether a text can be the path of a file at all."""
    return bool(text) and len(text) <= MAX_PATH_LENGTH and not any(part in text for part in ("\0", "\n", "://"))


def relative_path(text: str, folder: str, workspace: str) -> str | None:
    """The path of a file relative to the workspace, as a command in `folder` names it. None if it is not in the workspace."""
    path = posixpath.normpath(text if posixpath.isabs(text) else posixpath.join(workspace, folder, text))
    root = workspace.rstrip("/") + "/"
    if not path.startswith(root):
        return None
    inner = path.removeprefix(root)
    return None if inner.split("/", 1)[0].casefold() == PRIVATE_FOLDER else inner


def script_of(fields: JsonObject) -> Script:
    """The parsed command of a `shell` action."""
    argv = fields.get("argv")
    if isinstance(argv, list):
        return parse_argv([str(word) for word in argv])
    return parse(str(fields.get("command") or ""))


def folders_of(script: Script, start: str) -> list[str]:
    """Folders in which the commands may run. A `cd` applies to all commands, as their order is not always known."""
    folders = [start]
    for command in script.commands:
        words = command.effective
        if command.program in {"cd", "pushd"} and len(words) == 2 and words[1].value is not None:
            for folder in tuple(folders):
                inner = posixpath.normpath(posixpath.join(folder, words[1].value))
                if inner not in folders and len(folders) < _MAX_FOLDERS:
                    folders.append(inner)
    return folders


def _operands(command: Command) -> Iterator[str]:
    """Static words of a command that may be paths of files that it reads."""
    words, program = command.effective, command.program or ""
    implied = IMPLIED.get(program, ())
    yield from implied
    for before, word in pairwise(words):
        if word.value is None:
            continue
        yield from path_texts(word.value)
        if before.value == "-m":
            module = word.value.replace(".", "/")
            yield from (f"{module}.py", f"{module}/__main__.py")
        if before.value in ELSEWHERE:
            yield from (posixpath.join(word.value, name) for name in implied)
    yield from (word.value for _, word in command.assignments if word.value is not None)


def inputs_of(command: Command) -> Iterator[str]:
    """Static paths that the shell opens as a command's input."""
    for redirection in command.redirections:
        if redirection.operator not in _WRITING and redirection.target.value is not None:
            yield redirection.target.value


def path_texts(value: str) -> Iterator[str]:
    """The parts of an argument that may be a path: `file`, `--option=file`, `@file`, `-ffile`."""
    if value.startswith("-"):
        head, equals, tail = value.partition("=")
        value = tail if equals or head.startswith("--") else value[2:]
    yield value
    if "@" in value:
        yield value.rpartition("@")[2]


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
