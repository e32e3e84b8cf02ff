"""Parameters: what a plan asks for before it is made. Their values are part of what is signed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_serializer,
    model_validator,
)

from app.domain.errors import Invalid
from app.domain.patterns import Pattern
from app.domain.texts import PLAIN
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import ParameterType

MAX_PARAMETERS = 100
MAX_VALUE_LENGTH = 10_000
_MAX_NUMBER = 2**53
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
# Variables that decide what a command is, or what Signoff itself tells it.
_RESERVED = frozenset(
    (
        "PATH",
        "HOME",
        "TMPDIR",
        "PWD",
        "OLDPWD",
        "SHELL",
        "SHELLOPTS",
        "BASHOPTS",
        "BASH_ENV",
        "IFS",
        "PS4",
        "TZ",
        "LANG",
        "LANGUAGE",
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_REQUIRE_VIRTUALENV",
    )
)
_RESERVED_BEGINNINGS = ("SIGNOFF_", "INPUT_", "LC_", "LD_", "DYLD_")

_Text = Annotated[str, StringConstraints(max_length=MAX_VALUE_LENGTH, strict=True), PLAIN]
ParameterName = Annotated[str, StringConstraints(pattern=rf"^{_NAME.pattern}$")]
Value = _Text | StrictBool | StrictInt | StrictFloat
# What a caller sends. The name of a parameter is checked when it is known which parameters there are.
_AnyName = Annotated[str, StringConstraints(max_length=200), PLAIN]
_FiniteValue = _Text | StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Given = Annotated[dict[_AnyName, _FiniteValue], Field(max_length=MAX_PARAMETERS)]
Changes = Annotated[dict[_AnyName, _FiniteValue | None], Field(max_length=MAX_PARAMETERS)]


class Parameter(BaseModel):
    """What a plan asks for: its meaning, which values it takes, and the value that this plan has."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True, validate_default=True)

    type: ParameterType = ParameterType.STRING
    description: Annotated[str, StringConstraints(max_length=2000), PLAIN] = ""
    pattern: _Text | None = Field(default=None, description="Regular expression (RE2) that the whole value matches.")
    choices: list[_Text] = Field(default_factory=list[str], max_length=100, description="The values to choose from.")
    default: Value | None = Field(default=None, description="The value if none is given. None: it must be given.")
    value: Value | None = Field(default=None, description="The value that the plan has. None: not asked yet.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.type == ParameterType.CHOICE) != bool(self.choices):
            raise ValueError("write choices for a parameter of the type choice, and only for that")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("choices: each may appear only once")
        if self.pattern is not None and self.type != ParameterType.STRING:
            raise ValueError("pattern is only for a parameter of the type string")
        if self.pattern is not None:
            Pattern(self.pattern)
        for name in ("default", "value"):
            given = getattr(self, name)
            if given is not None:
                try:
                    object.__setattr__(self, name, self.accept(given))
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        return self

    @model_serializer(mode="wrap")
    def _without_unset(self, serialize: SerializerFunctionWrapHandler) -> JsonObject:
        """Omit what is unset, so that fields that are added later do not change digests."""
        values = serialize(self)
        kept = ("type", *(name for name in ("default", "value") if values[name] is not None))
        return {name: value for name, value in values.items() if value or name in kept}

    def accept(self, given: Value) -> Value:
        """`given` as a value of this parameter. A text is read as a number or a boolean if the type is one.

        Raises:
            ValueError: it is not a value of this parameter; the message says what is.
        """
        match self.type:
            case ParameterType.NUMBER:
                return _number(given)
            case ParameterType.BOOLEAN:
                return _boolean(given)
            case _:
                return self._text(given)

    def _text(self, given: Value) -> str:
        if not isinstance(given, str):
            raise ValueError('must be a text: write it in quotes, such as "2.4"')
        if self.choices and given not in self.choices:
            raise ValueError(f"'{_short(given)}' is not one of {', '.join(self.choices)}")
        if self.pattern is not None and not Pattern(self.pattern).matches(given):
            raise ValueError(f"'{_short(given)}' does not match the pattern {self.pattern}")
        return given


def variable_of(name: str) -> str:
    """Name of the environment variable that holds a parameter for commands."""
    return name.upper()


def objection_to(name: str) -> str | None:
    """Why a parameter cannot have this name, as a sentence; None if it can."""
    if not _NAME.fullmatch(name):
        return f"'{_short(name)}' is not a valid name. Use a letter or _, then up to 63 letters, digits or _."
    variable = variable_of(name)
    if variable in _RESERVED or variable.startswith(_RESERVED_BEGINNINGS):
        return f"A parameter cannot be named '{name}', because the variable ${variable} has another meaning. Rename it."
    return None


def check_names(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    """Return `parameters`, or refuse names that commands cannot tell apart, or that mean something else to them.

    Raises:
        ValueError: a name is not possible.
    """
    if len(parameters) > MAX_PARAMETERS:
        raise ValueError(f"a plan has at most {MAX_PARAMETERS} parameters")
    by_variable: dict[str, str] = {}
    for name in parameters:
        if (why := objection_to(name)) is not None:
            raise ValueError(why)
        other = by_variable.setdefault(variable_of(name), name)
        if other != name:
            raise ValueError(
                f"'{other}' and '{name}' would share the variable ${variable_of(name)}; rename one of them"
            )
    return parameters


def bind(parameters: Mapping[str, Parameter], given: Mapping[str, Value]) -> dict[str, Parameter]:
    """`parameters` with their values: the one that is given, or else the one in the plan, or else the default.

    Raises:
        Invalid: `parameters_invalid`; `details` names each value that is missing, not accepted, or not asked for.
    """
    bound, problems = bind_what_fits(parameters, given)
    if problems:
        count = len(problems)
        message = (
            problems[0].message if count == 1 else f"{count} parameters are missing or wrong. {problems[0].message}"
        )
        raise Invalid(message, code="parameters_invalid", details=problems)
    return bound


def bind_what_fits(
    parameters: Mapping[str, Parameter], given: Mapping[str, Value]
) -> tuple[dict[str, Parameter], list[Problem]]:
    """The same, with what is wrong instead of an error. A parameter whose value is missing or not accepted has none."""
    problems: list[Problem] = []
    bound = dict(parameters)
    for name in given:
        if name not in parameters:
            known = f"It has: {', '.join(parameters)}." if parameters else "It has none."
            problems.append(_problem(name, f"The plan has no parameter '{_short(name)}'. {known}"))
    for name, parameter in parameters.items():
        value = given.get(name)
        if value is None:
            value = parameter.value if parameter.value is not None else parameter.default
        if value is None:
            what = f" ({parameter.description})" if parameter.description else ""
            problems.append(_problem(name, f"The plan needs a value for the parameter '{name}'{what}."))
            continue
        try:
            bound[name] = parameter.model_copy(update={"value": parameter.accept(value)})
        except ValueError as error:
            problems.append(_problem(name, f"The parameter '{name}': {error}."))
    return bound, problems


def is_value(value: Value, text: str) -> bool:
    """Whether `text` means this value: `yes` and `true` are the same boolean, `3` and `3.0` the same number."""
    try:
        if isinstance(value, bool):
            return _boolean(text) == value
        return text == value if isinstance(value, str) else _number(text) == value
    except ValueError:
        return False


def values_of(parameters: Mapping[str, Parameter]) -> dict[str, Value]:
    """The values of the parameters that have one."""
    return {name: parameter.value for name, parameter in parameters.items() if parameter.value is not None}


def _problem(name: str, message: str) -> Problem:
    return Problem(field=f"parameters.{_short(name)}", message=message)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _number(given: Value) -> int | float:
    if isinstance(given, bool):
        raise ValueError("must be a number")
    value: int | float
    if isinstance(given, str):
        text = given.strip()
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"'{_short(given)}' is not a number")
        value = int(text) if _WHOLE.fullmatch(text) else float(text)
    else:
        value = given
    if not math.isfinite(value) or abs(value) > _MAX_NUMBER:
        raise ValueError("must be a number between -2^53 and 2^53")
    return value


def _boolean(given: Value) -> bool:
    if isinstance(given, bool):
        return given
    truth = _TRUTH.get(given.strip().lower()) if isinstance(given, str) else None
    if truth is None:
        raise ValueError("must be true or false")
    return truth
