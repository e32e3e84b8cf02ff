"""`signoff projects …`: commands for the plan, its approval and its run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.text import Text

from app.cli.approvals import gate_of, may_approve, still_waits, who_must_approve
from app.cli.arguments import project_argument, set_option
from app.cli.asking import can_ask
from app.cli.command import (
    accept_critical_option,
    answer_command,
    as_json_option,
    client_command,
    comment_option,
    console,
    is_confirmed,
    print_json,
    refusal,
    yes_option,
)
from app.cli.display import plan_tree, visible
from app.cli.frozen import frozen_text, seen
from app.cli.listing import new_console
from app.cli.questions import answer, name_open, settle_questions, show_plan
from app.cli.results import REFUSED, fetch_plan
from app.cli.signing import confirm, print_page, show_before_signing, show_findings, with_accepted
from app.cli.tables import plan_changes, plan_list
from signoff import is_pending, to_json
from signoff.vocabulary import GateKind, ProjectStatus

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.answers import CancelAnswer, Recorded, StatusAnswer
    from signoff.schemas.plans import Plan, PlanDiff, PlanList
    from signoff.schemas.projects import Project

_PLAN_SECONDS = 60


def _plan(answer: Json) -> RenderableType:
    if answer.get("recorded"):
        return Text(f"The plan is being generated. To see it: signoff projects plan {answer['id']}")
    return plan_tree(answer, answer["summary"] or "Plan")


def _outcome(answer: Json) -> Text:
    if (waits := still_waits(answer)) is not None:
        return Text(waits)
    word = "Recorded" if answer.get("recorded") else "Done"
    return Text(f"{word}. The project is {answer['status']} (stage: {answer['stage'].replace('_', ' ')}).")


@click.command()
@project_argument
@click.option("--version", type=click.IntRange(1), help="Show this version instead of the current one.")
@click.option("--generate", is_flag=True, help="Generate the first plan.")
@set_option
@click.option("--markdown", is_flag=True, help="Print the Markdown outline that produces the plan.")
@as_json_option
@client_command
async def plan(
    api: AsyncSignoff,
    project_id: str,
    *,
    version: int | None,
    generate: bool,
    parameters: dict[str, str] | None,
    markdown: bool,
    as_json: bool,
) -> int:
    """Show a project's plan or generate the first."""
    if parameters and not generate:
        raise click.UsageError("--set gives values for a plan that is generated. Use it with --generate.")
    if generate:
        answer = await api.projects.generate_plan(project_id, parameters=parameters, wait=_PLAN_SECONDS)
        if is_pending(answer):
            print_json(answer) if as_json else console().print(_plan(to_json(answer)), soft_wrap=True)
            return 0
    if markdown:
        click.echo(await api.projects.plan_markdown(project_id, version=version), nl=False)
        return 0
    answer = await api.projects.plan(project_id, version=version)
    if as_json:
        print_json(answer)
        return 0
    shown = to_json(answer)
    out = console()
    out.print(_plan(shown))
    if frozen := frozen_text(shown):
        out.print(frozen, soft_wrap=True)
    print_page(out, await api.projects.get(project_id))
    return 0


@click.command()
@project_argument
@answer_command(plan_list, has_table=True)
async def plans(api: AsyncSignoff, project_id: str) -> PlanList:
    """List all versions of a project's plan.

    An arrow marks the current version.
    """
    return await api.projects.plans(project_id)


@click.command()
@project_argument
@click.option("--from", "before", type=click.IntRange(1), help="Older version; default: the one before it.")
@click.option("--to", "after", type=click.IntRange(1), help="Newer version; default: the current one.")
@answer_command(plan_changes, has_ids=False)
async def diff(api: AsyncSignoff, project_id: str, before: int | None, after: int | None) -> PlanDiff:
    """Compare two versions of the plan."""
    return await api.projects.plan_diff(project_id, before, after)


