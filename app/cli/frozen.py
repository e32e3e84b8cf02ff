"""Summarizes in a few lines what the approval of a plan freezes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from app.cli.display import size, visible
from app.domain.limits import limits_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.cli.display import Json
    from signoff.schemas.json_value import JsonValue

_MAX_ITEMS = 20


def frozen_text(plan: Json) -> Text:
    """The lines to print below the plan; empty if there is nothing notable."""
    frozen: Json | None = plan.get("frozen")
    return Text("\n").join(Text(line, style="dim") for line in _lines(frozen)) if frozen is not None else Text()


def seen(plan: Json) -> Json:
    """The facts that an approval is bound to: the plan's version, its digest, and the digest of what it freezes."""
    bound: Json = {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    return bound | {"frozen_digest": plan["frozen"]["digest"]} if plan.get("frozen") else bound


def _lines(frozen: Json) -> Iterator[str]:
    files: dict[str, Json] = frozen["files"]
    word = "as signed" if frozen["sealed"] else "as it is now"
    for path, file in list(files.items())[:_MAX_ITEMS]:
        yield f"runs {visible(path)} {word} (sha256 {file['sha256'][:12]}…, {size(file['size'])})"
    if len(files) > _MAX_ITEMS:
        yield f"and {len(files) - _MAX_ITEMS} more files"
    for path, reason in list(frozen["unhashed"].items())[:_MAX_ITEMS]:
        yield f"not covered: {visible(path)}: {visible(reason)}"
    for path in frozen["outside"][:_MAX_ITEMS]:
        yield f"not covered: {visible(path)} is outside the workspace"
    for key, words in list(frozen["unknown"].items())[:_MAX_ITEMS]:
        yield f"not covered: task {visible(key)} runs {', '.join(map(visible, words[:3]))}, known only at run time"
    if frozen["unread"]:
        yield f"not covered: the commands of {', '.join(map(visible, frozen['unread'][:_MAX_ITEMS]))} could not be fully analyzed"
    yield from _surroundings(frozen)


def _surroundings(frozen: Json) -> Iterator[str]:
    """Limits, agents, and what tasks may reach."""
    yield f"limits of the run: {', '.join(f'{_plain(name)} {_value(limit)}' for name, limit in frozen['limits'].items())}"
    if frozen["task_limits"] is not None:
        yield f"default limits of each task: {limits_text(frozen['task_limits'])}"
    for name, agent in frozen["agents"].items():
        yield f"agent {visible(name)}: {_entry(agent)}"
    if frozen["http_allow"]:
        yield f"requests may reach the private hosts {', '.join(map(visible, frozen['http_allow']))}"
    if frozen["app_url"]:
        yield f"tasks read the address of this Signoff: {visible(frozen['app_url'])}"
    if frozen["sandbox"]:
        yield f"sandbox: {_entry(frozen['sandbox'])}"


def _entry(fields: Json) -> str:
    """The fields of an entry that say something: for an agent its model, its tools, and what it may run and reach."""
    named = [(name, value) for name, value in fields.items() if value not in (None, "", [], {})]
    return "; ".join(f"{_plain(name)} {_value(value)}" for name, value in named)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _value(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return visible(value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False))
