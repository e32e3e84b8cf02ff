"""Follows a project to its end, and asks the person at the terminal about everything that waits for a person."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from rich.text import Text

from app.cli.approvals import still_waits
from app.cli.asking import ask, choose
from app.cli.display import (
    follows_text,
    visible,
)
from app.cli.live import Screen
from app.cli.progress import Progress, Question, ShownPhase, ShownTask
from app.cli.results import fetch_plan
from app.cli.shown_files import read_shown, show_instructions
from app.cli.signing import confirm, show_findings, warn_in_full, with_accepted
from app.cli.terms import proposal_text
from signoff import SignoffError, to_json
from signoff.vocabulary import GateKind

if TYPE_CHECKING:
    from rich.console import Console

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.answers import Recorded, StatusAnswer
    from signoff.schemas.events import Event


class Follower:
    """Shows a project's progress until it finishes. Following again resumes where it stopped.

    Args:
        asks: whether to ask the person at the terminal about tasks, phases and decisions that wait for a person.
        quiet: whether to show nothing.
    """

    def __init__(self, api: AsyncSignoff, project: Json, console: Console, *, asks: bool, quiet: bool) -> None:
        self._api = api
        self._progress = Progress(project["id"], project["name"])
        self._screen = Screen(console, self._progress, quiet=quiet)
        self._questions = _Questions(api, self._progress, self._screen, console) if asks else None
        self._seen = 0

    @property
    def is_being_cancelled(self) -> bool:
        """Whether the project is cancelled or being cancelled, according to its events."""
        return self._progress.stage in {"cancelling", "cancelled"}

    async def follow(self) -> None:
        """Follow the project until it finishes or is deleted.

        Raises:
            SignoffError: the API refused a request, or stopped answering.
        """
        project_id = self._progress.project_id
        plan = await fetch_plan(self._api, project_id)
        if plan is not None:
            self._progress.show_plan(plan)
        with self._screen:
            try:
                async with aclosing(self._api.projects.events(project_id, after=self._seen)) as events:
                    async for event in events:
                        await self._take(event)
                        if event.type == "project.deleted":
                            return
            finally:
                if self._questions is not None:
                    await self._questions.drop()

    async def _take(self, event: Event) -> None:
        if self._progress.needs_plan(event):
            plan = await fetch_plan(self._api, self._progress.project_id)
            if plan is not None:
                self._progress.show_plan(plan)
        self._seen = event.seq
        self._progress.apply(event)
        self._screen.tell(event)
        if self._questions is not None:
            await self._questions.consider()


_Subject = ShownPhase | ShownTask | Question


class _Questions:
    """Asks about each task and phase that waits for a person, and about each open decision: once, and one at a time."""

    def __init__(self, api: AsyncSignoff, progress: Progress, screen: Screen, console: Console) -> None:
        self._api = api
        self._progress = progress
        self._screen = screen
        self._console = console
        self._asked: set[str] = set()
        self._subject: _Subject | None = None
        self._asking: asyncio.Task[None] | None = None

    async def consider(self) -> None:
        """Ask the next question. Withdraw one that was answered elsewhere."""
        gate = self._progress.gate()
        if self._progress.is_run_edited or self._progress.undo_until(GateKind.PHASE) is not None:
            # The page and the commands show an edit first. What is approved needs no other answer.
            gate = None
        subjects: list[_Subject] = [*self._progress.person_tasks()]
        subjects += [question for _, question in self._progress.open_questions()]
        waiting = {subject.id: subject for subject in [*subjects, *([gate] if gate else [])]}
        if self._subject is not None and self._subject.id not in waiting:
            await self.drop()
        self._asked &= waiting.keys()
        unasked = [subject for subject in waiting.values() if subject.id not in self._asked]
        if self._subject is None and unasked and self._progress.stage != "cancelling":
            self._subject = unasked[0]
            self._asking = asyncio.create_task(self._ask(unasked[0]))

    async def drop(self) -> None:
        """Withdraw the open question."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        self._subject = self._asking = None

    async def _ask(self, subject: _Subject) -> None:
        self._asked.add(subject.id)
        self._screen.pause()
        try:
            await self._ask_and_answer(subject)
        except EOFError:
            self._console.print(Text("Left open. To answer it later: signoff inbox", style="yellow"))
        except SignoffError as error:
            self._console.print(Text(f"Error: {visible(str(error))}", style="red"), soft_wrap=True)
        finally:
            self._screen.resume()
        self._subject = self._asking = None
        await self.consider()

    async def _ask_and_answer(self, subject: _Subject) -> None:
        match subject:
            case ShownTask() if subject.awaits_release:
                await self._ask_to_release(subject)
            case ShownTask():
                await self._ask_whether_done(subject)
            case Question():
                await self._ask_question(subject)
            case ShownPhase():
                await self._ask_to_start(subject)

    async def _ask_to_start(self, phase: ShownPhase) -> None:
        project_id = self._progress.project_id
        bound = self._progress.bound
        critical = await show_findings(self._api, self._console, project_id, phase.tasks.keys())
        question = f"Phase '{visible(phase.name)}' waits for your approval. Start it?"
        if await confirm(self._console, question, critical) is None:
            comment = with_accepted(None, critical)
            approved = await self._api.projects.approve(project_id, phase_id=phase.id, comment=comment, **bound)
            self._say_what_is_missing(approved)

    def _say_what_is_missing(self, answer: StatusAnswer | Recorded) -> None:
        if (waits := still_waits(to_json(answer))) is not None:
            self._console.print(Text(waits), soft_wrap=True)

    async def _ask_whether_done(self, task: ShownTask) -> None:
        project_id = self._progress.project_id
        asked = to_json(await self._api.tasks.get(project_id, task.id))
        await show_instructions(self._api, self._console, project_id, asked)
        shown = await read_shown(self._api, project_id, asked["action"])
        if shown.checksums:
            self._console.print(shown.text, soft_wrap=True)
        if await ask(self._console, f"{task.key}: {visible(task.title)}. Done?"):
            await self._api.tasks.complete(project_id, task.id, read=shown.checksums or None)

    async def _ask_question(self, question: Question) -> None:
        project_id = self._progress.project_id
        asked = to_json(await self._api.decisions.get(project_id, question.id))
        if asked["follows"]:
            self._console.print(follows_text(asked["follows"]))
        if asked["other_than"]:
            others = visible(" and ".join(asked["other_than"]))
            self._console.print(
                Text(f"Only somebody other than whoever answered {others} can answer this."), soft_wrap=True
            )
        if asked["proposal"]:
            self._console.print(Text(proposal_text(asked["proposal"])), soft_wrap=True)
        exact = asked["kind"] != "agent"
        answer = await choose(self._console, visible(question.text), question.options, exact=exact)
        await self._api.decisions.answer(project_id, question.id, answer)

    async def _ask_to_release(self, task: ShownTask) -> None:
        project_id = self._progress.project_id
        question = f"{task.key}: {visible(task.title)}. Run it now, or is it done by hand, or skip it?"
        critical = await show_findings(self._api, self._console, project_id, [task.id])
        whole = warn_in_full(self._console, critical, "run")
        answer = await choose(self._console, question, ("run", "done", "skip"), whole=whole)
        if answer == "run":
            await self._api.tasks.retry(project_id, task.id, comment=with_accepted(None, critical))
        elif answer == "done":
            await self._api.tasks.complete(project_id, task.id)
        elif answer == "skip":
            await self._api.tasks.skip(project_id, task.id)