@click.command()
@project_argument
@click.option("--instructions", help="What should change.")
@click.option("--planner", help="Planner to use; default: outline.")
@set_option
@answer_command(_plan)
async def regenerate(
    api: AsyncSignoff,
    project_id: str,
    instructions: str | None,
    planner: str | None,
    parameters: dict[str, str] | None,
) -> Plan | Recorded:
    """Regenerate the plan.

    A new version replaces the current plan, which stays in the history. Values that --set does not give stay as they are.
    """
    return await api.projects.regenerate_plan(
        project_id, instructions=instructions, planner=planner, parameters=parameters, wait=_PLAN_SECONDS
    )


@click.command()
@project_argument
@click.argument("message", required=False)
@click.option("--edits", type=click.File("rb"), help="File with a JSON list of edits; - reads standard input.")
@answer_command(_plan)
async def refine(api: AsyncSignoff, project_id: str, message: str | None, edits: BinaryIO | None) -> Plan | Recorded:
    """Change the plan.

    Describe the change in MESSAGE, or list the edits in a file. Either all edits are applied, or none.

    An edit is {"op": "add_task"|"update_task"|"remove_task"|"move_task"|"add_phase"|"update_phase"|"remove_phase", "task" or
    "phase": id or key, and the fields}. To answer questions, use `signoff projects answer`.
    """
    if message is None and edits is None:
        raise click.UsageError("Describe the change in MESSAGE, or use --edits.")
    return await api.projects.refine_plan(project_id, message=message, edits=_edits(edits) if edits else None)


def _edits(file: BinaryIO) -> list[Json]:
    try:
        return json.load(file)
    except ValueError as error:
        raise click.BadParameter(f"{file.name} is not JSON: {error}") from error


@click.command()
@project_argument
@comment_option
@yes_option
@accept_critical_option
@as_json_option
@client_command
async def approve(
    api: AsyncSignoff, project_id: str, *, comment: str | None, yes: bool, accept_critical: bool, as_json: bool
) -> int:
    """Approve a plan or the next phase.

    Shows what waits for approval, what the audit finds in it, what is new, and who must approve, and asks first. You can
    answer the open questions of a plan before you approve it. If there are critical findings, you approve with the word
    `approve`, and --yes alone is refused.

    Exit codes: 0 approved; 1 the API refused or did not answer; 2 you declined, or critical findings were not accepted.
    """
    project = await api.projects.get(project_id)
    plan = await fetch_plan(api, project_id)
    out = new_console(stderr=as_json)
    waits = await _show_waiting(api, out, project, plan, asks=can_ask() and not yes and not as_json)
    if waits is not None:
        refused = await confirm(out, waits.question, waits.critical, yes=yes, accept_critical=accept_critical)
        if refused is not None:
            click.echo(refused, err=True)
            return REFUSED
        comment = with_accepted(comment, waits.critical)
    # If nothing waits, or the person may not approve it, the API's error says why.
    bound = waits.bound if waits is not None else seen(plan) if plan is not None else {}
    answer = await api.projects.approve(project_id, comment=comment, **bound)
    if as_json:
        print_json(answer)
    elif (missing := still_waits(to_json(answer))) is not None:
        out.print(Text(missing), soft_wrap=True)
    else:
        word = "The approval is recorded" if is_pending(answer) else "Approved"
        out.print(Text(f"{word}. To watch the run: signoff projects watch {project_id}"), soft_wrap=True)
    return 0


@dataclass(frozen=True)
class _Waiting:
    """What waits for approval: the question, what the approval is bound to, and the critical findings."""

    question: str
    bound: Json
    critical: list[Json]


