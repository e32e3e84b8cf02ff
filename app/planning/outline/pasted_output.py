"""Finds output that an author pasted below the commands of a script, where it would run as commands."""

from __future__ import annotations

import re

from app.planning.outline.shell_findings import without_nested
from app.planning.outline.shell_text import read_shell_text

# The lines that no script has outside of quotes. Quoted text is `Q` for each character.
_OUTPUT = re.compile(
    r"(?:\.{3,}|\u2026|\[(?:\.{3}|\u2026)\])$"  # what the author left out
    r"|[A-Z][A-Z0-9()%/_-]*(?: [A-Z0-9()%/_-]+)?(?:(?: {2,}|\t+)[A-Z][A-Z0-9()%/_-]*(?: [A-Z0-9()%/_-]+)?)+$"  # NAME   STATUS
    r"|Filesystem +(?:Size|Inodes|1[KM]-blocks) |total +used +free\b|total [0-9.]+[KMG]?$"
    r"|[-dlbcps](?:[r-][w-][xsStT-]){3}[.+@]? +[0-9]+ "  # ls -l
    r"|(?:[A-Z][\w-]*)(?: [\w.-]+){0,3}:(?: +\S.*)?$"  # Server version: 5.7
    r"|(?:- )?[A-Za-z_][\w.-]*:(?: +\S.*)?$"  # YAML, and what a program says with its name in front
    r"|\{? *Q{3,} *: "  # JSON
    r"|[a-z][a-z0-9.]*/[\w.-]+ "
    r"(?:created|configured|unchanged|deleted|patched|scaled|labeled|annotated|(?:un)?cordoned|evicted|drained)$"
    r"|\+(?:-{2,}\+)+$|\u25cf "
    r"|\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"  # a log
)
# Something of each of them.
_MAY_BE_OUTPUT = re.compile(
    r"\.{3}|\u2026|[A-Z](?: {2,}|\t)|:|total|Filesystem|[-r][-w][-x]|/.* [a-z]+ed$|-\+|\u25cf", re.MULTILINE
)
_GOES_ON = re.compile(r"(?:\\|\|&?|&&)[ \t]*$")


def pasted_output(script: str) -> int | None:
    """The number of the first line, from 0, that is certainly no command. None if all can be."""
    if _MAY_BE_OUTPUT.search(script) is None:
        return None
    before = ""
    lines = without_nested(read_shell_text(script).words).split("\n")
    for number, line in enumerate(lines):
        if _OUTPUT.match(line.strip()) and not _GOES_ON.search(before):
            return number
        before = line
    return None
