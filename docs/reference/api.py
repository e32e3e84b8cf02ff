"""The page about the REST API: each operation with what it takes and answers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from app.main import create_app
from app.settings import Settings
from docs.reference.tables import first_paragraph, table

_METHODS = ("get", "post", "put", "patch", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    with tempfile.TemporaryDirectory() as folder:
        return create_app(Settings(data_dir=Path(folder))).openapi_schema.to_schema()


def page() -> str:
    """Every operation, by tag."""
    described = document()
    parts = [
        "# REST API",
        (
            "Every operation in one table for each topic. [The API by example](../api.md) shows a request and an answer for each. A "
            "running server has the OpenAPI document at `/schema/openapi.json`, and a page to try it at `/schema`."
        ),
    ]
    for tag in described["tags"]:
        rows = [
            (f"`{method.upper()} {path}`", _summary(operation), _takes(operation), _answers(operation))
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
            if method in _METHODS and tag["name"] in operation.get("tags", [])
        ]
        if rows:
            head = ("Operation", "What it does", "Parameters", "Answers")
            parts += [f"## {tag['name'].capitalize()}", tag.get("description", ""), table(head, rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(operation: dict[str, Any]) -> str:
    return first_paragraph(operation.get("description")) or operation.get("summary", "")


def _takes(operation: dict[str, Any]) -> str:
    names = [f"`{one['name']}`" for one in operation.get("parameters", []) if one.get("in") in {"query", "header"}]
    return ", ".join([*names, *(["a body"] if "requestBody" in operation else [])])


def _answers(operation: dict[str, Any]) -> str:
    return ", ".join(sorted(operation["responses"]))
