"""Takes the commands out of a terminal session: lines after a `$ ` or `# ` prompt. All other lines are output."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.planning.outline.shell_text import read_shell_text

SESSIONS = frozenset({"console", "shell-session", "shellsession", "sh-session", "bash-session", "terminal", "session"})

_DOLLAR = re.compile(r"\s{0,3}[$%]\s(?=\s*\S)")
_ROOT = re.compile(r"#\s(?=[a-z./~$][\w./~$-]*(?:\s|$))")
_ELSEWHERE = re.compile(
    r"(?:\([\w.-]+\)\s*)?\[?[\w.-]+@[\w.-]+[^$#%\n]{0,60}\]?[$#%]\s|PS [^>\n]{0,80}>\s|>>>\s|[\w-]+[=-][#>]\s"
)


@dataclass(frozen=True)
class Session:
    """What a terminal session contains.

    Attributes:
        commands: the commands, one below the other.
        output: the other lines; what the author expects to see.
        elsewhere: number of the first line, from 0, that has the prompt of another machine or program.
        places: for each line of the commands, the number of its line in the block and its column there.
    """

    commands: str
    output: str
    elsewhere: int | None = None
    places: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def read_session(content: str, *, console: bool) -> Session | None:
    """The session in a block. None if no line has a prompt.

    Args:
        content: the text of the block.
        console: whether the block says that it is a session. Only there, `# ` can be the prompt of root; elsewhere, it is a
            comment.
    """
    lines = content.split("\n")
    elsewhere = next((number for number, line in enumerate(lines) if console and _ELSEWHERE.match(line)), None)
    if elsewhere is not None:
        return Session("", content, elsewhere)
    prompt = _prompt_of(lines, console=console)
    if prompt is None:
        return None
    commands: list[str] = []
    output: list[str] = []
    places: list[tuple[int, int]] = []
    number = 0
    while number < len(lines):
        match = prompt.match(lines[number])
        if match is None:
            output.append(lines[number])
            number += 1
            continue
        command = lines[number][match.end() :].rstrip()
        commands.append(command)
        places.append((number, match.end()))
        number += 1
        heredoc = read_shell_text(command + "\n").open_heredoc if "<<" in command else None
        while number < len(lines):
            line = lines[number]
            prompted = line[2:] if line.startswith("> ") else "" if line.rstrip() == ">" else None
            if heredoc is None and prompted is None and not _goes_on(commands[-1]):
                break
            commands.append(line if prompted is None else prompted)
            places.append((number, 0 if prompted is None else 2))
            number += 1
            if heredoc is not None and commands[-1].strip() == heredoc[1]:
                heredoc = None
    return Session("\n".join(commands), "\n".join(output).strip("\n"), places=places)


def _prompt_of(lines: list[str], *, console: bool) -> re.Pattern[str] | None:
    """The form of the prompts. None if there are none."""
    heredocs = _heredoc_lines(lines)
    if any(_DOLLAR.match(line) for number, line in enumerate(lines) if number not in heredocs):
        return _DOLLAR
    hashes = [line for line in lines if line.startswith("# ")] if console else []
    return _ROOT if hashes and all(map(_ROOT.match, hashes)) else None


def _goes_on(line: str) -> bool:
    """Whether a command continues on the next line, because it ends with a backslash."""
    return line.endswith("\\") and not line.endswith("\\\\")


def _heredoc_lines(lines: list[str]) -> set[int]:
    """The lines within here-documents of a script, where `$ ` is no prompt."""
    if not any("<<" in line for line in lines):
        return set()
    text = read_shell_text("\n".join(lines))
    return {
        number
        for number, (line, code) in enumerate(zip(lines, text.code.split("\n"), strict=True))
        if line.strip() and not code.strip() and not line.lstrip().startswith("#")
    }
