"""Which characters of a shell script are code, and which are quoted, commented or in a here-document. One pass, no guessing.

The audit parses commands exactly (`app.domain.shell_syntax`). This is for advice while a description is read, where time has
to stay linear whatever the text is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_SPECIAL = re.compile(r"[\\'\"#\n]|<<-?|\(\(|\)\)")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_][\w.-]*))")
_IN_DOUBLE = re.compile(r"[\\\"]")
_NOT_SPACE = re.compile(r"[^\s]")


@dataclass(frozen=True)
class ShellText:
    """A script with what does not count replaced by spaces, so that offsets stay the same.

    Attributes:
        code: without comments, all quoted text and here-documents.
        expanded: without comments and what the shell does not expand; with text in double quotes.
        words: like `code`, but quoted text is `Q` for each character, so that words stay words.
        open_heredoc: offset of a here-document whose end is missing, and its delimiter.
    """

    code: str
    expanded: str
    words: str
    open_heredoc: tuple[int, str] | None = None


@dataclass
class _Reader:
    script: str
    code: list[str] = field(default_factory=list[str])
    expanded: list[str] = field(default_factory=list[str])
    words: list[str] = field(default_factory=list[str])
    heredocs: list[tuple[int, bool, str, bool]] = field(default_factory=list[tuple[int, bool, str, bool]])
    open_heredoc: tuple[int, str] | None = None

    def put(self, begin: int, end: int, *, code: bool, expanded: bool, quoted: bool = False) -> int:
        text = self.script[begin:end]
        blank = _NOT_SPACE.sub(" ", text)
        self.code.append(text if code else blank)
        self.expanded.append(text if expanded else blank)
        self.words.append("Q" * len(text) if quoted else text if code else blank)
        return end

    def run(self) -> ShellText:
        script, position, arithmetic = self.script, 0, 0
        while (match := _SPECIAL.search(script, position)) is not None:
            at, mark = match.start(), match[0]
            position = self.put(position, at, code=True, expanded=True)
            if mark == "\\":
                position = self.put(at, min(at + 2, len(script)), code=True, expanded=script[at + 1 : at + 2] == "\n")
            elif mark == "'":
                close = script.find("'", at + 1)
                position = self.put(
                    at, len(script) if close < 0 else close + 1, code=False, expanded=False, quoted=True
                )
            elif mark == '"':
                position = self._double(at)
            elif mark == "#" and (at == 0 or script[at - 1] in " \t\n;&|("):
                end = script.find("\n", at)
                position = self.put(at, len(script) if end < 0 else end, code=False, expanded=False)
            elif mark in {"((", "))"}:
                arithmetic = max(arithmetic + (1 if mark == "((" else -1), 0)
                position = self.put(at, at + 2, code=True, expanded=True)
            elif (
                mark.startswith("<<")
                and not arithmetic
                and script[at + 2 : at + 3] != "<"
                and script[at - 1 : at] != "<"
            ):
                position = self._heredoc_start(at, mark)
            elif mark == "\n":
                arithmetic = 0
                position = self._bodies(self.put(at, at + 1, code=True, expanded=True))
            else:
                position = self.put(at, at + len(mark), code=True, expanded=True)
        self.put(position, len(script), code=True, expanded=True)
        if self.heredocs and self.open_heredoc is None:
            self.open_heredoc = self.heredocs[0][0], self.heredocs[0][2]
        return ShellText("".join(self.code), "".join(self.expanded), "".join(self.words), self.open_heredoc)

    def _double(self, at: int) -> int:
        position = at + 1
        while (match := _IN_DOUBLE.search(self.script, position)) is not None:
            if match[0] == '"':
                return self.put(at, match.end(), code=False, expanded=True, quoted=True)
            position = match.end() + 1
        return self.put(at, len(self.script), code=False, expanded=True, quoted=True)

    def _heredoc_start(self, at: int, mark: str) -> int:
        match = _HEREDOC.match(self.script, at)
        if match is None:
            return self.put(at, at + len(mark), code=True, expanded=True)
        delimiter = match[2] or match[3] or match[4]
        quoted = match[4] is None or "\\" in match[0]
        self.heredocs.append((at, match[1] == "-", delimiter, quoted))
        return self.put(at, match.end(), code=True, expanded=False)

    def _bodies(self, position: int) -> int:
        for start, tabs, delimiter, quoted in self.heredocs:
            begin = position
            while position < len(self.script):
                end = self.script.find("\n", position)
                end = len(self.script) if end < 0 else end
                line = self.script[position:end]
                position = min(end + 1, len(self.script))
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    break
            else:
                self.open_heredoc = self.open_heredoc or (start, delimiter)
            self.put(begin, position, code=False, expanded=not quoted)
        self.heredocs.clear()
        return position


# A block is looked at several times in a row, for different reasons.
@lru_cache(maxsize=16)
def read_shell_text(script: str) -> ShellText:
    """Tell apart code, quoted text, comments and here-documents."""
    if _SPECIAL.search(script) is None:
        return ShellText(script, script, script)
    return _Reader(script).run()