async def _show_waiting(
    api: AsyncSignoff, out: Console, project: Project, plan: Json | None, *, asks: bool
) -> _Waiting | None:
    """Show the plan or the phase that waits for approval. None if none waits, or if the reader may not approve it."""
    edited = project.edited_plan is not None
    phase = project.gate if project.status == ProjectStatus.RUNNING and not edited else None
    kinds = (GateKind.PHASE,) if phase is not None else (GateKind.PLAN, GateKind.EDIT)
    signers = gate_of(project, *kinds)
    if plan is None:
        return None
    show_plan(out, plan, project.name)
    if phase is not None:
        name = next((row.name for row in project.phases if row.id == phase.phase_id), phase.phase_id or "")
        tasks = [task.id for task in project.tasks if task.phase_id == phase.phase_id]
        critical = await show_findings(api, out, project.id, tasks)
        if signers is not None and (demands := who_must_approve(signers)) is not None:
            out.print(demands, soft_wrap=True)
        waits = _Waiting(f"Start phase '{visible(name)}'?", {"phase_id": phase.phase_id, **seen(plan)}, critical)
    elif edited or project.status == ProjectStatus.PENDING:
        if asks and not edited:
            plan = await settle_questions(api, out, project.id, plan, project.name)
        if not edited:
            name_open(out, plan)
        critical = await show_before_signing(api, out, project, plan, *kinds)
        question = "Continue the run with this version of the plan?" if edited else "Approve and run this plan?"
        waits = _Waiting(question, seen(plan), critical)
    else:
        return None
    return waits if may_approve(project, *kinds) else None


@click.command("discard-edit")
@project_argument
@comment_option
@yes_option
@as_json_option
@client_command
async def discard_edit(api: AsyncSignoff, project_id: str, *, comment: str | None, yes: bool, as_json: bool) -> int:
    """Discard an edit of a run.

    The run continues with the plan that was approved. Shows what the edit has changed, and asks first. The edited version
    stays in the history.

    Exit codes: 0 discarded; 1 the API refused or did not answer; 2 you declined.
    """
    project = await api.projects.get(project_id)
    edited, approved = project.edited_plan, project.plan
    out = console()
    bound: Json = {}
    # Without an edit there is nothing to confirm; the API's error says why.
    if edited is not None and approved is not None:
        bound = {"plan_version": edited.version, "plan_digest": edited.digest}
        if not as_json:
            out.print(plan_changes(to_json(await api.projects.plan_diff(project_id, approved.version, edited.version))))
        question = f"Discard version {edited.version}, and continue the run with version {approved.version}?"
        if not await is_confirmed(question, yes=yes):
            return refusal("Not discarded.")
    answer = await api.projects.discard_edit(project_id, comment=comment, **bound)
    if as_json:
        print_json(answer)
    else:
        out.print(_outcome(to_json(answer)), soft_wrap=True)
    return 0


def _cancelled(answer: Json) -> Text:
    tasks: dict[str, int] = answer.get("tasks") or {}
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in tasks.items())
    word = "Cancelled" if answer["status"] == "cancelled" else "The cancellation is recorded; tasks are still stopping"
    return Text(f"{word}{f' ({counts})' if counts else ''}.")


@click.command()
@project_argument
@click.option("--reason", help="Reason to record with the decision.")
@answer_command(_cancelled)
async def cancel(api: AsyncSignoff, project_id: str, reason: str | None) -> CancelAnswer | Recorded:
    """Cancel a project.

    Waits at most 10 seconds for its tasks to stop.
    """
    return await api.projects.cancel(project_id, reason=reason)


@click.command()
@project_argument
@comment_option
@answer_command(_outcome)
async def pause(api: AsyncSignoff, project_id: str, comment: str | None) -> StatusAnswer | Recorded:
    """Pause a run.

    No further task starts. Tasks in progress finish.
    """
    return await api.projects.pause(project_id, comment=comment)


@click.command()
@project_argument
@comment_option
@answer_command(_outcome)
async def resume(api: AsyncSignoff, project_id: str, comment: str | None) -> StatusAnswer | Recorded:
    """Resume a paused run."""
    return await api.projects.resume(project_id, comment=comment)


@click.command()
@project_argument
@click.option(
    "--task", "tasks", multiple=True, help="Also rerun this task (key or id), regardless of its status; repeatable."
)
@comment_option
@answer_command(_outcome)
async def retry(
    api: AsyncSignoff, project_id: str, tasks: tuple[str, ...], comment: str | None
) -> StatusAnswer | Recorded:
    """Rerun a finished project from what failed.

    Completed tasks are kept.
    """
    return await api.projects.retry(project_id, tasks=tasks or None, comment=comment)


CONTROLS: list[click.Command] = [
    *(plan, plans, diff, answer, approve, discard_edit, refine, regenerate),
    *(cancel, pause, resume, retry),
]
