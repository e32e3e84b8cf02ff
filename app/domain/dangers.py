"""Commands that destroy, or that let the network decide what runs: what an audit points at before anybody signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

# A search lets no other thread go on, so none of the patterns may take long for a text that is made to be slow.
LONGEST_READ = 20_000


class Danger(NamedTuple):
    """What a command does that somebody should have a look at."""

    code: str
    what: str


_FOLDERS = r"bin|boot|dev|etc|home|lib|opt|root|sbin|srv|sys|usr|var"
# A system folder, the root, the home folder, or whatever lies above the workspace, as a whole.
_ROOT = rf"""(?:["']?(?:/|~|\$HOME|\$\{{HOME\}}|/\*|/(?:{_FOLDERS})(?:/\*?)?|\.\.(?:/\S*)?)["']?)(?=\s|$|[;&|])"""
# Whatever lies outside of the workspace, but for what is temporary.
_OUTSIDE = r"""["']?(?:/(?!(?:var/)?tmp/)|~|\$HOME\b|\$\{HOME\}|\.\.(?=[/\s"';&|]|$))"""
_DOWNLOAD = r"(?:curl|wget|fetch|http|https)\b"
_FLAGS = r"(?:-[^\s|;&]+\s+){0,20}"
_INTERPRETER = r"(?:(?:ba|z|da|k|c|tc|fi)?sh|python|python3|perl|ruby|node)\b"
_SHELL = rf"(?:sudo\s+{_FLAGS})?(?:env\s+)?(?:[^\s|;&]*/)?{_INTERPRETER}"
# Characters of one command, and of one command line with its pipes.
_COMMAND, _LINE = r"[^\n;|&]", r"[^\n;]"


def _first(word: str, within: str = _COMMAND) -> str:
    """The first `word` of a stretch of characters: what follows another one there follows this one too, so none is tried."""
    return rf"(?:^|(?!{within})[\s\S])(?>{within}*?{word})"


_DD, _RM, _PUSH = _first(r"\bdd\b"), _first(r"\brm\b"), _first(r"\bgit\s+push\b")
_DOWNLOADED, _DECODED = _first(_DOWNLOAD, _LINE), _first(r"\bbase64\s+(?:-d|-D|--decode)\b", _LINE)
_DISKS = r"\b(?:mkfs(?:\.\w+)?|wipefs|fdisk|parted|sgdisk)\b"
_TO_A_DEVICE = rf"{_DD}{_COMMAND}*\bof=/dev/(?!null|stdout|stderr)|>\s*/dev/(?:sd|nvme|hd|vd|mapper)"
_POWER = r"(?:^|[;&|]\s*|\bsudo\s+)(?:shutdown|reboot|halt|poweroff|init\s+[06])\b"
_FORCE_PUSH = rf"{_PUSH}{_COMMAND}*(?:\s--force(?!-with-lease)\b|\s-f\b|\s\+\w)"
_DROP = r"\b(?:DROP\s+(?:DATABASE|SCHEMA|TABLE)|TRUNCATE\s+TABLE)\b"
_KILL_ALL = rf"\bkill\s+{_FLAGS}--?\s*-1\b|\bkill\s+-(?:9|KILL|s\s*KILL)\s+-1\b"
_CLOUD = r"\bkubectl\s+delete\s+(?:ns|namespace|--all)|\bterraform\s+destroy\b|\baws\s+s3\s+rb\b[^\n]*--force"
_DESTROYS, _OPENS = "destructive_command", "network_to_shell"
_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        _DESTROYS, "removes files outside of its workspace",
        rf"{_RM}(?={_COMMAND}*\s(?:-\w*[rf]|--recursive|--force)){_COMMAND}*\s{_OUTSIDE}",
    ),
    (_DESTROYS, "makes a file system or a partition table anew", _DISKS),
    (_DESTROYS, "writes to a device", _TO_A_DEVICE),
    (_DESTROYS, "shuts the machine down", _POWER),
    (_DESTROYS, "rewrites published history", _FORCE_PUSH),
    (_DESTROYS, "drops a database or its tables", _DROP),
    (_DESTROYS, "kills every process it can", _KILL_ALL),
    (
        _DESTROYS, "opens up or takes over a system folder",
        rf"\bch(?:mod|own)\s+{_FLAGS}(?:-R|--recursive)\s+\S+\s+{_ROOT}",
    ),
    (_DESTROYS, "is a fork bomb", r":\s*\(\s*\)\s*\{\s*:\s*\|\s*:\s*&?\s*\}"),
    (_DESTROYS, "deletes resources of a cluster or cloud", _CLOUD),
    (_OPENS, "runs what it downloads", rf"{_DOWNLOADED}{_LINE}*\|\s*(?:\w+\s+)*?{_SHELL}"),
    (_OPENS, "runs what it downloads", rf"{_INTERPRETER}\s+{_FLAGS}(?:<\(|[\"']?\$\(|`)\s*{_DOWNLOAD}"),
    (_OPENS, "runs what it downloads", rf"(?:eval|source|\.)\s+[\"']?(?:<\(|\$\(|`)\s*{_DOWNLOAD}"),
    (_OPENS, "runs what it decodes", rf"{_DECODED}{_LINE}*\|\s*{_SHELL}"),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), Danger(code, what)) for code, what, pattern in _TABLE)


def dangers_of(action: dict[str, Any]) -> list[Danger]:
    """What is dangerous about an action's commands, each once."""
    found: dict[Danger, None] = {}
    for whole in _commands(action):
        text = whole[:LONGEST_READ]
        if len(whole) > LONGEST_READ:
            found[
                Danger("command_too_long", f"has more than the {LONGEST_READ:,} characters that are looked through")
            ] = None
        for pattern, danger in _PATTERNS:
            if pattern.search(text):
                found[danger] = None
    return list(found)


def _commands(action: dict[str, Any]) -> Iterator[str]:
    command, words = action.get("command"), action.get("argv")
    if isinstance(command, str):
        # A line that goes on after a backslash is one command.
        yield command.replace("\\\n", " ")
    if isinstance(words, list):
        yield " ".join(str(word) for word in words)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
