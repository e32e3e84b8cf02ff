"""Checks the output of a command against what the author of the plan expects."""

from __future__ import annotations

from app.domain.patterns import Pattern

MAX_SHOWN = 200


class Expectation:
    """What the output of a command must contain: a text, or a match of a regular expression between slashes.

    In the expression, `^` and `$` are the ends of a line.

    Raises:
        ValueError: it is empty, or the regular expression is not valid.
    """

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise ValueError("say what the output must contain")
        self._text = text
        is_pattern = len(text) > 2 and text[0] == text[-1] == "/"
        self._pattern = Pattern(f"(?m){text[1:-1]}") if is_pattern else None

    def objection_to(self, output: str) -> str | None:
        """Why an output is not as expected, as a sentence that shows both; None if it is as expected."""
        found = self._text in output if self._pattern is None else self._pattern.finds(output)
        if found:
            return None
        what = f"'{self._text}'" if self._pattern is None else f"a match of {self._text}"
        lines = output.strip().split("\n")
        if not lines[-1]:
            return f"The command succeeded, but its output is empty. Expected: {what}."
        shown = lines[-1].strip()
        shown = shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
        where = "Found" if len(lines) == 1 else f"Found in {len(lines)} lines, the last of them"
        return f"The command succeeded, but its output is not as expected. Expected: {what}. {where}: {shown}"
