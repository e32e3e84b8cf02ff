"""How far a model's plan may reach, whatever it was told by whom: an allow list, checked after the fact.

A file, a web page or a task's output that a model has read may try to order it about. What it may put into a plan is fixed
before it reads anything: the actions and agents of the settings, hosts and secrets that the project's own words name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from app.domain import references
from app.domain.dangers import dangers_of
from app.domain.errors import Problem
from app.domain.plan import PlanDraft, TaskDraft

# Of an address any host; without one, what looks like a name of the public network. A name is looked for at its beginning only:
# tried from each of its letters, a long text would take a time that grows with the square of its length.
_HOST = re.compile(
    r"https?://(\[[0-9a-f:]+\]|[a-z0-9._-]+)"
    r"|(?<![a-z0-9.-])((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]+|localhost)",
    re.IGNORECASE,
)


def hosts_in(text: str) -> set[str]:
    """The hosts that somebody's words name."""
    return {(address or name).strip("[]").rstrip(".").lower() for address, name in _HOST.findall(text)}


def check_reach(
    draft: PlanDraft,
    *,
    actions: Collection[str],
    hosts: Collection[str],
    words: str,
    previous: PlanDraft | None = None,
) -> Iterator[Problem]:
    """What a plan does that nobody has allowed it to.

    Args:
        draft: the plan.
        actions: those that models may use.
        hosts: those that http tasks may ask; `*` for any.
        words: what the project's own people have written, where secrets must be named.
        previous: the plan that is refined: a task of it that stays may reach what it reached there, whoever had put it in.
    """
    before = {task.key: task for task in previous.tasks()} if previous is not None else {}
    for number, phase in enumerate(draft.phases):
        for index, task in enumerate(phase.tasks):
            where = f"phases[{number}].tasks[{index}]"
            former = before.get(task.key)
            if task.action.type not in actions and (former is None or former.action.type != task.action.type):
                known = ", ".join(sorted(actions))
                message = f"Task '{task.key}': models may not plan the action '{task.action.type}'; allowed: {known}."
                yield Problem(field=f"{where}.action.type", message=message)
            yield from _hosts(task, where, hosts, former)
            yield from _secrets(task, where, words, former)
            yield from _grants(task, where, words, former)


def _grants(task: TaskDraft, where: str, words: str, former: TaskDraft | None) -> Iterator[Problem]:
    """Paths outside of the workspace, and limits, that the project's own words do not name."""
    for name in ("reads", "writes"):
        before: list[str] = getattr(former, name) if former is not None else []
        for path in getattr(task, name):
            if path not in before and not re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w/-]|\.\w)", words):
                message = f"Task '{task.key}': '{name}' names {path}, which the project's words do not; leave it out."
                yield Problem(field=f"{where}.{name}", message=message)
    if task.limits and (former is None or task.limits != former.limits):
        yield Problem(field=f"{where}.limits", message=f"Task '{task.key}': models set no limits; leave them out.")


def _hosts(task: TaskDraft, where: str, allowed: Collection[str], former: TaskDraft | None) -> Iterator[Problem]:
    url = task.action.fields().get("url")
    if not isinstance(url, str) or "*" in allowed:
        return
    host = _host_of(task)
    if host not in allowed and not (former is not None and _asks_the_same(task, former)):
        named = ", ".join(sorted(allowed)) or "none is named"
        message = (
            f"Task '{task.key}': the host '{host or url[:100]}' is not one that the project names ({named}); "
            "use only hosts that the brief names, or leave the step to a person."
        )
        yield Problem(field=f"{where}.action.url", message=message)


def _asks_the_same(task: TaskDraft, former: TaskDraft) -> bool:
    """Whether a task asks the host that it asked before; where another task's output names it, at the very same address."""
    if task.action.fields().get("url") == former.action.fields().get("url"):
        return True
    host = _host_of(task)
    return host != "" and "$" not in host and host == _host_of(former)


def _host_of(task: TaskDraft) -> str:
    url = task.action.fields().get("url")
    try:
        return (urlsplit(url).hostname or "").lower() if isinstance(url, str) else ""
    except ValueError:
        return ""


def _secrets(task: TaskDraft, where: str, words: str, former: TaskDraft | None) -> Iterator[Problem]:
    kept = _secrets_of(former) if former is not None else set[str]()
    for name in sorted(_secrets_of(task) - kept):
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words):
            message = f"Task '{task.key}': the secret '{name}' is not one that the project's description names."
            yield Problem(field=f"{where}.inputs", message=message)


def _secrets_of(task: TaskDraft) -> set[str]:
    found = references.expressions([task.inputs, task.action.fields()])
    return {name.removeprefix("secrets.") for name in found if name.startswith("secrets.")}


def warnings_of(draft: PlanDraft) -> list[str]:
    """What a person should look at before signing, in words."""
    return [
        f"Task '{task.key}' {danger.what}; read its command before you sign."
        for task in draft.tasks()
        for danger in dangers_of(task.action.model_dump(mode="json"))
    ]
