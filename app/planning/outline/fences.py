"""Reads fenced blocks except commands: a task's prompt or request, its inputs, and tasks and phases written as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from app.domain.plan import ActionSpec
from app.domain.references import expressions, input_variable, parse
from app.domain.texts import normalized
from app.domain.unique_json import unique_members
from app.planning.outline.attributes import Attribute, names, read_words, whole
from app.planning.outline.blocks import Fence
from app.planning.outline.findings import Findings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_JSON_DEPTH = 200
# After `task` or `phase`: texts keep a CR or a byte order mark. Plans that were made before texts were normalized may have them.
EXACT = "exact"

_Model = TypeVar("_Model", bound=BaseModel)
_REQUEST = re.compile(r"([A-Za-z]+)\s+(\S.*)")
_INPUT = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*:(.*)")
_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*[:=](.*)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)")


def read_action(fence: Fence, findings: Findings) -> ActionSpec | None:
    """The action in a fence. None if it is not valid; the problem is then in `findings`."""
    if not fence.content.strip():
        findings.problem(fence.line, findings.column_of(fence.line, fence.language), "This block is empty.")
        return None
    if fence.language == "action":
        _options(fence, findings, {})
        return read_model(ActionSpec, fence, findings)
    if fence.language == "http":
        return _http(fence, findings)
    _options(fence, findings, {})
    check_references(fence, findings)
    return ActionSpec.model_validate({"type": "agent", "prompt": fence.content})


def check_references(fence: Fence, findings: Findings) -> None:
    """Report the references in a fence that are none, each at its line."""
    for number, text in enumerate(fence.content.split("\n"), fence.line + 1):
        for expression in expressions(text):
            check_reference(expression, number, findings)


def check_reference(expression: str, line: int, findings: Findings) -> None:
    """Report a reference that is none."""
    try:
        parse(expression)
    except ValueError as error:
        message = f"{error}."
        findings.problem(line, findings.column_of(line, "${{"), message[:1].upper() + message[1:])


def read_inputs(fence: Fence, findings: Findings) -> dict[str, Any]:
    """The inputs in an `inputs` fence, one `NAME: value` per line. A value that is not JSON is text."""
    _options(fence, findings, {})
    check_references(fence, findings)
    inputs: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for number, text in enumerate(fence.content.split("\n"), fence.line + 1):
        if not text.strip():
            continue
        match = _INPUT.fullmatch(text)
        column = findings.column_of(number, text.strip())
        if match is None:
            findings.problem(
                number, column, "Write an input as NAME: value. The name may contain letters, digits and _."
            )
        elif match[1] in inputs:
            findings.problem(number, column, f"The input '{match[1]}' appears twice.")
        elif (other := variables.setdefault(input_variable(match[1]), match[1])) != match[1]:
            message = (
                f"The inputs '{other}' and '{match[1]}' would share the variable ${input_variable(other)}. Rename one."
            )
            findings.problem(number, column, message)
        else:
            inputs[match[1]] = _value(match[2].strip(), number, column, findings)
    return inputs


def read_env(fence: Fence, findings: Findings) -> dict[str, str]:
    """The variables in an `env` fence, one `NAME: value` or `NAME=value` per line. Lines that start with `#` are comments."""
    _options(fence, findings, {})
    env: dict[str, str] = {}
    for number, text in enumerate(fence.content.split("\n"), fence.line + 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        match = _VARIABLE.fullmatch(text)
        column = findings.column_of(number, text.strip())
        if match is None:
            findings.problem(
                number, column, "Write a variable as NAME: value. The name may contain letters, digits and _."
            )
        elif match[1] in env:
            findings.problem(number, column, f"The variable '{match[1]}' appears twice.")
        elif match[1].startswith(("SIGNOFF_", "INPUT_")):
            findings.problem(number, column, f"The variable '{match[1]}' is reserved for Signoff. Rename it.")
        else:
            env[match[1]] = _unquoted(match[2].strip())
    return env


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            return text[1:-1]
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


def read_model(model: type[_Model], fence: Fence, findings: Findings) -> _Model | None:
    """The JSON object in a fence as a `model`. None if it is not valid; the problem is then in `findings`."""
    try:
        value = parse_json(fence.content)
    except json.JSONDecodeError as error:
        line = fence.line + error.lineno
        offset = findings.column_of(line, fence.content.split("\n")[error.lineno - 1])
        findings.problem(line, offset + error.colno - 1, f"This is not valid JSON: {error.msg}.")
        return None
    except ValueError as error:
        findings.problem(fence.line + 1, 0, f"This JSON cannot be used: {error}.")
        return None
    try:
        return model.model_validate(value if fence.info.strip() == EXACT else normalized(value))
    except ValidationError as error:
        findings.invalid(error, fence.line, {}, findings.column_of(fence.line, fence.language))
        return None


def parse_json(text: str) -> Any:
    """Parse JSON that a database, a digest and every reader of the plan can represent.

    Raises:
        ValueError: not JSON (`json.JSONDecodeError`), an invalid number, a repeated name, unstorable characters, or too much
            nesting.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=unique_members)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_JSON_DEPTH} levels") from None
    _check_storable(value)
    return value


