"""Shows progress: a picture that is redrawn on a terminal, or one line per event elsewhere."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.cli.display import SIGNS, STYLES, duration, visible
from app.cli.progress import FINISHED
from app.cli.words import takes_effect
from app.domain.identity import parse_time
from signoff.schemas.event_data import (
    DecisionMade,
    DecisionRequested,
    PhaseData,
    TaskData,
    TaskMoved,
    TaskProgress,
    TaskStarted,
)
from signoff.vocabulary import GateKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType

    from app.cli.progress import Progress, ShownPhase, ShownTask
    from signoff.schemas.events import Event

_REDRAW_SECONDS = 0.25
# With fewer lines for phases and for tasks, the picture would say too little.
_MIN_LINES = 4


def progress_picture(progress: Progress, now: datetime, height: int) -> RenderableType:
    """Phases with their bars, and tasks in progress with their elapsed time, in about `height` lines at most."""
    room = max(_MIN_LINES, (height - 4) // 2)
    parts: list[RenderableType] = [_headline(progress, now), _phases(list(progress.phases.values()), room)]
    active = [task for phase in progress.phases.values() for task in phase.tasks.values() if _is_active(task)]
    if active:
        parts.append(_tasks(active[:room], now))
    if len(active) > room:
        parts.append(Text(f"  … {len(active) - room} more in progress", style="dim"))
    parts += [Text(hint, style="yellow", overflow="fold") for _, hint in islice(person_hints(progress), room)]
    return Group(*parts)


def person_hints(progress: Progress) -> Iterable[tuple[str, str]]:
    """What the project needs from a person: the id it concerns, and a line with the command to type."""
    approve = f"signoff projects approve {progress.project_id}"
    if progress.stage == "awaiting_approval":
        what = "An edit of the plan" if progress.is_run_edited else "The plan"
        until = progress.undo_until(GateKind.PLAN, GateKind.EDIT)
        yield progress.project_id, _approved(progress, what, until) or f"{what} waits for approval: {approve}"
    if progress.stage == "changes_requested":
        command = f"signoff projects show {progress.project_id}"
        yield progress.project_id, f"A reviewer requested changes to the plan: {command}"
    gate = progress.gate()
    if gate is not None:
        what = f"Phase '{visible(gate.name)}'"
        until = progress.undo_until(GateKind.PHASE)
        yield gate.id, _approved(progress, what, until) or f"{what} waits for approval: {approve}"
    for task in progress.person_tasks():
        command, what = ("retry", "to be released") if task.awaits_release else ("complete", "for a person")
        yield task.id, f"{task.key} waits {what}: signoff tasks {command} {progress.project_id} {task.key}"
    for task, question in progress.open_questions():
        answer = "|".join(visible(option) for option in question.options) or "ANSWER"
        command = f"signoff decisions answer {progress.project_id} {question.id} {answer}"
        yield task.id, f"{task.key}: {visible(question.text)} {command}"
    if progress.stage == "paused":
        yield progress.project_id, f"The run is paused: signoff projects resume {progress.project_id}"


def _approved(progress: Progress, what: str, until: str | None) -> str | None:
    """What to say of something whose approval can still be withdrawn; None if it has not got its approvals."""
    if until is None:
        return None
    return (
        f"{what} is approved. That {takes_effect(until)}. To withdraw it: signoff projects undo {progress.project_id}"
    )


def event_line(event: Event, progress: Progress) -> Text | None:
    """One line about `event`, which `progress` has already applied; None if it needs no line."""
    subject, _, verb = event.type.partition(".")
    if verb == "created":
        return None
    words, data = verb.replace("_", " "), event.payload
    status = "running" if verb == "started" else verb
    match data:
        case DecisionRequested():
            return _line(event, "waiting", f"  {visible(data.key)} asks for a decision")
        case DecisionMade():
            about = f"{visible(data.key)} " if data.key else ""
            gate = data.gate or {}
            so_far = f" ({gate['given']} of {gate['needed']})" if "given" in gate else ""
            return _line(event, "", f"  {about}decided: {visible(data.answer or data.kind)}{so_far}")
        case TaskData() | TaskProgress():
            task = progress.task(data.task_id)
            note = f": {visible(task.note)}" if task and task.note else ""
            what = f"  {visible(data.key)} {words}{_in_brackets(data)}{note}"
            return _line(event, task.status if task else verb, what)
        case PhaseData():
            return _line(event, status, f"{visible(data.name)} {words}")
        case _:
            return _line(event, status, f"{subject} {words}")


def _line(event: Event, status: str, what: str) -> Text:
    at = parse_time(event.at).astimezone().strftime("%H:%M:%S")
    return Text.assemble((f"{at} ", "dim"), (f"{SIGNS.get(status, '·')} {what}", STYLES.get(status, "")))


def _in_brackets(data: TaskData | TaskProgress) -> str:
    attempt = data.attempt if isinstance(data, TaskStarted | TaskMoved | TaskProgress) else None
    parts = [f"attempt {attempt}"] if attempt is not None and attempt > 1 else []
    if isinstance(data, TaskMoved) and data.duration_ms is not None:
        parts.append(duration(data.duration_ms))
    return f" ({', '.join(parts)})" if parts else ""


def _headline(progress: Progress, now: datetime) -> Text:
    elapsed = duration(max(0.0, (now - progress.started_at).total_seconds() * 1000)) if progress.started_at else ""
    stage = progress.stage.replace("_", " ")
    return Text.assemble((visible(progress.name), "bold"), f"  {stage}  ", (elapsed, "dim"))


def _phases(phases: list[ShownPhase], room: int) -> RenderableType:
    # If there are more phases than lines, show those around the running one.
    running = next((index for index, phase in enumerate(phases) if phase.status not in FINISHED), len(phases))
    first = max(0, min(running - 1, len(phases) - room))
    table = Table.grid(padding=(0, 1))
    for phase in phases[first : first + room]:
        style = STYLES.get(phase.status, "")
        done, total = phase.count("completed"), len(phase.tasks)
        bar = ProgressBar(total=max(total, 1), completed=done if total else int(phase.status in FINISHED), width=24)
        counts = Text(f"{done}/{total}")
        for status in ("failed", "skipped", "running"):
            if number := phase.count(status):
                counts += Text(f"  {number} {status}", style=STYLES[status])
        table.add_row(
            Text(SIGNS.get(phase.status, " "), style=style), Text(visible(phase.name), style=style), bar, counts
        )
    hidden = len(phases) - room
    return Group(table, Text(f"  … {hidden} more phases", style="dim")) if hidden > 0 else table


def _tasks(tasks: list[ShownTask], now: datetime) -> Table:
    table = Table.grid(padding=(0, 1))
    for task in tasks:
        since = duration(max(0.0, (now - task.since).total_seconds() * 1000)) if task.since else ""
        attempt = f"attempt {task.attempt}" if task.attempt > 1 else ""
        style = STYLES[task.status]
        sign = Text(f"  {SIGNS[task.status]}", style=style)
        note = Text(" ".join(part for part in (attempt, visible(task.note)) if part), style="dim")
        table.add_row(sign, Text(task.key, style=style), Text(since, justify="right"), note)
    return table


def _is_active(task: ShownTask) -> bool:
    return task.status in {"running", "waiting"} and not task.needs_person and task.question is None


class Screen:
    """Shows a project's progress inside a `with` block; `quiet` shows nothing.

    Args:
        console: where to write: a picture if it is a terminal, lines otherwise.
    """

    def __init__(self, console: Console, progress: Progress, *, quiet: bool = False) -> None:
        self._console = console
        self._progress = progress
        self._lines = not quiet and not console.is_terminal
        self._live: Live | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._pictures = not quiet and console.is_terminal

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def tell(self, event: Event) -> None:
        """Print a line about `event`, which the progress has already applied."""
        line = event_line(event, self._progress) if self._lines else None
        if line is None:
            return
        self._console.print(line, soft_wrap=True)
        about = [event.data.get("task_id"), event.data.get("phase_id")]
        for subject, hint in person_hints(self._progress):
            if subject in about:
                self._console.print(Text(f"  {hint}"), soft_wrap=True)

    def resume(self) -> None:
        """Start drawing below what is on the screen."""
        if self._pictures:
            self._live = Live(console=self._console, get_renderable=self._draw, auto_refresh=False, transient=True)
            self._live.start(refresh=True)
            self._ticker = asyncio.create_task(self._tick(self._live))

    def pause(self) -> None:
        """Remove the picture, so that something else can be written."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> RenderableType:
        return progress_picture(self._progress, datetime.now(UTC), self._console.height)

    @staticmethod
    async def _tick(live: Live) -> None:
        while True:
            await asyncio.sleep(_REDRAW_SECONDS)
            live.refresh()
