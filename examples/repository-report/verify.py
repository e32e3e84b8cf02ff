"""Checks that the report is complete: every element is closed, nothing is missing, and nothing loads from another site."""

from __future__ import annotations

import sys
from html.parser import HTMLParser

from draw import CHARTS_BY_NAME
from repository import FOLDER, load

_VOID = {"meta", "br", "wbr", "img", "link", "hr"}
_LOADING = {"src", "href", "srcset", "data", "poster"}


class _Reader(HTMLParser):
    """Counts the charts of a page, and collects its problems."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.charts = 0
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.charts += tag == "svg"
        self.problems += [f"<{tag}> loads {value}" for name, value in attrs if name in _LOADING]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.problems += [f"<{tag}> loads {value}" for name, value in attrs if name in _LOADING]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")


def main() -> None:
    """Check page and summary; exits with code 1 and the first problem if there is one."""
    text = (FOLDER / "report.html").read_text(encoding="utf-8")
    summary = (FOLDER / "summary.md").read_text(encoding="utf-8")
    commit = load("report")["repository"]["commit"]
    reader = _Reader()
    reader.feed(text)
    reader.close()
    problems = [*reader.problems, *(f"<{tag}> is not closed" for tag in reader.open)]
    if reader.charts != len(CHARTS_BY_NAME):
        problems.append(f"it has {reader.charts} charts, but {len(CHARTS_BY_NAME)} were drawn")
    problems += [
        f"the {name} does not name commit {commit}"
        for name, has in (("page", text), ("summary", summary))
        if commit not in has
    ]
    if problems:
        sys.exit(f"The report is incorrect: {problems[0]}.")
    print(f"{FOLDER}/report.html is complete: {reader.charts} charts, {len(text.encode()):,} bytes.")


if __name__ == "__main__":
    main()
