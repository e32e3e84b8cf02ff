"""Reads the front matter of a description: YAML between two `---` lines at its top, with the plan's parameters.

TOML between two `+++` lines, as other tools write it, only gives the plan its title.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.domain.parameters import Parameter, check_names, objection_to
from app.planning.outline.findings import Findings
from app.planning.outline.shared_settings import SharedSettings, shell_named, time_limit
from app.planning.outline.yaml_nodes import MAX_LENGTH, Node, YamlError, read_yaml, write_yaml
from signoff.vocabulary import ParameterType

SECRET = (
    "A parameter cannot be secret, because its value is signed, stored and shown. Set SIGNOFF_SECRET_<NAME> on the "  # noqa: S105
    "worker, and use ${{ secrets.<NAME> }} in the inputs of a task."
)

# What happens to variables that commands read and nothing sets.
UNSET, ASK, WARN = "unset_variables", "ask", "warn"
_MARKS = re.compile(r"(---|\+\+\+)[ \t]*")
_ENDS = {"---": ("---", "..."), "+++": ("+++",)}
# The entries that name the plan. Other tools write them too.
_TITLES = ("title", "name")
_ENTRY = re.compile(r"['\"]?[A-Za-z_][A-Za-z0-9_. -]*['\"]?\s*:(?:\s|$)")
_TOML_ENTRY = re.compile(r"([A-Za-z_][\w.-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')?")
_FIELDS = ("description", "type", "pattern", "choices", "default", "value", "secret")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TEXTS = ("description", "type", "pattern", "default", "value")


@dataclass
class FrontMatter:
    """What the front matter says: the plan's title, its parameters, and the settings that its tasks share.

    `lines` is the number of its lines, with both `---`; 0 if there is none.
    """

    lines: int = 0
    title: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    shared: SharedSettings = field(default_factory=SharedSettings)


def take_front_matter(findings: Findings) -> FrontMatter:
    """Read the front matter, and replace its lines by empty ones. Its problems and warnings go into `findings`."""
    lines = extent(findings.lines)
    if not lines:
        return FrontMatter()
    result = FrontMatter(lines)
    if findings.lines[0].startswith("+++"):
        others = _read_toml(findings.lines[1 : lines - 1], result)
    else:
        others = _read_yaml("\n".join(findings.lines[1 : lines - 1]), result, findings)
    if others:
        listed = ", ".join(name[:40] for name in others[:10])
        findings.warn(
            0, f"These entries of the front matter have no effect on the plan: {listed}. Known: {', '.join(_READERS)}."
        )
    findings.lines[:lines] = [""] * lines
    return result


def _read_yaml(text: str, result: FrontMatter, findings: Findings) -> list[str]:
    """Read YAML into `result`. Return the names of the entries that mean nothing."""
    try:
        root = read_yaml(text)
        members = root.value if isinstance(root.value, dict) else {}
    except YamlError as error:
        if any(re.match(rf"{name}\s*:", line) for name in _READERS for line in text.split("\n")):
            findings.problem(error.line + 1, 0, f"The front matter cannot be read as YAML: {error}.")
        else:
            findings.warn(0, f"The front matter has no effect. It cannot be read as YAML: {error}.")
        return []
    for name, node in members.items():
        if name in _READERS:
            _READERS[name](node, result, findings)
    titles = [node.value for name in _TITLES if (node := members.get(name)) is not None]
    result.title = next((title.strip() for title in titles if isinstance(title, str)), "")
    return [name for name in members if name not in {*_READERS, *_TITLES}]


def _read_toml(lines: list[str], result: FrontMatter) -> list[str]:
    """Read the title. Return the names of the other entries, which mean nothing."""
    matches = [match for line in lines if (match := _TOML_ENTRY.match(line)) is not None]
    titles = {match[1]: match[2] or match[3] for match in matches if match[1] in _TITLES}
    result.title = next((titles[name] for name in _TITLES if titles.get(name)), "")
    return [match[1] for match in matches if match[1] not in _TITLES]


def write_front_matter(parameters: dict[str, Parameter], *, asks: bool = True) -> str:
    """The front matter that gives a plan these parameters, with their values. Empty if there is nothing to say.

    Args:
        parameters: all parameters of the plan.
        asks: whether the plan may ask for other settings that nothing sets.
    """
    written: dict[str, Any] = {} if asks else {UNSET: WARN}
    if parameters:
        written["parameters"] = {name: parameter.model_dump(mode="json") for name, parameter in parameters.items()}
    return f"---\n{write_yaml(written)}\n---" if written else ""


def parameters_of(description: str) -> dict[str, Parameter]:
    """The parameters that a description asks for, without values.

    Raises:
        Invalid: `plan_invalid`: the front matter has errors; `details` has each with its line and column.
    """
    findings = Findings(description)
    front = take_front_matter(findings)
    findings.raise_if_any()
    return front.parameters


def extent(lines: list[str]) -> int:
    """The number of lines of the front matter, 0 if there is none. A `---` that only divides text begins none."""
    begin = _MARKS.fullmatch(lines[0].removeprefix("\ufeff")) if lines else None
    if begin is None:
        return 0
    ends, entry = _ENDS[begin[1]], _ENTRY if begin[1] == "---" else _TOML_ENTRY
    size = 0
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip(" \t") in ends:
            written = [text for text in lines[1:number] if text.strip() and not text.lstrip().startswith("#")]
            return number + 1 if written and entry.match(written[0]) else 0
        size += len(line) + 1
        if size > MAX_LENGTH:
            return 0
    return 0


def _read_parameters(node: Node, result: FrontMatter, findings: Findings) -> None:
    members = _members(node, "parameters", "a name and what it is for", findings)
    for name, definition in members.items():
        if (why := objection_to(name)) is not None:
            findings.problem(definition.line + 1, 0, why)
        elif (parameter := _parameter(name, definition, findings)) is not None:
            result.parameters[name] = parameter
    try:
        check_names(result.parameters)
    except ValueError as error:
        findings.problem(node.line + 1, 0, f"parameters: {error}.")
        result.parameters.clear()


def _parameter(name: str, node: Node, findings: Findings) -> Parameter | None:
    members = _members(node, name, "'description', 'type' or 'default'", findings)
    fields: dict[str, Any] = {}
    for entry, value in members.items():
        written = value.plain()
        if (message := _objection_to_entry(name, entry, written)) is not None:
            findings.problem(value.line + 1, 0, message)
        elif entry != "secret" and written is not None:
            fields[entry] = written
    if "choices" in fields:
        fields.setdefault("type", ParameterType.CHOICE)
    try:
        return Parameter.model_validate(fields)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False):
            where = ".".join(str(part) for part in item["loc"][:1])
            line = members[where].line if where in members else node.line
            reason = item["msg"].removeprefix("Value error, ")
            findings.problem(line + 1, 0, f"The parameter '{name}': {where + ': ' if where else ''}{reason}.")
        return None


def _objection_to_entry(name: str, entry: str, written: Any) -> str | None:
    if entry not in _FIELDS:
        return f"Unknown entry '{entry}' of the parameter '{name}'; known: {', '.join(_FIELDS)}."
    if entry == "secret":
        return None if written in (None, "false", "no") else SECRET.replace("<NAME>", name.upper())
    if entry in _TEXTS and not isinstance(written, str | None):
        return f"'{entry}' of the parameter '{name}' must be a text."
    if entry == "choices" and written is not None and not _is_list_of_texts(written):
        return f"'choices' of the parameter '{name}' must be a list, such as [staging, production]."
    return None


def _members(node: Node, name: str, what: str, findings: Findings) -> dict[str, Node]:
    if isinstance(node.value, dict):
        return node.value
    if node.value is not None:
        findings.problem(node.line + 1, 0, f"Below '{name}', write one line for each entry: {what}.")
    return {}


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)  # pyright: ignore[reportUnknownVariableType]


def _read_env(node: Node, result: FrontMatter, findings: Findings) -> None:
    for name, value in _members(node, "env", "NAME: value", findings).items():
        written = value.plain()
        if not _VARIABLE.fullmatch(name) or name.startswith(("SIGNOFF_", "INPUT_")):
            message = f"'{name}' is not a valid name for a variable. Use letters, digits and _, and not SIGNOFF_ or INPUT_ first."
            findings.problem(value.line + 1, 0, message)
        elif isinstance(written, str | None):
            result.shared.env[name] = written or ""
        else:
            findings.problem(value.line + 1, 0, f"The value of the variable '{name}' must be a text.")


def _read_cwd(node: Node, result: FrontMatter, findings: Findings) -> None:
    if isinstance(node.value, str):
        result.shared.cwd = node.value
    elif node.value is not None:
        findings.problem(node.line + 1, 0, "'cwd' must be a folder of the workspace, such as cwd: app.")


def _read_shell(node: Node, result: FrontMatter, findings: Findings) -> None:
    if node.value is None:
        return
    try:
        result.shared.shell = shell_named(node.value if isinstance(node.value, str) else "")
    except ValueError as error:
        findings.problem(node.line + 1, 0, f"'shell' {error}.")


def _read_timeout(node: Node, result: FrontMatter, findings: Findings) -> None:
    if node.value is None:
        return
    try:
        result.shared.timeout = time_limit(node.value if isinstance(node.value, str) else "")
    except ValueError as error:
        findings.problem(node.line + 1, 0, f"timeout: {error}.")


def _read_unset(node: Node, result: FrontMatter, findings: Findings) -> None:
    del result
    if node.value not in (None, ASK, WARN):
        findings.problem(node.line + 1, 0, f"'{UNSET}' must be '{ASK}' (the plan asks for their values) or '{WARN}'.")
    findings.asks = node.value != WARN


_READERS: dict[str, Callable[[Node, FrontMatter, Findings], None]] = {
    "parameters": _read_parameters,
    "env": _read_env,
    "cwd": _read_cwd,
    "shell": _read_shell,
    "timeout": _read_timeout,
    UNSET: _read_unset,
}
