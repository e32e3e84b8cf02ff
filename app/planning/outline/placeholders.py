"""Turns the placeholders in the commands of a description into parameters: `<version>` becomes `${VERSION}`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.domain.parameters import objection_to
from app.domain.references import input_variable
from app.planning.outline.unset import is_of_machine, is_secret

_NO_NAME = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True)
class Placeholder:
    """A placeholder in a command.

    Attributes:
        line: number of its line, from 0.
        column: where it starts in the line, from 0.
        text: the placeholder as written.
        quoted: whether it is in double quotes or a here-document, where the shell does not split what it inserts.
    """

    line: int
    column: int
    text: str
    quoted: bool

    @property
    def variable(self) -> str:
        """The variable that can take its place."""
        if re.fullmatch(r"[vV]?[A-Z]+(?:\.[0A-Z]+)+|[vV]?[xn]\.\w\.\w|[0-9.]+X[\w.]*", self.text):
            # The name of a series, such as 2.4, is another value than that of a version.
            return "VERSION" if self.text.count(".") > 1 else "MAJOR_MINOR"
        if self.text.startswith("YYYY"):
            return "DATE"
        name = _NO_NAME.sub("_", self.text.upper()).strip("_")[:60]
        return f"{name}_VALUE" if is_of_machine(name) or objection_to(name.lower() or "_") else name

    @property
    def meaning(self) -> str:
        """The same for placeholders that stand for the same value: `<version>` and `{VERSION}`, `X.Y.Z` and `vX.Y.Z`."""
        return _NO_NAME.sub("_", self.text[len(self._lead) :].upper()).strip("_")

    @property
    def _lead(self) -> str:
        return self.text[0] if re.match(r"[vV][A-Zxn]+\.", self.text) else ""

    def replacement(self, variable: str) -> str:
        """What to write in its place. The letter in front of a version, `vX.Y.Z`, stays."""
        return f"{self._lead}${{{variable}}}" if self.quoted else f'{self._lead}"${{{variable}}}"'

    @property
    def message(self) -> str:
        """What is wrong, and what to write instead."""
        if is_secret(self.variable):
            return (
                f"{self.text} is a placeholder for a password or key. Write $INPUT_{self.variable} in its place, and "
                f"{self.variable}: ${{{{ secrets.{self.variable} }}}} in an inputs block of the step."
            )
        return (
            f"{self.text} is a placeholder. Write its value, or {self.replacement(self.variable)} to have the plan ask for it. "
            "If the text is meant as it is, put it into single quotes."
        )


@dataclass
class Replaced:
    """A description with a variable for each placeholder.

    Attributes:
        text: the description.
        parameters: the variables that are parameters, and what each replaces.
        secrets: the names of the secrets whose inputs the others read.
    """

    text: str
    parameters: dict[str, str]
    secrets: list[str]

    def inputs_of(self, script: str) -> dict[str, str]:
        """The inputs that a script needs to read its secrets."""
        read = [name for name in self.secrets if f"${{{input_variable(name)}}}" in script]
        return {name: f"${{{{ secrets.{name} }}}}" for name in read}


def with_variables(lines: list[str], placeholders: list[Placeholder]) -> Replaced | None:
    """The description with a variable for each placeholder. None if there is none, or one cannot be replaced."""
    if not placeholders:
        return None
    variables: dict[str, str] = {}
    texts: dict[str, str] = {}
    for found in placeholders:
        if found.meaning not in variables:
            name, number = found.variable, 2
            while name in texts:
                name, number = f"{found.variable}_{number}", number + 1
            variables[found.meaning], texts[name] = name, found.text
    secrets = [name for name in texts if is_secret(name.rstrip("_0123456789"))]
    written = list(lines)
    for found in sorted(placeholders, key=lambda one: (one.line, one.column), reverse=True):
        text, end = written[found.line], found.column + len(found.text)
        if text[found.column : end] != found.text:
            return None
        name = variables[found.meaning]
        variable = input_variable(name) if name in secrets else name
        written[found.line] = f"{text[: found.column]}{found.replacement(variable)}{text[end:]}"
    parameters = {name: text for name, text in texts.items() if name not in secrets}
    return Replaced("\n".join(written), parameters, secrets)
