"""Captures what an approval freezes, as far as the app can see it; a worker adds the programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points

from pydantic import BaseModel

from app.domain import references
from app.domain.actions import Action, Actions, Mode
from app.domain.agents import AgentKind
from app.domain.errors import Conflict
from app.domain.frozen import Captured, Frozen, FrozenAction, FrozenFile
from app.domain.identity import now
from app.domain.named_files import Named, named_by
from app.domain.plan import DEFAULT_AGENT, LIMITS, TaskDraft
from app.domain.registry import GROUP
from app.domain.validation import retries_of
from app.llm.access import model_for
from app.settings import Settings
from app.storage.projects import ProjectRow
from app.workspace.file_hashes import MAX_TOTAL_TEXT_BYTES, hash_files
from signoff.schemas.json_value import JsonObject

_OWN_PACKAGE = "signoff"


def capture(
    project: ProjectRow, tasks: Iterable[TaskDraft], actions: Actions, settings: Settings, *, digest: str | None = None
) -> Captured:
    """Capture everything that the approval of these tasks freezes, except programs. Blocking: reads files.

    Args:
        project: the project of the tasks.
        tasks: the tasks of the plan.
        actions: the actions that are available.
        settings: define the agents and what they may reach.
        digest: the digest of the plan.
    """
    drafts = list(tasks)
    named = {task.key: named_by(task.action.model_dump(mode="json"), project.workspace) for task in drafts}
    frozen = Frozen(at=now(), limits=LIMITS[project.strategy].model_dump(), products=True)
    texts = _add_files(frozen, project.workspace, named)
    for task in drafts:
        kind = actions.get(task.action.type)
        if kind is None:
            continue
        retries = retries_of(task, actions)
        if task.retries is None and retries:
            frozen.retries[task.key] = retries
        frozen.actions[kind.type] = action_entry(kind)
        if kind.mode == Mode.ACTIVITY:
            name = task.agent_id or project.agent_id or DEFAULT_AGENT
            if (entry := agent_entry(settings, name, project.strategy)) is not None:
                frozen.agents[name] = entry
            frozen.sandbox = sandbox_entry(settings)
            frozen.task_limits = settings.task_limits.model_dump()
        if kind.sends_requests:
            frozen.http_allow = sorted(settings.http_allow)
        if "signoff.url" in references.expressions([task.inputs, task.action.fields()]):
            frozen.app_url = settings.app_url
    return Captured(frozen, texts, digest)


def _add_files(frozen: Frozen, workspace: str, named: Mapping[str, Named]) -> dict[str, str]:
    paths = dict.fromkeys(path for item in named.values() for path in item.paths)
    texts: dict[str, str] = {}
    room = MAX_TOTAL_TEXT_BYTES
    for path, hashed in hash_files(workspace, paths).items():
        if hashed.known:
            frozen.files[path] = FrozenFile(sha256=hashed.sha256, size=hashed.size, at=frozen.at)
            if hashed.text is not None and (room := room - len(hashed.text)) >= 0:
                texts[path] = hashed.text
        else:
            frozen.unhashed[path] = hashed.reason
    frozen.outside = list(dict.fromkeys(path for item in named.values() for path in item.outside))
    frozen.unknown = {key: list(item.unknown) for key, item in named.items() if item.unknown}
    frozen.unread = [key for key, item in named.items() if not item.complete]
    return texts


def agent_entry(settings: Settings, name: str, strategy: str) -> JsonObject | None:
    """The configuration of an agent with the model that it asks; None if no agent has this name.

    Contains no keys, only the name of the variable that holds a key.
    """
    agent = settings.known_agents.get(name)
    if agent is None:
        return None
    entry: JsonObject = {"kind": str(agent.kind), "queue": agent.queue or settings.task_queue}
    if agent.kind == AgentKind.LOCAL:
        return entry
    entry |= agent.model_dump(mode="json", exclude={"kind", "queue", "model", "base_url"})
    try:
        access = model_for(settings, strategy, agent.model_copy(update={"api_key_env": None}))
    except Conflict:
        access = None
    entry["model"] = access.name if access is not None else None
    entry["base_url"] = access.base_url if access is not None else None
    return entry


def sandbox_entry(settings: Settings) -> JsonObject:
    """The sandbox settings: what commands may read and connect to."""
    read = sorted(str(folder) for folder in settings.sandbox_read)
    return {"sandbox": settings.sandbox, "read": [*read], "network": settings.sandbox_network}


def action_entry(kind: type[Action]) -> FrozenAction:
    """The package that provides an action, and the defaults of its fields."""
    package, version = _distributions().get(kind.type, (_OWN_PACKAGE, ""))
    own = package == _OWN_PACKAGE
    return FrozenAction(package=package, version="" if own else version, defaults=_defaults(kind.fields_model))


@cache
def _defaults(fields: type[BaseModel]) -> JsonObject:
    """The defaults of an action's fields, which every task compares with what was signed."""
    properties: dict[str, JsonObject] = fields.model_json_schema().get("properties", {})
    return {name: value["default"] for name, value in properties.items() if "default" in value}


@cache
def _distributions() -> dict[str, tuple[str, str]]:
    return {point.name: (point.dist.name, point.dist.version) for point in entry_points(group=GROUP) if point.dist}
