"""What a person sees before they sign at the terminal, and how they confirm it: one rule for all commands that sign."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from app.cli.approvals import gate_of, who_must_approve
from app.cli.asking import ask, can_ask, read_reply
from app.cli.display import action_text, review_text, visible
from app.cli.tables import findings_table, plan_changes
from signoff import to_json
from signoff.vocabulary import GateKind, Stage

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.console import Console

    from app.cli.display import Json
    from signoff import AsyncSignoff
    from signoff.schemas.projects import Project

# The word that a person types to sign in spite of critical findings.
APPROVE = "approve"
_IN_FULL = ("critical", "high")
_MAX_NAMED = 5
_NOUNS = {
    "shell": ("command", "commands"),
    "http": ("request", "requests"),
    "agent": ("task for a model", "tasks for a model"),
    "manual": ("task for a person", "tasks for a person"),
    "decision": ("decision", "decisions"),
    "wait": ("wait", "waits"),
}


async def show_before_signing(
    api: AsyncSignoff, out: Console, project: Project, plan: Json, *kinds: GateKind
) -> list[Json]:
    """Print what an approval of a plan is about, below the plan itself. Returns the critical findings.

    That is: what happens, what is new in this version, what the audit finds, and who must approve.

    Raises:
        SignoffError: the audit did not answer. Nobody should sign without it.
    """
    out.print(Text(what_happens(plan)), soft_wrap=True)
    await _show_what_is_new(api, out, project, plan)
    critical = await show_findings(api, out, project.id)
    gate = gate_of(project, *kinds)
    if gate is not None and (demands := who_must_approve(gate)) is not None:
        out.print(demands, soft_wrap=True)
    print_page(out, project)
    return critical


async def show_release(api: AsyncSignoff, out: Console, project: Project, task: Json) -> list[Json]:
    """Print what the release of a task is about, as before an approval of a plan. Returns the critical findings.

    Raises:
        SignoffError: the audit did not answer. Nobody should sign without it.
    """
    if task["description"]:
        out.print(Text(visible(task["description"])), soft_wrap=True)
    out.print(action_text(task["action"]), soft_wrap=True)
    plan = to_json(await api.projects.plan(project.id, version=project.plan.version if project.plan else None))
    await _show_what_is_new(api, out, project, plan)
    critical = await show_findings(api, out, project.id, [task["id"]])
    if (demands := demands_of_task(project, task["id"])) is not None:
        out.print(demands, soft_wrap=True)
    print_page(out, project)
    return critical


def demands_of_task(project: Project, task_id: str) -> Text | None:
    """Who must release a task, and who has; None if it does not wait for that, or if no policy is about it."""
    gate = next((gate for gate in project.gates if gate.kind == GateKind.TASK and gate.task_id == task_id), None)
    return who_must_approve(gate) if gate is not None else None


def print_page(out: Console, project: Project) -> None:
    """Print where the page shows a project. Older servers do not say it."""
    if project.links.page:
        out.print(Text(f"On the page: {visible(project.links.page)}", style="dim"), soft_wrap=True)


def what_happens(plan: Json) -> str:
    """One line that says what an approval starts."""
    kept = set(plan.get("kept") or [])
    tasks = [task for phase in plan["phases"] for task in phase["tasks"] if task["id"] not in kept]
    counts = Counter(task["action"]["type"] for task in tasks)
    parts = [_count(number, *_NOUNS.get(kind, (f"{visible(kind)} task",) * 2)) for kind, number in counts.items()]
    phases = sum(bool(phase["requires_approval"]) for phase in plan["phases"])
    asks = f" {_count(phases, 'phase needs', 'phases need')} an approval of their own." if phases > 1 else ""
    asks = " One phase needs an approval of its own." if phases == 1 else asks
    return (
        f"An approval starts {_count(len(tasks), 'task', 'tasks')}: {', '.join(parts)}.{asks}"
        if tasks
        else "Nothing runs."
    )


async def show_findings(
    api: AsyncSignoff, out: Console, project_id: str, task_ids: Collection[str] | None = None
) -> list[Json]:
    """Print what the audit finds: critical and high findings in full, and the number of the others.

    Returns the critical findings.

    Args:
        task_ids: the tasks that the person signs. Findings about other tasks are left out. None means all tasks.
    """
    audited = to_json(await api.projects.audit(project_id))
    found: list[Json] = [
        item
        for item in audited["results"]["findings"]
        if task_ids is None or item["task_id"] is None or item["task_id"] in task_ids
    ]
    in_full = [item for item in found if item["severity"] in _IN_FULL]
    if in_full:
        out.print(findings_table(in_full))
    others = Counter(item["severity"] for item in found if item["severity"] not in _IN_FULL)
    if others:
        counts = ", ".join(f"{number} {severity}" for severity, number in others.items())
        more = "Other findings" if in_full else "Findings"
        out.print(
            Text(f"{more}: {counts}. To see them: signoff projects audit {project_id}", style="dim"), soft_wrap=True
        )
    elif not in_full:
        out.print(Text("The audit finds nothing.", style="dim"))
    return [item for item in found if item["severity"] == "critical"]


async def confirm(
    out: Console, question: str, critical: list[Json], *, yes: bool = False, accept_critical: bool = False
) -> str | None:
    """Ask the person to sign. Returns None if they do, and otherwise a sentence that says why not.

    With critical findings, `y` is not enough: a person types the word `approve`, and a script says so with an option.

    Args:
        yes: sign without a question.
        accept_critical: treat critical findings like any others.
    """
    if critical and not accept_critical:
        if yes or not can_ask():
            return (
                f"Not approved: there {_are(critical)}: {named(critical)}. Read the plan and its findings. To approve it all "
                "the same, use --yes --accept-critical."
            )
        return await _confirm_in_full(out, question, critical)
    if yes:
        return None
    if not can_ask():
        return "Not approved: there is no terminal to ask on. Use --yes to approve without a question."
    return None if await ask(out, question) else "Not approved; nothing was done."


async def _confirm_in_full(out: Console, question: str, critical: list[Json]) -> str | None:
    warning = Text(f"There {_are(critical)}. To accept {_them(critical)}, type the word {APPROVE}.", style="red")
    out.print(warning, soft_wrap=True)
    while True:
        try:
            reply = (await read_reply(out, f"{question} [{APPROVE}/N]")).lower()
        except EOFError:
            reply = ""
        if reply == APPROVE:
            return None
        if reply in {"", "n", "no"}:
            return "Not approved; nothing was done."
        out.print(warning, soft_wrap=True)


def warn_in_full(out: Console, critical: list[Json], word: str) -> str | None:
    """Say that a person must type a word in full because of critical findings. Returns the word, or None if there are none."""
    if not critical:
        return None
    out.print(
        Text(f"There {_are(critical)}. To accept {_them(critical)}, type the whole word {word}.", style="red"),
        soft_wrap=True,
    )
    return word


def with_accepted(comment: str | None, critical: list[Json]) -> str | None:
    """The comment to record, with the critical findings that the person has accepted."""
    if not critical:
        return comment
    codes = Counter(item["code"] for item in critical)
    listed = ", ".join(code if number == 1 else f"{code} ({number})" for code, number in codes.items())
    note = f"Accepted {_count(len(critical), 'critical finding', 'critical findings')}: {listed}."
    return f"{comment}\n{note}" if comment else note


def named(critical: list[Json]) -> str:
    """The messages of critical findings, on one line."""
    messages = [f"{item['code']}: {visible(item['message']).rstrip('.')}" for item in critical[:_MAX_NAMED]]
    more = len(critical) - len(messages)
    return "; ".join(messages) + (f"; and {more} more" if more > 0 else "")


async def _show_what_is_new(api: AsyncSignoff, out: Console, project: Project, plan: Json) -> None:
    """Print who has requested changes, and the difference from the version that they, or the last approver, have read."""
    requested, version = project.changes_requested, plan["version"]
    review = review_text(to_json(project))
    if review is not None:
        out.print(review, soft_wrap=True)
    if requested is not None and project.stage == Stage.CHANGES_REQUESTED:
        by = visible(requested.by)
        line = (
            f"The project waits for its author. Only {by} can still approve this version, which withdraws the request."
        )
        out.print(Text(line, style="yellow"), soft_wrap=True)
    before = requested.version if requested is not None else await _last_approved(api, project.id, version)
    if before is None or before >= version:
        return
    why = "in which changes were requested" if requested is not None else "which was approved last"
    out.print(Text(f"What has changed since version {before}, {why}:", style="bold"), soft_wrap=True)
    changes = plan_changes(to_json(await api.projects.plan_diff(project.id, before, version)))
    out.print(changes if "\n" in changes.plain else Text("Nothing in its tasks, phases and settings.", style="dim"))


async def _last_approved(api: AsyncSignoff, project_id: str, version: int) -> int | None:
    if version == 1:
        return None
    listed = (await api.projects.plans(project_id)).plans
    return next((plan.version for plan in listed if plan.approved_at and plan.version < version), None)


def _are(critical: list[Json]) -> str:
    verb = "is" if len(critical) == 1 else "are"
    return f"{verb} {_count(len(critical), 'critical finding', 'critical findings')}"


def _them(critical: list[Json]) -> str:
    return "it" if len(critical) == 1 else "them"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
