"""Takes the snippets out of the documents, and runs those that are marked.

A comment above a snippet, which readers of the page do not see, says what happens to it:

    <!-- run -->                      it runs
    <!-- run: completed -->           it runs, and its output contains this text
    <!-- run types "y yes": … -->     it runs in a terminal, in which somebody types these words, each on a line
    <!-- file: plan.md -->            it is written to this file

The snippets of a page run in their order and in one folder. Variables and the current folder last from one to the next. Every
other snippet for a shell or for Python must be listed in docs/not_run.toml, with the reason.
"""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_RUN: dict[str, list[dict[str, str]]] = tomllib.loads((ROOT / "docs/not_run.toml").read_text())
RUNNABLE = frozenset({"sh", "bash", "console", "python"})
_SECONDS = 200
_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_QUESTION = re.compile(r"\[[^\]\n]*\]:? *$")
_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,})(?P<language>[\w+-]*)(?P<rest>.*)$")
_MARK = re.compile(r"^ *<!-- (?P<kind>run|file)(?: types \"(?P<types>[^\"]*)\")?(?:: (?P<text>.*?))? -->$")


@dataclass(frozen=True)
class Snippet:
    """A fenced block. `kind` is `run`, `file`, or empty if it has no mark."""

    page: str
    line: int
    language: str
    text: str
    kind: str = ""
    argument: str = ""
    typed: str = ""


def pages() -> list[str]:
    """Every document with snippets. The API guide is not among them: it is written by running its examples."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    names = sorted(path.relative_to(ROOT).as_posix() for path in found)
    return [name for name in names if name != "docs/api.md"]


def snippets(page: str) -> list[Snippet]:
    """The fenced blocks of a page. A block within a block belongs to its text."""
    found: list[Snippet] = []
    mark: re.Match[str] | None = None
    opened: re.Match[str] | None = None
    body: list[str] = []
    start = 0
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if opened is not None:
            if line.strip() == opened["marks"]:
                given = (mark["kind"], mark["text"] or "", mark["types"] or "") if mark else ("", "", "")
                found.append(Snippet(page, start, opened["language"], "\n".join(body) + "\n", *given))
                opened = mark = None
            else:
                body.append(line.removeprefix(opened["indent"]))
        elif (fence := _FENCE.match(line)) is not None:
            opened, body, start = fence, [], number
        elif line.strip():
            mark = _MARK.match(line)
    return found


def run(snippet: Snippet, folder: Path, environment: dict[str, str]) -> str:
    """Run a snippet; return what it printed.

    Raises:
        AssertionError: It failed, or did not print what its mark says.
    """
    where = f"{snippet.page}:{snippet.line}"
    state = folder.with_suffix(".state")
    if snippet.language == "python":
        script = f"exec {sys.executable} -c {_quoted(snippet.text)}"
    else:
        script = f'set -aeu\n[ -f {state} ] && . {state}\n{snippet.text}\n{{ export -p; echo cd "$PWD"; }} > {state}\n'
    status, output = _in_a_terminal(script, snippet.typed, folder, environment)
    assert status == 0, f"{where} ended with {status}:\n{output}"
    assert snippet.argument in output, f"{where} did not print {snippet.argument!r}:\n{output}"
    return output


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _in_a_terminal(script: str, typed: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a script of bash. If something is typed, it runs in a terminal, and each word answers one question."""
    command = ["bash", "-c", script]
    if not typed:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        output = _answered(ours, typed.split())
        return process.wait(_SECONDS), output
    finally:
        process.kill()
        os.close(ours)


def _answered(terminal: int, words: list[str]) -> str:
    """What a terminal shows until its programs end, while `words` answer their questions."""
    output, seen, deadline = "", 0, time.monotonic() + _SECONDS
    while select.select([terminal], [], [], deadline - time.monotonic())[0]:
        try:
            output += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            break  # all programs have ended
        if words and _QUESTION.search(_COLORS.sub("", output[seen:])):
            os.write(terminal, f"{words.pop(0)}\n".encode())
            seen = len(output)
    return _COLORS.sub("", output)
