"""The page about errors. Their codes and messages are read from the source, where each error says what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path

from app.domain import errors as domain_errors
from app.domain.errors import DomainError
from docs.reference.tables import table

_ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("app", "activities", "workflows")
_OF_TASKS = "TaskFailed"
_KINDS = {
    name: kind
    for name, kind in vars(domain_errors).items()
    if isinstance(kind, type) and issubclass(kind, DomainError) and kind is not DomainError
}


@dataclass(frozen=True, order=True)
class KnownError:
    """An error that the source has: `status` is null for the error of a task, and 0 if only the run decides about it."""

    code: str
    status: int | None
    message: str


def page() -> str:
    """The errors of the API, then those of tasks."""
    found = known_errors()
    answers = _rows(error for error in found if error.status is not None)
    tasks = _rows(error for error in found if error.status is None)
    return (
        "\n\n".join(
            [
                "# Errors",
                (
                    "An error of the API has a `code` for programs and a `message` for people, which says what to do. `…` stands for a name "
                    "or a number. `details` lists the fields that are wrong, and `request_id` finds the request in the server's log."
                ),
                "## Errors of the API",
                table(("Code", "Status", "Message"), answers),
                "## Errors of tasks",
                "A task that has failed has one of these as its `error.type`, or one that its action defines.",
                table(("Type", "Message"), ((code, message) for code, _, message in tasks)),
            ]
        )
        + "\n"
    )


def _rows(errors: Iterator[KnownError]) -> list[tuple[str, str, str]]:
    by_code: dict[str, list[KnownError]] = {}
    for error in sorted(errors):
        by_code.setdefault(error.code, []).append(error)
    rows: list[tuple[str, str, str]] = []
    for code, same in by_code.items():
        statuses = sorted({error.status for error in same if error.status})
        messages = list(dict.fromkeys(error.message for error in same if error.message))
        rows.append(
            (f"`{code}`", ", ".join(map(str, statuses)), " · ".join(messages[:3]) or "The message names what is wrong.")
        )
    return rows


@cache
def known_errors() -> frozenset[KnownError]:
    """Each error that the source makes with a fixed code."""
    found = {
        KnownError(kind.default_code, kind.status, HTTPStatus(kind.status).phrase + ".") for kind in _KINDS.values()
    }
    for folder in _FOLDERS:
        for path in (_ROOT / folder).rglob("*.py"):
            text = path.read_text() if "node_modules" not in path.parts else ""
            if "code=" in text or _OF_TASKS in text:
                found.update(_of_module(ast.parse(text)))
    return frozenset(found)


def _of_module(tree: ast.Module) -> Iterator[KnownError]:
    constants = _assigned(tree)
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))]:
        names = constants if scope is tree else constants | _assigned(scope)
        for node in ast.walk(scope) if scope is not tree else _outside_of_functions(tree):
            if isinstance(node, ast.Call) and (error := _of_call(node, names)) is not None:
                yield error


def _outside_of_functions(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def _assigned(scope: ast.AST) -> dict[str, str]:
    """The texts that are assigned to names."""
    return {
        node.targets[0].id: text
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (text := _text(node.value, {}))
    }


def _of_call(call: ast.Call, names: dict[str, str]) -> KnownError | None:
    called = call.func.id if isinstance(call.func, ast.Name) else ""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if called == _OF_TASKS and len(call.args) > 1 and (code := _constant(call.args[0])):
        return KnownError(code, None, _text(call.args[1], names))
    code = _constant(given.get("code"))
    if code is None or (called not in _KINDS and "message" not in given):
        return None
    message = given.get("message") or (call.args[0] if call.args else None)
    status = _KINDS[called].status if called in _KINDS else _number(given.get("status"))
    return KnownError(code, status, _text(message, names) if message is not None else "")


def _constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _number(node: ast.expr | None) -> int:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0


def _text(node: ast.expr, names: dict[str, str]) -> str:
    """The text of an expression, with `…` for what only the run knows."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left, names) or "…") + (_text(node.right, names) or "…")
    return ""
