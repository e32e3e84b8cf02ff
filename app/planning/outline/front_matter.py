"""Reads front matter: the settings between two lines `---` (YAML) or `+++` (TOML) at the top of a document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# What a plan takes from front matter. Everything else there belongs to other tools.
TITLE_NAMES = ("title", "name")
SETTINGS = ("shell", "cwd")

_ENTRY = re.compile(r"""([A-Za-z_][\w.-]*|"[^"]*"|'[^']*')\s*[:=](?:\s+(.*)|)$""")
_CLOSERS = {"---": ("---", "..."), "+++": ("+++",)}


@dataclass(frozen=True)
class Entry:
    """One top-level entry with a plain value. `line` counts from 0."""

    line: int
    value: str


@dataclass(frozen=True)
class FrontMatter:
    """The entries of the front matter, and the line behind it: 0 if there is none."""

    end: int = 0
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def value(self, *names: str) -> str:
        """The first value that one of `names` has; empty if there is none."""
        return next(
            (self.entries[name].value for name in names if name in self.entries and self.entries[name].value), ""
        )


def read_front_matter(lines: list[str]) -> FrontMatter:
    """The front matter at the top of `lines`. Text between two rules that is no list of entries is none."""
    first = lines[0].rstrip() if lines else ""
    if first not in _CLOSERS:
        return FrontMatter()
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines[1:], 1):
        text = line.rstrip()
        if text in _CLOSERS[first]:
            return FrontMatter(number + 1, entries) if entries or number == 1 else FrontMatter()
        if (
            not text
            or text.startswith("#")
            or (entries and (text[0] in " \t-}]" or (first == "+++" and text[0] == "[")))
        ):
            continue
        match = _ENTRY.match(text)
        if match is None:
            return FrontMatter()
        entries[match[1].strip("\"'")] = Entry(number, _scalar(match[2] or ""))
    return FrontMatter()


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return re.sub(r"\s+#.*$", "", text)