def _http(fence: Fence, findings: Findings) -> ActionSpec | None:
    options: dict[str, Callable[[str], Any]] = {
        "expect": lambda value: [whole(part) for part in names(value)],
        "save": str,
    }
    given = _options(fence, findings, options)
    check_references(fence, findings)
    lines = fence.content.split("\n")
    blank = lines.index("") if "" in lines else len(lines)
    fields = _request_line(lines[0], fence.line + 1, findings)
    if fields is None:
        return None
    if headers := _headers(lines[1:blank], fence.line + 2, findings):
        fields["headers"] = headers
    if blank < len(lines):
        fields["body"] = "\n".join(lines[blank + 1 :])
    renamed = {"expect": "expected_status", "save": "save_to"}
    fields.update({renamed[name]: value for name, value in given.items()})
    return ActionSpec.model_validate({"type": "http", **fields})


def _request_line(text: str, line: int, findings: Findings) -> dict[str, Any] | None:
    text = text.strip().removesuffix(" HTTP/1.1")
    match = _REQUEST.fullmatch(text)
    if match is not None and match[1].upper() in METHODS:
        return {"method": match[1].upper(), "url": match[2]}
    if "://" in text.partition(" ")[0] or text.startswith("${{"):
        return {"url": text}
    message = f"Start a request with a method and a URL, such as GET https://…; methods: {', '.join(METHODS)}."
    findings.problem(line, findings.column_of(line, text), message)
    return None


def _headers(lines: list[str], first: int, findings: Findings) -> dict[str, str]:
    headers: dict[str, str] = {}
    for number, text in enumerate(lines, first):
        match = _HEADER.fullmatch(text.strip())
        if match is None:
            message = "Write a header as Name: value. Put an empty line before the body."
            findings.problem(number, findings.column_of(number, text.strip()), message)
        elif match[1].lower() in {name.lower() for name in headers}:
            findings.problem(number, findings.column_of(number, match[1]), f"The header '{match[1]}' appears twice.")
        else:
            headers[match[1]] = match[2].strip()
    return headers


def _options(fence: Fence, findings: Findings, known: dict[str, Callable[[str], Any]]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    offset = findings.column_of(fence.line, fence.info) if fence.info else 0
    for word in read_words(fence.info):
        if not isinstance(word, Attribute):
            findings.problem(fence.line, offset + word, f"Write options after '{fence.language}' as name=value.")
        elif word.name not in known:
            message = f"Unknown option '{word.name}' of a {fence.language} block; known: {', '.join(known) or 'none'}."
            findings.problem(fence.line, offset + word.column, message)
        elif not word.value:
            findings.problem(fence.line, offset + word.column, f"'{word.name}' needs a value: {word.name}=…")
        else:
            try:
                options[word.name] = known[word.name](word.value)
            except ValueError as error:
                findings.problem(fence.line, offset + word.column, f"{word.name}: {error}.")
    return options


def _value(text: str, line: int, column: int, findings: Findings) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError:
        return text
    except ValueError as error:
        findings.problem(line, column, f"This JSON cannot be used: {error}.")
        return None


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _check_storable(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH):
        following: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                members = cast("dict[str, Any]", item)
                following += [*members, *members.values()]
            elif isinstance(item, list):
                following += cast("list[Any]", item)
            elif isinstance(item, str) and ("\x00" in item or any("\ud800" <= c <= "\udfff" for c in item)):
                raise ValueError("it contains a NUL character or a lone surrogate")
        if not following:
            return
        level = following
    raise ValueError(f"it is nested deeper than {MAX_JSON_DEPTH} levels")
