"""`signoff tasks …`: edit the tasks of a plan, and answer those that wait for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.arguments import pairs, project_argument
from app.cli.command import (
    accept_critical_option,
    answer_command,
    as_json_option,
    client_command,
    comment_option,
    given,
    is_confirmed,
    print_json,
    refusal,
    yes_option,
)
from app.cli.display import status_text, visible
from app.cli.groups import command_group
from app.cli.listing import new_console
from app.cli.opening import open_page, page_of, web_option
from app.cli.shown_files import read_shown
from app.cli.signing import confirm_release, demands_of_task, show_release, with_accepted
from app.cli.tables import fields_table, task_list
from signoff import to_json
from signoff.vocabulary import AfterFailure, OnCrash, TaskStatus, WaitReason

if TYPE_CHECKING:
    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.answers import Recorded
    from signoff.schemas.json_value import JsonValue
    from signoff.schemas.tasks import Task, TaskDeleted, TaskList


@command_group()
def tasks() -> None:
    """List, edit and answer tasks; read logs.

    TASK is a task's key or id.
    """


def _object(_: click.Context, __: click.Parameter, value: str | None) -> Json | None:
    if value is None:
        return None
    try:
        parsed: JsonValue = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise click.BadParameter('must be a JSON object, such as {"type": "manual"}')
    return parsed


def _field_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--description", help="Details of the task."),
            click.option("--phase", "phase_id", help="Phase (id or key); default: the last that has not started."),
            click.option("--command", "shell", help="Shell command to run."),
            click.option("--action", callback=_object, help='Action of any type, as JSON: {"type": …}.'),
            click.option("--after", "depends_on", multiple=True, help="Task (key or id) to run after; repeatable."),
            click.option(
                "--input", "inputs", multiple=True, callback=pairs, metavar="NAME=VALUE", help="Input; repeatable."
            ),
            click.option("--file", "expected_files", multiple=True, help="File that the task makes; repeatable."),
            click.option("--retries", type=click.IntRange(0, 100), help="Number of retries."),
            click.option("--timeout", "timeout_seconds", type=float, help="Time limit of one attempt, in seconds."),
            click.option(
                "--on-crash",
                type=click.Choice([item.value for item in OnCrash]),
                help="What to do if the worker is lost.",
            ),
            click.option(
                "--after-failure",
                type=click.Choice([item.value for item in AfterFailure]),
                help="What to do if all attempts fail.",
            ),
            click.option("--agent", "agent_id", help="Agent that runs the task."),
            click.option(
                "--if",
                "condition",
                callback=_condition,
                metavar="KEY:VALUE",
                help="Run it only if this holds; for an output of a task: KEY.OUTPUT:VALUE or KEY.OUTPUT!=VALUE.",
            ),
            click.option(
                "--if-parameter",
                "parameter_condition",
                callback=_condition,
                metavar="NAME:VALUE",
                help="Run it only if this parameter of the plan has this value.",
            ),
            click.option(
                "--approval/--no-approval", "requires_approval", default=None, help="Whether a person must release it."
            ),
        )
    ):
        command = option(command)
    return command


def _condition(_context: click.Context, parameter: click.Parameter, value: str | None) -> Json | None:
    if value is None:
        return None
    from app.planning.outline.attributes import condition, resolved  # noqa: PLC0415 - loads the whole planner

    try:
        written = condition(value)
        if parameter.name != "parameter_condition":
            return resolved(written, ())
        if "name" not in written:
            raise ValueError(f"'{value}' names an output of a task; use --if")
        return resolved(written, (written["name"],))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _fields(shell: str | None, action: Json | None, fields: Json) -> Json:
    if shell is not None and action is not None:
        raise click.UsageError("Use either --command or --action, not both.")
    about_parameter = fields.pop("parameter_condition")
    if about_parameter is not None and fields["condition"] is not None:
        raise click.UsageError("Use either --if or --if-parameter, not both.")
    fields["condition"] = about_parameter or fields["condition"]
    chosen = {"type": "shell", "command": shell} if shell is not None else action
    return given(action=chosen, **fields)


def _edited(answer: Json) -> Text:
    if answer.get("recorded"):
        return Text("Recorded.")
    return Text.assemble(answer["key"], "  ", status_text(answer["status"]), f"  {visible(answer['title'])}")


@tasks.command("list")
@project_argument
@click.option(
    "--status", type=click.Choice([status.value for status in TaskStatus]), help="List only tasks with this status."
)
@click.option("--phase", "phase_id", help="List only tasks of this phase (id).")
@answer_command(task_list, has_table=True)
async def list_tasks(api: AsyncSignoff, project_id: str, status: str | None, phase_id: str | None) -> TaskList:
    """List the tasks of a project, in plan order."""
    return await api.tasks.list(project_id, status=status, phase_id=phase_id)


@tasks.command()
@project_argument
@click.argument("task")
@web_option
@answer_command(fields_table)
async def show(api: AsyncSignoff, project_id: str, task: str, *, web: bool) -> Task:
    """Show a task in full, with its outputs."""
    if web:
        open_page(await page_of(api, project_id, task=task))
        raise click.exceptions.Exit(0)
    return await api.tasks.get(project_id, task)


@tasks.command()
@project_argument
@click.argument("title")
@click.option("--key", help="Short name; default: derived from the title.")
@_field_options
@answer_command(_edited)
async def add(
    api: AsyncSignoff, project_id: str, title: str, shell: str | None, action: Json | None, **fields: Any
) -> Task | Recorded:
    """Add a task to the plan.

    Without --command or --action, it is a task for a person.
    """
    return await api.tasks.create(project_id, title=title, **_fields(shell, action, fields))


@tasks.command()
@project_argument
@click.argument("task")
@click.option("--title", help="New title.")
@_field_options
@answer_command(_edited)
async def edit(
    api: AsyncSignoff, project_id: str, task: str, shell: str | None, action: Json | None, **fields: Any
) -> Task | Recorded:
    """Change a task that has not started.

    Options that you omit keep their values.
    """
    return await api.tasks.update(project_id, task, **_fields(shell, action, fields))


@tasks.command()
@project_argument
@click.argument("task")
@answer_command(lambda answer: Text("Recorded." if answer.get("recorded") else "Removed."))
async def remove(api: AsyncSignoff, project_id: str, task: str) -> TaskDeleted | Recorded:
    """Remove a task that has not started.

    No other task may depend on it.
    """
    return await api.tasks.delete(project_id, task)


def _answered(answer: Json) -> Text:
    return Text("Recorded." if answer.get("recorded") else "Done.")


@tasks.command()
@project_argument
@click.argument("task")
@click.option("--output", "outputs", multiple=True, callback=pairs, metavar="NAME=VALUE", help="Output; repeatable.")
@click.option(
    "--without", "missing_files", multiple=True, metavar="FILE", help="Expected file that you do without; repeatable."
)
@comment_option
@yes_option
@answer_command(_answered)
async def complete(
    api: AsyncSignoff,
    project_id: str,
    task: str,
    outputs: Json | None,
    missing_files: tuple[str, ...],
    comment: str | None,
    *,
    yes: bool,
) -> Task | Recorded:
    """Mark a waiting task as done.

    If the task shows files, they are printed first, and you are asked. Later tasks run them only as you have read them.
    """
    shown = await read_shown(api, project_id, (await api.tasks.get(project_id, task)).action)
    if shown.checksums:
        new_console(stderr=True).print(shown.text, soft_wrap=True)
        if not await is_confirmed("Have you read this, and may it run?", yes=yes):
            raise click.exceptions.Exit(refusal("The task still waits."))
    return await api.tasks.complete(
        project_id,
        task,
        outputs=outputs,
        comment=comment,
        read=shown.checksums or None,
        missing_files=missing_files or None,
    )


async def confirm_skip(api: AsyncSignoff, project_id: str, task: str, outputs: Json | None, *, yes: bool) -> None:
    """Say which later tasks will lack an input if a task is skipped, and have the person confirm it.

    Raises:
        click.exceptions.Exit: the person does not confirm.
    """
    shown = await api.tasks.get(project_id, task)
    known = shown.outputs.keys() | (outputs or {}).keys()
    lacking = [(use, sorted(set(use.outputs) - known)) for use in shown.outputs_used_by or []]
    for use, names in lacking:
        if names:
            needs = f"{visible(use.title)} ({use.key}) will fail: it uses {', '.join(names)} of this task."
            click.echo(
                f"{needs} To give it: signoff tasks skip {project_id} {shown.key} --output {names[0]}=VALUE", err=True
            )
    if any(names for _, names in lacking) and not await is_confirmed("Skip it anyway?", yes=yes):
        raise click.exceptions.Exit(refusal("Nothing was skipped."))


@tasks.command()
@project_argument
@click.argument("task")
@click.option("--output", "outputs", multiple=True, callback=pairs, metavar="NAME=VALUE", help="Output; repeatable.")
@comment_option
@yes_option
@answer_command(_answered)
async def skip(
    api: AsyncSignoff, project_id: str, task: str, outputs: Json | None, comment: str | None, *, yes: bool
) -> Task | Recorded:
    """Skip a task that waits or has not started.

    Tasks that depend on it still run, and can use the outputs that are given. If one of them will lack an output, you are asked
    first.
    """
    await confirm_skip(api, project_id, task, outputs, yes=yes)
    return await api.tasks.skip(project_id, task, outputs=outputs, comment=comment)


@tasks.command()
@project_argument
@click.argument("task")
@click.option("--comment", "-m", required=True, help="Why it did not work; recorded with the request.")
@answer_command(_answered)
async def fail(api: AsyncSignoff, project_id: str, task: str, comment: str) -> Task | Recorded:
    """Report that a task did not work that waits for a person.

    The task ends as failed, and the plan's handling of failures applies.
    """
    return await api.tasks.fail(project_id, task, comment=comment)


@tasks.command()
@project_argument
@click.argument("task")
@comment_option
@yes_option
@accept_critical_option
@as_json_option
@client_command
async def retry(
    api: AsyncSignoff,
    project_id: str,
    task: str,
    *,
    comment: str | None,
    yes: bool,
    accept_critical: bool,
    as_json: bool,
) -> int:
    """Retry a task, or release a task that waits to be released.

    Before a release, shows what the task does, what the audit finds in it, what is new in the plan, and who must approve, and
    asks. If there are critical findings, you release it with the word `approve`, and --yes alone is refused.

    Otherwise, the task must be waiting because it failed or its worker was lost. If it is waiting for its next attempt, that
    attempt starts now. Nothing is asked then.

    Exit codes: 0 done; 1 the API refused or did not answer; 2 you declined, or critical findings were not accepted.
    """
    out = new_console(stderr=as_json)
    shown = await api.tasks.get(project_id, task)
    releases = shown.status == TaskStatus.WAITING and shown.reason == WaitReason.RELEASE
    if releases:
        project = await api.projects.get(project_id)
        critical = await show_release(api, out, project, to_json(shown))
        refused = await confirm_release(out, project, shown, critical, yes=yes, accept_critical=accept_critical)
        if refused is not None:
            return refusal(refused)
        comment = with_accepted(comment, critical)
    answer = await api.tasks.retry(project_id, shown.id, comment=comment)
    if as_json:
        print_json(answer)
        return 0
    out.print(_answered(to_json(answer)))
    if releases and (waits := demands_of_task(await api.projects.get(project_id), shown.id)) is not None:
        out.print(waits, soft_wrap=True)
    return 0


@tasks.command()
@project_argument
@click.argument("task")
@click.option("--attempt", type=click.IntRange(1), help="Print the log of this attempt; default: the latest.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing until the attempt ends.")
@client_command
async def logs(api: AsyncSignoff, project_id: str, task: str, *, attempt: int | None, follow: bool) -> int:
    """Print the log of a task."""
    if not follow:
        click.echo(visible(await api.tasks.log(project_id, task, attempt=attempt)), nl=False)
        return 0
    async for piece in api.tasks.follow_log(project_id, task, attempt=attempt):
        click.echo(visible(piece), nl=False)
    return 0


COMMANDS: list[click.Command] = [tasks]
