"""`signoff inbox`: lists what waits for you across all projects and, in a terminal, asks about one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from app.cli.approvals import gate_of, still_waits, who_must_approve
from app.cli.asking import can_ask, choose
from app.cli.command import as_json_option, client_command, console, print_json
from app.cli.display import Json, follows_text, phases_tree, review_text, visible
from app.cli.frozen import seen
from app.cli.listing import extra, fixed, short_ids, table, title
from app.cli.questions import name_open, show_plan
from app.cli.shown_files import read_shown, show_instructions
from app.cli.signing import (
    APPROVE,
    print_page,
    show_before_signing,
    show_findings,
    show_release,
    warn_in_full,
    with_accepted,
)
from app.cli.tables import moment
from app.cli.terms import proposal_text
from app.cli.words import INBOX_KINDS
from signoff import AsyncSignoff, Conflict, NotFound, SignoffError, to_json
from signoff.vocabulary import GateKind

if TYPE_CHECKING:
    from rich.console import RenderableType

LATER, QUIT = "later", "quit"
_MAX_ITEMS = 200
# What is worth a place in the list.
_SHOWN = ("critical", "high", "medium")


@click.command()
@click.option(
    "--limit", type=click.IntRange(1, _MAX_ITEMS), default=20, show_default=True, help="List at most this many."
)
@click.option("--offset", type=click.IntRange(0), default=0, help="Leave out this many from the beginning.")
@click.option("--list", "only_list", is_flag=True, help="List only; do not ask.")
@as_json_option
@client_command
async def inbox(api: AsyncSignoff, *, limit: int, offset: int, only_list: bool, as_json: bool) -> int:
    """List and answer what waits for you.

    Across all projects: plans, phases, tasks, decisions and failed tasks that you may settle. What expires comes first, then the
    oldest. In a terminal, the command shows one after the other, with its findings, and asks. Answer `later` to leave one as it
    is, and `quit` to stop. If there are critical findings, type the word that approves in full. Plans to which changes were
    requested wait for their authors, and are shown without a question.
    """
    found = await api.inbox(limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return 0
    listed, out = to_json(found), console()
    out.print(inbox_list(listed))
    if only_list or not can_ask():
        return 0
    for number, item in enumerate(listed["items"], start=1):
        out.print(Text(f"\n{number} of {len(listed['items'])}: {_headline(item)}", style="bold"), soft_wrap=True)
        if await _settle(api, out, item) == QUIT:
            break
    return 0


def inbox_list(answer: Json) -> RenderableType:
    """A table of what waits, and how much more there is."""
    items: list[Json] = answer["items"]
    if not items:
        return Text("Nothing is waiting for you." if not answer["total"] else "There is nothing here.", style="dim")
    project = short_ids(item["project_id"] for item in items)
    rows = [
        (
            project(item["project_id"]),
            Text(_named(item), style="yellow"),
            item["project_name"],
            item["title"],
            _findings(item),
            moment(item["since"]),
            Text(moment(item["expires_at"]), style="red" if item["expires_at"] else ""),
        )
        for item in items
    ]
    columns = (
        *(fixed("id"), fixed("waits"), title("project"), title("")),
        *("findings", extra("since"), extra("until")),
    )
    return table(columns, rows, footer=f"{len(items)} of {answer['total']}")


def _named(item: Json) -> str:
    kind: str = item["kind"]
    return INBOX_KINDS.get(kind, kind)


def _findings(item: Json) -> Text:
    counts: dict[str, int] = item["findings"] or {}
    words = [f"{counts[name]} {name}" for name in _SHOWN if counts.get(name)]
    return Text(", ".join(words), style="red" if counts.get("critical") or counts.get("high") else "yellow")


def _headline(item: Json) -> str:
    title = f": {visible(item['title'])}" if item["title"] else ""
    until = f" (until {moment(item['expires_at'])})" if item["expires_at"] else ""
    return f"{visible(item['project_name'])}, {_named(item)}{title}{until}"


Asking = Callable[[AsyncSignoff, Console, Json], Awaitable[str | None]]


async def _settle(api: AsyncSignoff, out: Console, item: Json) -> str | None:
    """Show an item, ask about it, and send the answer. Returns `quit` if the person wants to stop."""
    asking = _ASKING.get(item["kind"], _ask_question)
    try:
        answer = await asking(api, out, item)
    except (Conflict, NotFound) as error:
        out.print(Text(f"Not done: {visible(str(error))}", style="red"), soft_wrap=True)
        return None
    except SignoffError as error:
        out.print(Text(f"Error: {visible(str(error))}", style="red"), soft_wrap=True)
        return None
    if answer not in {LATER, QUIT}:
        out.print(Text("Done.", style="green"))
    return answer


async def _choose(out: Console, question: str, *options: str, exact: bool = True, whole: str | None = None) -> str:
    """Ask until the reply is one of the options, or may be any text. The end of the input stops."""
    try:
        return await choose(out, question, (*options, LATER, QUIT), exact=exact, whole=whole)
    except EOFError:
        return QUIT


async def _ask_plan(api: AsyncSignoff, out: Console, item: Json) -> str:
    project_id: str = item["project_id"]
    project = await api.projects.get(project_id)
    plan = to_json(await api.projects.plan(project_id, version=item["plan_version"]))
    show_plan(out, plan, item["project_name"])
    name_open(out, plan)
    critical = await show_before_signing(api, out, project, plan, GateKind.PLAN, GateKind.EDIT)
    question = (
        "Approve and run this plan?" if item["kind"] == "plan" else "Continue the run with this version of the plan?"
    )
    answer = await _choose(out, question, APPROVE, whole=warn_in_full(out, critical, APPROVE))
    if answer == APPROVE:
        await _approve(api, out, project_id, critical, **seen(plan))
    return answer


async def _ask_phase(api: AsyncSignoff, out: Console, item: Json) -> str:
    project_id, phase_id = item["project_id"], item["phase_id"]
    project = await api.projects.get(project_id)
    plan = to_json(await api.projects.plan(project_id, version=project.plan.version if project.plan else None))
    phases = [phase for phase in plan["phases"] if phase["id"] == phase_id]
    tasks = [task for phase in phases for task in phase["tasks"]]
    keys = {task["id"]: task["key"] for phase in plan["phases"] for task in phase["tasks"]}
    out.print(phases_tree(Text(visible(item["project_name"]), style="bold"), {**plan, "phases": phases}, keys))
    critical = await show_findings(api, out, project_id, {task["id"] for task in tasks})
    gate = gate_of(project, GateKind.PHASE)
    if gate is not None and (demands := who_must_approve(gate)) is not None:
        out.print(demands, soft_wrap=True)
    question = f"Start phase '{visible(item['title'])}'?"
    answer = await _choose(out, question, APPROVE, whole=warn_in_full(out, critical, APPROVE))
    if answer == APPROVE:
        await _approve(api, out, project_id, critical, phase_id=phase_id, **seen(plan))
    return answer


async def _approve(api: AsyncSignoff, out: Console, project_id: str, critical: list[Json], **bound: Any) -> None:
    answer = await api.projects.approve(project_id, comment=with_accepted(None, critical), **bound)
    if (missing := still_waits(to_json(answer))) is not None:
        out.print(Text(missing), soft_wrap=True)


async def _show_request(api: AsyncSignoff, out: Console, item: Json) -> str:
    """Show the author what must change. The next version of the plan is the answer."""
    project_id: str = item["project_id"]
    project = await api.projects.get(project_id)
    if (review := review_text(to_json(project))) is not None:
        out.print(review, soft_wrap=True)
    commands = f"`signoff tasks edit {project_id} TASK` or `signoff projects refine {project_id}`"
    out.print(Text(f"Make the next version on the page, or with {commands}."), soft_wrap=True)
    print_page(out, project)
    return LATER


async def _show_task(api: AsyncSignoff, out: Console, item: Json) -> Json:
    task: Json = to_json(await api.tasks.get(item["project_id"], item["task_id"]))
    await show_instructions(api, out, item["project_id"], task)
    return task


async def _ask_release(api: AsyncSignoff, out: Console, item: Json) -> str:
    project_id, task_id = item["project_id"], item["task_id"]
    task = to_json(await api.tasks.get(project_id, task_id))
    critical = await show_release(api, out, await api.projects.get(project_id), task)
    whole = warn_in_full(out, critical, "run")
    answer = await _choose(out, "Run it now, or is it done by hand, or skip it?", "run", "done", "skip", whole=whole)
    if answer == "run":
        await api.tasks.retry(project_id, task_id, comment=with_accepted(None, critical))
    elif answer == "done":
        await api.tasks.complete(project_id, task_id)
    elif answer == "skip":
        await api.tasks.skip(project_id, task_id)
    return answer


async def _ask_manual(api: AsyncSignoff, out: Console, item: Json) -> str:
    project_id, task_id = item["project_id"], item["task_id"]
    task = await _show_task(api, out, item)
    shown = await read_shown(api, project_id, task["action"])
    if shown.checksums:
        out.print(shown.text, soft_wrap=True)
    answer = await _choose(out, "Is it done?", "done")
    if answer == "done":
        await api.tasks.complete(project_id, task_id, read=shown.checksums or None)
    return answer


async def _ask_question(api: AsyncSignoff, out: Console, item: Json) -> str:
    project_id, decision_id = item["project_id"], item["decision_id"]
    asked: dict[str, Any] = to_json(await api.decisions.get(project_id, decision_id))
    await _show_task(api, out, item)
    for changed in asked["differences"]:
        out.print(Text(visible(f"{changed['what']} {changed['name']}\n{changed['text']}")), soft_wrap=True)
    if asked["follows"]:
        out.print(follows_text(asked["follows"]))
    if asked["proposal"]:
        out.print(Text(proposal_text(asked["proposal"])), soft_wrap=True)
    if asked["options"]:
        exact = asked["kind"] != "agent"
        answer = await _choose(out, visible(asked["question"]), *asked["options"], exact=exact)
    else:
        answer = await _choose(out, f"{visible(asked['question'])} (any text)", exact=False)
    if answer not in {LATER, QUIT}:
        await api.decisions.answer(project_id, decision_id, answer)
    return answer


_ASKING: dict[str, Asking] = {
    "plan": _ask_plan,
    "edit": _ask_plan,
    "phase": _ask_phase,
    "release": _ask_release,
    "manual": _ask_manual,
    "changes_requested": _show_request,
}
COMMANDS: list[click.Command] = [inbox]
