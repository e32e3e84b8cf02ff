"""What the approval of a plan freezes, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from app.cli.display import size, visible
from app.domain.limits import limits_text

Json = dict[str, Any]
_MOST = 20


def frozen_text(plan: Json) -> Text:
    """Lines for below the plan; empty where nothing of note is frozen."""
    frozen: Json | None = plan.get("frozen")
    return Text("\n").join(Text(line, style="dim") for line in _lines(frozen)) if frozen is not None else Text()


def seen(plan: Json) -> Json:
    """What an approval of this plan is held to: the version, its digest, and what surrounded it when it was read."""
    bound: Json = {"plan_version": plan["version"], "plan_digest": plan["digest"]}
    return bound | {"frozen_digest": plan["frozen"]["digest"]} if plan.get("frozen") else bound


def _lines(frozen: Json) -> Iterator[str]:
    files: dict[str, Json] = frozen["files"]
    word = "as signed" if frozen["sealed"] else "as it is now"
    for path, file in list(files.items())[:_MOST]:
        yield f"runs {visible(path)} {word} (sha256 {file['sha256'][:12]}…, {size(file['size'])})"
    if len(files) > _MOST:
        yield f"and {len(files) - _MOST} more files"
    for path, reason in list(frozen["unhashed"].items())[:_MOST]:
        yield f"not covered: {visible(path)}: {visible(reason)}"
    for path in frozen["outside"][:_MOST]:
        yield f"not covered: {visible(path)} lies outside of the workspace"
    for key, words in list(frozen["unknown"].items())[:_MOST]:
        yield f"not covered: task {visible(key)} runs {', '.join(map(visible, words[:3]))}, which only the run can name"
    if frozen["unread"]:
        yield f"not covered: the commands of {', '.join(map(visible, frozen['unread'][:_MOST]))} could not be read whole"
    if frozen["task_limits"] is not None:
        yield f"each task may use, where it does not say so itself: {limits_text(frozen['task_limits'])}"
    models = {name: agent["model"] for name, agent in frozen["agents"].items() if agent.get("model")}
    for name, model in models.items():
        yield f"agent {visible(name)} asks {visible(model)}"
