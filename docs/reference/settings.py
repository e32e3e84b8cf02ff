"""The page about settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from app.settings import Settings
from app.settings.environment import variable_of
from app.settings.loading import flag_of
from app.settings.tables import SECTIONS, TABLES
from docs.reference.tables import first_paragraph, table


def page() -> str:
    """Every setting with its flag, variable, default and meaning, then the tables of the settings file."""
    fields = Settings.model_fields
    single = [name for name in fields if name not in {*TABLES, *SECTIONS}]
    rows = [
        (
            f"`{name}`",
            f"`{variable_of(name)}`, `{flag_of(name)}`",
            _default(fields[name]),
            fields[name].description or "",
        )
        for name in single
    ]
    parts = [
        "# Settings",
        (
            "Each setting is a line of `signoff.toml`, a variable or a flag. Flags override variables, and variables override the "
            "file. `signoff.toml` is read from the current folder, or from the path in `SIGNOFF_CONFIG`."
        ),
        table(("In the file", "Variable and flag", "Default", "Meaning"), rows),
        "## Tables of the file",
        "These have no variable and no flag.",
    ]
    for name, model in {**TABLES, **SECTIONS}.items():
        entries = [
            (f"`{field}`", "required" if info.is_required() else _default(info), info.description or "")
            for field, info in model.model_fields.items()
        ]
        parts += [f"### `{name}`", first_paragraph(model.__doc__), table(("Key", "Default", "Meaning"), entries)]
    return "\n\n".join(parts) + "\n"


def _default(field: Any) -> str:
    if field.default_factory is not None and field.default is PydanticUndefined:
        return "see the meaning"
    value = field.default
    if value is None or value is PydanticUndefined or value in ("", (), [], {}):
        return "none"
    if hasattr(value, "get_secret_value"):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return ", ".join(f"`{_text(item)}`" for item in (value if isinstance(value, list | tuple) else [value]))


def _text(value: Any) -> str:
    return value.as_posix() if isinstance(value, Path) else str(getattr(value, "value", value))
