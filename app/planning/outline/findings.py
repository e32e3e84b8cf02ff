"""Collects the problems and warnings in a description, each with its position."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from pydantic import ValidationError

from app.domain.errors import Invalid
from app.domain.parameters import Parameter
from app.domain.plan import field_path
from app.domain.texts import normalized_text
from app.domain.validation import MAX_PROBLEMS, Objection, no_objection
from app.planning.outline.lost_between import Step
from app.planning.outline.lost_variables import set_anywhere
from app.planning.outline.placeholders import Placeholder
from app.planning.outline.unset import assignments
from signoff.schemas.problems import Problem

# More questions than this help nobody.
MAX_ASKED = 40
# PostgreSQL and UTF-8 files refuse both, so a plan cannot contain them.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Findings:
    """Collects problems and warnings while a description is read. Its methods count lines and columns from 0.

    Args:
        text: the description.
        objection: returns why a path may not be granted to a task.
    """

    def __init__(self, text: str, objection: Objection = no_objection) -> None:
        self.objection = objection
        self.lines = normalized_text(text).split("\n")
        self._warnings: list[tuple[int, str]] = []
        self._problems: list[tuple[int, int, str]] = []
        self._problem_lines: set[int] = set()
        # Whether the plan asks for settings that nothing sets. The front matter can say otherwise.
        self.asks = True
        self._asked: list[str] = []
        self.placeholders: list[Placeholder] = []
        # The scripts that run, by their text, in the order in which they were read.
        self.scripts: dict[str, list[Step]] = {}

    @cached_property
    def assigned(self) -> dict[str, str | None]:
        """The variables that the description sets anywhere; see `assignments`."""
        return assignments("\n".join(self.lines))

    @cached_property
    def set_anywhere(self) -> frozenset[str]:
        """The variables whose values are lost when the step that sets them ends; see `set_anywhere` in `lost_variables`.

        Empty if the front matter says that unset variables only give warnings.
        """
        return set_anywhere("\n".join(self.lines)) if self.asks else frozenset()

    def ask(self, variable: str) -> bool:
        """Have the plan ask for the value of a variable. False if it must not, or already asks for as many as it can."""
        if not self.asks or (variable not in self._asked and len(self._asked) >= MAX_ASKED):
            return False
        if variable not in self._asked:
            self._asked.append(variable)
        return True

    @property
    def asked(self) -> dict[str, Parameter]:
        """A parameter for each variable to ask for. What the description writes for it elsewhere is an example."""
        return {
            name.lower(): Parameter(description=f"For example {self.assigned[name]}" if self.assigned.get(name) else "")
            for name in self._asked
        }

    def problem(self, line: int, column: int, message: str) -> None:
        """Record a problem that makes the plan unusable."""
        self._problems.append((line, column, message))
        self._problem_lines.add(line)

    def placeholder(self, found: Placeholder) -> None:
        """Record a placeholder in a command: a problem that a parameter can solve."""
        self.placeholders.append(found)
        self.problem(found.line, found.column, found.message)

    def has_problem(self, line: int) -> bool:
        """Whether a problem on this line has been recorded. Others on it may follow from it."""
        return line in self._problem_lines

    def warn(self, line: int | None, message: str) -> None:
        """Record a warning about a line. None: about the whole description."""
        self._warnings.append((len(self.lines), message) if line is None else (line, f"Line {line + 1}: {message}"))

    @property
    def warnings(self) -> list[str]:
        """All warnings, in the order of the text, each once."""
        return list(dict.fromkeys(message for _, message in sorted(self._warnings, key=lambda warning: warning[0])))

    def invalid(
        self, error: ValidationError, line: int, places: Mapping[str, tuple[int, int]], column: int = 0
    ) -> None:
        """Record the errors of a pydantic model. `places` holds the line and column of each field."""
        for item in error.errors(include_url=False, include_context=False):
            field = str(item["loc"][0]) if item["loc"] else ""
            path = field_path(item["loc"])
            message = f"{path}: {item['msg']}." if path else f"{item['msg']}."
            self.problem(*places.get(field, (line, column)), message)

    def column_of(self, line: int, text: str) -> int:
        """The column where `text` starts in a line. 0 if the line does not contain it literally."""
        return max(self.lines[line].find(text), 0) if 0 <= line < len(self.lines) else 0

    def check_characters(self) -> None:
        """Refuse characters that a database or a file cannot store.

        Raises:
            Invalid: `plan_invalid`.
        """
        for number, line in enumerate(self.lines):
            for match in _UNSTORABLE.finditer(line):
                name = "a NUL character" if match[0] == "\x00" else "a lone surrogate"
                self.problem(number, match.start(), f"A plan cannot contain {name}; remove it.")
        self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise all recorded problems, in the order of the text.

        Raises:
            Invalid: `plan_invalid`; `details` has one entry for each problem, at most 200.
        """
        if not self._problems:
            return
        problems = sorted(set(self._problems))
        details = [
            Problem(field=f"line {line + 1}, column {column + 1}", message=message)
            for line, column, message in problems[:MAX_PROBLEMS]
        ]
        first = f"{details[0].field}: {details[0].message}"
        count = len(problems)
        message = first if count == 1 else f"The description has {count} problems. The first, {first}"
        raise Invalid(message, code="plan_invalid", details=details)
