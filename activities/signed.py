"""Checks that a task runs exactly what was signed: immediately before it starts, and again after it has ended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from activities.actions.sandbox import frozen_entry
from activities.actions.task_environment import search_path
from app import signing
from app.domain import references
from app.domain.actions import Action
from app.domain.decisions import QuestionKind
from app.domain.frozen import ChangeDetails, Difference, Frozen, as_text, compare_texts, question_about, reference_of
from app.domain.limits import TaskLimits
from app.domain.named_files import Named, named_by
from app.domain.plan import DEFAULT_AGENT
from app.domain.run_files import RunFiles, run_by
from app.domain.unseen import does_run
from app.settings import Settings
from app.storage import freezing, signed_files
from app.storage.attempt_values import Question, Started
from app.storage.locks import hold_project
from app.storage.questions import ANSWERS_TO_A_CHANGE
from app.workspace.file_hashes import Hashed, cached_checksums, hash_files

R = TypeVar("R")
# Characters of an action that are read in at most 3 ms.
SHORT_ACTION = 400


class Persist(Protocol):
    """Runs work against the database, and retries until the database is available."""

    def __call__(self, work: Callable[[Connection], R]) -> Awaitable[R]:
        """Return the result of `work`."""
        ...


class SignedChanged(Exception):
    """Something differs from what was signed, so the task waits for a person's decision."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


