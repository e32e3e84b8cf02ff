"""Loads the settings, or reports every mistake in them: one line each, with its location and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from app.domain.policies import Match, Policy
from app.hidden_environment import variables
from app.settings import Settings
from app.settings.environment import variable_of
from app.settings.file import KeyLines
from app.settings.location import settings_file
from app.settings.tables import SECTIONS, TABLES
from app.settings.trust import complaints_about_found_file

Location = tuple[int | str, ...]
# Pydantic's marker for an error in the key of a table.
_KEY = "[key]"
_BAD_NAME = "not a valid name: use at most 64 letters, digits, '.', '_' and '-', beginning with a letter or a digit"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class SettingsInvalid(ValueError):
    """The settings are not valid; the message has one line per mistake."""


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Load the settings; `flags` override all other sources.

    Raises:
        SettingsInvalid: some settings are not valid. The message names each one, its source and its mistake.
    """
    flags = flags or {}
    if untrusted := complaints_about_found_file(flags):
        raise SettingsInvalid("\n".join(untrusted))
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise SettingsInvalid(_complaints(error, flags)) from error
    except SettingsError as error:
        # A table in the environment is not JSON.
        raise SettingsInvalid(f"{error}: {error.__cause__}") from error
    except (ValueError, OSError) as error:
        # The file is not valid TOML; the message includes the line.
        message = f"signoff.toml, or the file in SIGNOFF_CONFIG, cannot be read: {error}"
        raise SettingsInvalid(message) from error


def flag_of(field: str) -> str:
    """The command-line flag of a setting."""
    return f"--{field.replace('_', '-')}"


def _complaints(error: ValidationError, flags: Mapping[str, Any]) -> str:
    lines = _lines_of_file()
    problems = error.errors(include_url=False)
    located = [(_line(problem["loc"], flags, lines), problem) for problem in problems]
    # Mistakes in the file come in the file's order; the sort is stable.
    return "\n".join(_complaint(problem, line) for line, problem in sorted(located, key=lambda each: each[0] or 0))


def _lines_of_file() -> KeyLines:
    try:
        return KeyLines(settings_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return KeyLines("")


def _line(location: Location, flags: Mapping[str, Any], lines: KeyLines) -> int | None:
    """The line of the file that sets a value; None if a flag or the environment sets it."""
    field = _field(location)
    if field is None or field in flags or _is_in_environment(field, location):
        return None
    return lines.find([part for part in location if part != _KEY])


def _is_in_environment(field: str, location: Location) -> bool:
    variable = variable_of(field)
    text = next((value for name, value in variables().items() if name.upper() == variable), None)
    if text is None or field not in TABLES or len(location) < 2:
        return text is not None
    # A table's entries in the environment are merged with those in the file.
    try:
        entries = json.loads(text)
    except ValueError:
        return True
    return not isinstance(entries, dict) or location[1] in entries


def _field(location: Location) -> str | None:
    name = str(location[0]) if location else ""
    return next((known for known in Settings.model_fields if name in {known, variable_of(known)}), None)


def _complaint(problem: ErrorDetails, line: int | None) -> str:
    location = tuple(part for part in problem["loc"] if part != _KEY)
    field = _field(location)
    words = _what_is_wrong(problem, field)
    if line is not None:
        return f"{settings_file()}:{line}: {_spelled(location)}: {words}"
    if field is None:
        return f"Setting {_spelled(location)}: {words}"
    if field in TABLES or field in SECTIONS:
        return f"Setting {_spelled(location)} ({variable_of(field)}): {words}"
    return f"Setting {field} ({flag_of(field)}, {variable_of(field)}): {words}"


def _spelled(location: Location) -> str:
    """A location in TOML notation: `agents.writer.tools[0]`, `prices."openai:gpt-5".input`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)}"
    return text.removeprefix(".")


def _known_fields(location: Location, field: str | None) -> tuple[dict[str, FieldInfo], str]:
    """The fields of the table that a location is in, and the name that the file has for the wrong one."""
    if field not in SECTIONS:
        name = str(location[2]) if len(location) > 2 else ""
        return TABLES[field].model_fields if field in TABLES else {}, name
    # [[signoff.policy]] has tables in tables.
    models: dict[str, type[BaseModel]] = {"policy": Policy, "match": Match}
    parts = [str(part) for part in location[1:] if isinstance(part, str)]
    inside = next((models[part] for part in reversed(parts[:-1]) if part in models), SECTIONS[field])
    return inside.model_fields, parts[-1] if parts else ""


def _what_is_wrong(problem: ErrorDetails, field: str | None) -> str:
    if _KEY in problem["loc"]:
        return _BAD_NAME
    known, name = _known_fields(problem["loc"], field)
    match problem["type"]:
        case "extra_forbidden":
            return f"there is no such field; known: {', '.join(info.alias or key for key, info in known.items())}"
        case "enum":
            return f"there is no {problem['input']!r}; known: {problem.get('ctx', {}).get('expected', '')}"
        case "missing":
            words = "it is missing"
        case "value_error":
            # One of Signoff's own checks, whose message says what to do.
            return problem["msg"].removeprefix("Value error, ")
        case _:
            words = problem["msg"]
    entry = next((info for key, info in known.items() if name in {key, info.alias}), None)
    return f"{words}; expected: {entry.description}" if entry is not None and entry.description else words
