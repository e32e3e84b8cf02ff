"""Limits what a model's plan may do, regardless of what the model has read. An allow list is checked after planning.

A file, a web page or a task's output may try to give the model instructions. What the model may put into a plan is fixed before
it reads anything: the actions and agents in the settings, and the hosts and secrets that the project's own text names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from app.domain import references
from app.domain.choices import objection_to_options
from app.domain.dangers import dangers_of
from app.domain.plan import PlanDraft, TaskDraft
from signoff.schemas.problems import Problem

# Matches the host of any URL, and text that looks like a public host name. A name is matched only from its start: matching from
# each of its letters would take quadratic time for a long text.
_HOST = re.compile(
    r"https?://(\[[0-9a-f:]+\]|[a-z0-9._-]+)"
    r"|(?<![a-z0-9.-])((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]+|localhost)",
    re.IGNORECASE,
)
# Names of files look like names of hosts. Only in a URL does such a name stand for a host.
_FILE_END = re.compile(
    r"\.(csv|tsv|txt|md|rst|json|ya?ml|toml|ini|cfg|conf|env|lock|xml|html?|css|pdf|docx?|xlsx?|pptx?|odt|ods|png|jpe?g|gif|svg"
    r"|py|js|ts|rb|go|rs|java|jar|php|sh|sql|db|sqlite3?|dump|log|bak|zip|gz|tgz|tar|bz2|xz|7z|whl|deb|rpm|iso|bin)$"
)
_REFERENCE = re.compile(r"\$\{\{.{0,500}?\}\}", re.DOTALL)


def hosts_in(text: str) -> set[str]:
    """The hosts that a text names: in a URL, or by a name that is not the name of a file. References name none."""
    found: set[str] = set()
    for address, name in _HOST.findall(_REFERENCE.sub(" ", text)):
        host = (address or name).strip("[]").rstrip(".").lower()
        if address or not _FILE_END.search(host):
            found.add(host)
    return found


def check_reach(
    draft: PlanDraft,
    *,
    actions: Collection[str],
    hosts: Collection[str],
    words: str,
    previous: PlanDraft | None = None,
) -> Iterator[Problem]:
    """Find everything in a plan that is not allowed.

    Args:
        draft: the plan.
        actions: the actions that models may use.
        hosts: the hosts to which http tasks may send requests; `*` for any.
        words: the text that the project's own people wrote; it must name every secret.
        previous: the plan to refine; a task of it that stays may use what it used before.
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
            yield from _options(task, where, former)


def _grants(task: TaskDraft, where: str, words: str, former: TaskDraft | None) -> Iterator[Problem]:
    """Find paths outside the workspace that the project's own text does not name, and resource limits."""
    for name in ("reads", "writes"):
        before: list[str] = getattr(former, name) if former is not None else []
        for path in getattr(task, name):
            if path not in before and not re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w/-]|\.\w)", words):
                message = (
                    f"Task '{task.key}': '{name}' names {path}, but the project's description does not; remove it."
                )
                yield Problem(field=f"{where}.{name}", message=message)
    if task.limits and (former is None or task.limits != former.limits):
        yield Problem(field=f"{where}.limits", message=f"Task '{task.key}': models must not set limits; remove them.")


def _options(task: TaskDraft, where: str, former: TaskDraft | None) -> Iterator[Problem]:
    """Find answers to a decision that a person could not tell apart."""
    options = _options_of(task)
    if (former is None or options != _options_of(former)) and (objection := objection_to_options(options)) is not None:
        yield Problem(field=f"{where}.action.options", message=f"Task '{task.key}': {objection}")


def _options_of(task: TaskDraft) -> list[str]:
    options = task.action.fields().get("options")
    return [option for option in options if isinstance(option, str)] if isinstance(options, list) else []


def _hosts(task: TaskDraft, where: str, allowed: Collection[str], former: TaskDraft | None) -> Iterator[Problem]:
    url = task.action.fields().get("url")
    if not isinstance(url, str) or "*" in allowed:
        return
    host = _host_of(task)
    if host not in allowed and not (former is not None and _asks_the_same(task, former)):
        named = ", ".join(sorted(allowed)) or "none"
        message = (
            f"Task '{task.key}': the project does not name the host '{host or url[:100]}' (named: {named}). "
            "Use only hosts that the brief names, or make this step a manual task."
        )
        yield Problem(field=f"{where}.action.url", message=message)


def _asks_the_same(task: TaskDraft, former: TaskDraft) -> bool:
    """Whether a task uses the same host as before. If a reference provides the host, the whole URL must be the same."""
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
    allowed = _secrets_of(former) if former is not None else set[str]()
    for name in sorted(_secrets_of(task) - allowed):
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words):
            message = f"Task '{task.key}': the project's description does not name the secret '{name}'; remove it."
            yield Problem(field=f"{where}.inputs", message=message)


def _secrets_of(task: TaskDraft) -> set[str]:
    expressions = references.expressions([task.inputs, task.action.fields()])
    return {name.removeprefix("secrets.") for name in expressions if name.startswith("secrets.")}


def warnings_of(draft: PlanDraft) -> list[str]:
    """Warnings about tasks that a person should check before signing."""
    return [
        f"Task '{task.key}' {danger.what}. Read its command before you sign."
        for task in draft.tasks()
        for danger in dangers_of(task.action.model_dump(mode="json"))
    ]