class SignedState:
    """Compares the frozen values for one attempt with the current state.

    Args:
        persist: runs work against the database, which stores answers, uploads and changes made by tasks; it retries
            until the database is available.
        settings: the settings of this worker.
        kind: the action of the task.
        started: the attempt.

    Attributes:
        explained: differences that `check` found and could explain, each with the task or decision that caused it.
    """

    def __init__(self, persist: Persist, settings: Settings, kind: type[Action], started: Started) -> None:
        self._persist = persist
        self._settings = settings
        self._kind = kind
        self._started = started
        self._frozen = Frozen.model_validate(started.frozen) if started.frozen is not None else None
        self._before: dict[str, str | None] = {}
        self.explained: list[dict[str, str | None]] = []
        # The files that the task runs.
        self._run = RunFiles()
        # What a person has read, or should have read, of the files that a task of the plan shows: what it was, by path.
        self._shown: dict[str, str | None] = {}

    async def check(self) -> None:
        """Check that everything the task runs was signed, was made by an earlier task, or was accepted by a person.

        Raises:
            SignedChanged: it finds any other difference.
        """
        if self._frozen is None:
            return
        frozen = self._frozen
        # A switch of threads costs more than reading a short command.
        is_short = len(str(self._started.task.action)) <= SHORT_ACTION
        named = self._named() if is_short else await asyncio.to_thread(self._named)
        await self._look_up_shown(frozen)
        named_files = [path for path in named.paths if path in frozen.files]
        others = [path for path in frozen.files if path not in named_files]
        workspace = self._started.project.workspace
        # Most tasks name no files, and a thread costs them more than the rest of this check.
        self._before = await asyncio.to_thread(cached_checksums, workspace, others) if others else {}
        known = dict.fromkeys([*named_files, *self._shown])
        now = await asyncio.to_thread(hash_files, workspace, known) if known else {}
        self._before |= {path: _checksum(now, path) for path in named_files}
        changed = [*self._files(frozen, named_files), *self._not_as_read(now)]
        differences = [*self._surroundings(frozen, named), *changed]
        if not differences:
            return
        left, self.explained = await self._persist(lambda conn: self._unexplained(conn, frozen, differences))
        if left:
            raise SignedChanged(await self._question(left, now))

    async def left_behind(self) -> dict[str, str | None]:
        """Signed files that changed since `check`, except those that somebody uploaded."""
        if self._frozen is None or not self._before:
            return {}
        after = await asyncio.to_thread(cached_checksums, self._started.project.workspace, self._before)
        changed = {path: sha256 for path, sha256 in after.items() if sha256 != self._before[path]}
        return await self._persist(lambda conn: self._not_uploaded(conn, changed)) if changed else {}

    def limits(self) -> TaskLimits:
        """Resource limits for the task's commands: from the task, or else as signed, or else from this worker's settings."""
        signed = self._frozen.task_limits if self._frozen is not None else None
        defaults = TaskLimits.model_validate(signed) if signed is not None else self._settings.task_limits
        return defaults.model_copy(update={**self._started.task.limits})

    def _named(self) -> Named:
        action, workspace = self._started.task.action, self._started.project.workspace
        self._run = run_by(action, workspace)
        return named_by(action, workspace)

    async def _look_up_shown(self, frozen: Frozen) -> None:
        """Find the files that people read before this task runs them, with everything that was shown together with them."""
        shown = {key: paths for key, paths in (frozen.shown or {}).items() if any(self._runs(path) for path in paths)}
        if shown:
            project_id = self._started.project.id
            read = await self._persist(lambda conn: signed_files.read_by_people(conn, project_id, list(shown)))
            signed = {path: file.sha256 for path, file in frozen.files.items()}
            self._shown = {path: read.get(path, signed.get(path)) for paths in shown.values() for path in paths}

    def _runs(self, path: str) -> bool:
        return does_run(self._run, path)

    def _not_as_read(self, now: dict[str, Hashed]) -> Iterator[Difference]:
        for path, read in self._shown.items():
            current = _checksum(now, path)
            if current != read:
                yield Difference("file", path, read, current)

    def _files(self, frozen: Frozen, named_files: Iterable[str]) -> Iterator[Difference]:
        for path in named_files:
            if path not in self._shown and self._before[path] != frozen.files[path].sha256:
                yield Difference("file", path, frozen.files[path].sha256, self._before[path])

    def _surroundings(self, frozen: Frozen, named: Named) -> Iterator[Difference]:
        """Differences in the task's environment that affect this task."""
        project, task, settings = self._started.project, self._started.task, self._settings
        name = task.agent_id or project.agent_id or DEFAULT_AGENT
        if name in frozen.agents:
            entry = signing.agent_entry(settings, name, str(self._started.settings.get("strategy")))
            yield from _compared("agent", name, frozen.agents[name], entry)
        if self._kind.type in frozen.actions:
            action = frozen.actions[self._kind.type].model_dump()
            yield from _compared("action", self._kind.type, action, signing.action_entry(self._kind).model_dump())
        if frozen.sandbox:
            yield from _compared("setting", "sandbox", frozen.sandbox, frozen_entry(settings))
        if frozen.http_allow is not None and self._kind.sends_requests:
            yield from _compared("setting", "http_allow", frozen.http_allow, sorted(settings.http_allow))
        if frozen.app_url is not None and "signoff.url" in references.expressions([task.inputs, task.action]):
            yield from _compared("setting", "signoff.url", frozen.app_url, settings.app_url)
        if settings.agent_queues.get(name, settings.task_queue) == settings.task_queue:
            path = search_path(map(str, settings.task_path))
            for program in named.programs:
                where = (frozen.programs or {}).get(program)
                if where is not None:
                    yield from _compared("program", program, where, shutil.which(program, path=path))

    def _unexplained(
        self, conn: Connection, frozen: Frozen, differences: list[Difference]
    ) -> tuple[list[Difference], list[dict[str, str | None]]]:
        """Split differences into those without an explanation, and those that a task of this plan or a person explains."""
        project_id = self._started.project.id
        hold_project(conn, project_id)
        accepted = signed_files.accepted(conn, project_id, frozen.at)
        left: list[Difference] = []
        explained: list[dict[str, str | None]] = []
        for item in differences:
            made = None
            if item.what == "file" and item.name not in self._shown:
                made = signed_files.left_behind(conn, project_id, item.name, frozen.files[item.name].at)
            if made is not None and made.by_model and frozen.products and self._runs(item.name):
                # The plan was signed before the model wrote this.
                made = None
            about = {"what": item.what, "name": item.name, "now": item.now}
            if made is not None and made.sha256 == item.now:
                explained.append({**about, "task": made.task_key})
            elif item.item in accepted:
                explained.append({**about, "decision_id": accepted[item.item]})
            else:
                left.append(item)
        return left, explained

    async def _question(self, differences: list[Difference], now: dict[str, Hashed]) -> Question:
        def explain(conn: Connection) -> list[Difference]:
            hold_project(conn, self._started.project.id)
            return [self._explained(conn, item, now.get(item.name)) for item in differences]

        explained = await self._persist(explain)
        details: ChangeDetails = {"differences": [item.stored() for item in explained]}
        text = question_about(self._started.task.title, explained)
        return Question(text, list(ANSWERS_TO_A_CHANGE), reference_of(differences), QuestionKind.CHANGED, details)

    def _explained(self, conn: Connection, item: Difference, hashed: Hashed | None) -> Difference:
        """Add the line-by-line difference, and who may have made the change."""
        if item.what != "file":
            return item._replace(text=compare_texts(item.signed or "", item.now or ""))
        project, since = self._started.project, self._since(item.name)
        signed = freezing.text_of(conn, project.id, project.plan_version, item.name)
        text = ""
        if hashed is not None and hashed.text is not None and (signed is not None or item.name in self._shown):
            text = compare_texts(signed or "", hashed.text)
        by = signed_files.uploaded(conn, project.id, item.name, item.now, since) if item.now is not None else None
        made = signed_files.left_behind(conn, project.id, item.name, since)
        running = signed_files.running_tasks(conn, project.id, self._started.task.id)
        nobody = item.name in self._shown and item.signed is None
        reasons = [
            "Nobody has read it." if nobody else "",
            f"{by} uploaded it." if by is not None else "",
            self._changed_by(item, made) if made is not None else "",
            f"Tasks running now: {', '.join(running[:5])}." if running and by is None else "",
        ]
        return item._replace(text=text, why=" ".join(filter(None, reasons)))

    def _since(self, path: str) -> str:
        if self._frozen is None:
            return ""
        return self._frozen.files[path].at if path in self._frozen.files else self._frozen.at

    @staticmethod
    def _changed_by(item: Difference, made: signed_files.Left) -> str:
        if made.sha256 == item.now:
            return f"The model of task '{made.task_key}' changed it, and nobody has read it since."
        return f"Task '{made.task_key}' changed it, and then something else changed it."

    def _not_uploaded(self, conn: Connection, changed: dict[str, str | None]) -> dict[str, str | None]:
        project_id, since = self._started.project.id, self._started.at
        hold_project(conn, project_id)
        return {
            path: sha256
            for path, sha256 in changed.items()
            if sha256 is None or signed_files.uploaded(conn, project_id, path, sha256, since) is None
        }


def _checksum(found: dict[str, Hashed], path: str) -> str | None:
    return found[path].sha256 or None if path in found else None


def _compared(what: str, name: str, signed: object, now: object) -> Iterator[Difference]:
    if signed != now:
        yield Difference(what, name, as_text(signed), as_text(now) if now is not None else None)
