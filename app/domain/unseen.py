"""Finds tasks that would run code which nobody has seen: a file that a model writes after the plan was signed.

A signature covers the texts in the plan and the files that exist. A manual task can show such a file to a person (`shows`).
The file then runs only as it was read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.agents import AgentEntry, AgentKind, AgentTool
from app.domain.audit import Found
from app.domain.named_files import named_by, script_of
from app.domain.plan import DEFAULT_AGENT, PlanDraft
from app.domain.run_files import RunFiles, is_code, run_by
from app.domain.validation import effective_dependencies
from signoff.schemas.json_value import JsonObject

CODE = "runs_unseen_code"
# The output of a task that shows files: the checksum of each file as the person has read it, by path.
READ = "read"
# A workspace whose location is not known yet.
ANYWHERE = "/workspace"
_MAX_NAMED = 5
_WRITING = frozenset({">", ">>", ">|", "&>", "&>>"})
# Programs that bring files into the workspace.
_BRINGING = frozenset(
    {"git", "tar", "unzip", "curl", "wget", "cp", "mv", "tee", "install", "ln", "rsync", "scp", "svn", "hg", "gunzip"}
)


class Step(NamedTuple):
    """A task, as far as it matters here. `needs` has the keys of the tasks that it waits for."""

    id: str
    key: str
    action: JsonObject
    agent_id: str | None
    needs: Sequence[str]
    expected_files: Sequence[str]


class Unseen(NamedTuple):
    """A task that runs files which a model writes.

    Attributes:
        step: the task.
        paths: the files.
        writers: the keys of the tasks whose models write them, or could write them.
        certain: whether the plan says that they write them. False if nothing else in the plan explains the files.
    """

    step: Step
    paths: tuple[str, ...]
    writers: tuple[str, ...]
    certain: bool


def steps_of(draft: PlanDraft) -> list[list[Step]]:
    """The tasks of a draft, by phase. A draft has no ids, so the keys replace them."""
    return [
        [
            Step(task.key, task.key, task.action.model_dump(mode="json"), task.agent_id, needs, task.expected_files)
            for task, needs in zip(phase.tasks, effective_dependencies(phase), strict=True)
        ]
        for phase in draft.phases
    ]


def shown_in(draft: PlanDraft) -> dict[str, list[str]]:
    """The files that each task of a plan shows to a person, by the key of the task."""
    shown = {task.key: shown_by(task.action.model_dump(mode="json")) for task in draft.tasks()}
    return {key: paths for key, paths in shown.items() if paths}


def shown_by(action: JsonObject) -> list[str]:
    """The files that a manual task shows to a person."""
    paths = action.get("shows") if action.get("type") == "manual" else None
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def does_run(found: RunFiles, path: str) -> bool:
    """Whether a command runs a file, or a program that it starts looks for such files and runs them."""
    return (found.searches and is_code(path)) or any(path in run.paths for run in found.named)


def find_unseen(
    phases: Sequence[Sequence[Step]],
    agents: Mapping[str, AgentEntry],
    *,
    workspace: str = ANYWHERE,
    exists: Callable[[str], bool] | None = None,
) -> Iterator[Unseen]:
    """Find the tasks that run what a model writes, and that no earlier task shows to a person.

    Args:
        phases: the tasks of the plan, by phase.
        agents: the agents that execute tasks. A task without an agent has the agent `default`.
        workspace: the absolute path of the workspace.
        exists: whether a file was in the workspace when the plan was made or approved. If this is not known, only files that
            the plan expects from models are found.
    """
    begun: list[Step] = []
    seen_before: set[str] = set()
    for phase in phases:
        begun += phase
        writing = [step for step in begun if step.action["type"] == "agent"]
        showing = [step for step in phase if shown_by(step.action)]
        needs, dependents = {step.key: step.needs for step in phase}, _dependents(phase)
        for step in phase if writing else ():
            found = run_by(step.action, workspace)
            if not found.named and not found.searches:
                continue
            after, before = _closure(step.key, dependents), _closure(step.key, needs)
            writers = [other for other in writing if other.key not in after]
            read = {path for other in showing if other.key in before for path in shown_by(other.action)}
            known = _Known(seen_before | read, begun, workspace, exists or _always)
            yield from _expected(step, found, writers, known)
            if exists is not None:
                able = [writer for writer in writers if _can_write(writer, agents)]
                yield from _unexplained(step, found, able, known)
        seen_before.update(path for step in showing for path in shown_by(step.action))


def _always(path: str) -> bool:
    del path
    return True


def _expected(step: Step, found: RunFiles, writers: Sequence[Step], known: _Known) -> Iterator[Unseen]:
    """The files that a step runs and that the plan expects from models."""
    by_path: dict[str, list[str]] = {}
    for writer in writers:
        for path in _written(writer, found):
            if path not in known.seen:
                by_path.setdefault(path, []).append(writer.key)
    if by_path:
        keys = dict.fromkeys(key for keys in by_path.values() for key in keys)
        yield Unseen(step, tuple(by_path), tuple(keys), certain=True)


def _written(writer: Step, found: RunFiles) -> Iterator[str]:
    for expected in map(posixpath.normpath, writer.expected_files):
        if does_run(found, expected):
            yield expected
        for run in found.named:
            yield from (path for path in run.paths if path.startswith(f"{expected}/"))


class _Known(NamedTuple):
    """What a step can build on: the files that people have seen before it, and the tasks up to its phase."""

    seen: set[str]
    tasks: Sequence[Step]
    workspace: str
    exists: Callable[[str], bool]

    def explains(self, path: str, step: Step) -> bool:
        """Whether something other than a model puts the file there."""
        if path in self.seen or self.exists(path) or _makes(step.action, path):
            return True
        others = (other for other in self.tasks if other is not step and other.action["type"] != "agent")
        return any(self._may_make(other, path) for other in others)

    def _may_make(self, other: Step, path: str) -> bool:
        expected = any(_is_at(path, posixpath.normpath(name)) for name in other.expected_files)
        if expected or other.action.get("save_to") == path or _makes(other.action, path):
            return True
        run = run_by(other.action, self.workspace).named
        is_run = any(path in item.paths for item in run if item.certain)
        return path in named_by(other.action, self.workspace).paths and not is_run


def _unexplained(step: Step, found: RunFiles, writers: Sequence[Step], known: _Known) -> Iterator[Unseen]:
    """The files that a step runs, and that only a model could have put there."""
    expected = {posixpath.normpath(name) for writer in writers for name in writer.expected_files}
    for run in found.named if writers else ():
        promised = any(_is_at(path, name) for path in run.paths for name in expected)
        if run.certain and not promised and not any(known.explains(path, step) for path in run.paths):
            yield Unseen(step, run.paths[-1:], tuple(writer.key for writer in writers), certain=False)


def _makes(action: JsonObject, path: str) -> bool:
    """Whether a command writes a file, or brings something into the workspace whose name fits."""
    if action.get("type") != "shell":
        return False
    parts = set(path.split("/"))
    for command in script_of(action).commands:
        targets = [item.target.value for item in command.redirections if item.operator in _WRITING]
        if any(target is not None and posixpath.normpath(target) == path for target in targets):
            return True
        if command.program in _BRINGING:
            names = [(word.value or "").rstrip("/").rpartition("/")[2] for word in command.effective[1:]]
            if any(name in parts or name.partition(".")[0] in parts for name in names if name):
                return True
    return False


def _is_at(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _can_write(writer: Step, agents: Mapping[str, AgentEntry]) -> bool:
    agent = agents.get(writer.agent_id or DEFAULT_AGENT)
    able = {AgentTool.WRITE_FILE, AgentTool.RUN_COMMAND}
    return agent is None or (agent.kind == AgentKind.MODEL and not able.isdisjoint(agent.tools))


def _dependents(phase: Sequence[Step]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in phase:
        for key in step.needs:
            found.setdefault(key, []).append(step.key)
    return found


def _closure(key: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    """A key, and everything that can be reached from it."""
    found, waiting = {key}, [key]
    while waiting:
        more = [key for key in edges.get(waiting.pop(), ()) if key not in found]
        found.update(more)
        waiting += more
    return found


def check_unseen(found: Iterable[Unseen]) -> Iterator[Found]:
    """What the person who signs a plan should know about code that a model writes."""
    for item in found:
        key, paths, writers = item.step.key, _listed(item.paths), _listed([f"'{name}'" for name in item.writers])
        plural = len(item.writers) > 1
        if item.certain:
            what = (
                f"Task '{key}' runs {paths}, which a model writes in task {writers}, and which no person reads first."
            )
        else:
            where = "tasks" if plural else "task"
            what = (
                f"Task '{key}' runs {paths}, which is not in the workspace, and which only the model of {where} {writers} "
                "could write. No person reads it first."
            )
        yield Found(
            "high",
            CODE,
            what,
            "Put a manual task between them that shows the file (`shows`), or put the script into the plan.",
            item.step.id,
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMED])
    return f"{shown} and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else shown
