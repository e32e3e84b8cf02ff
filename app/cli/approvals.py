"""Who must approve, who has approved, and who is missing: for commands that approve something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from app.cli.display import visible
from app.cli.tables import moment
from app.cli.words import takes_effect
from app.domain.sender import called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.cli.display import Json
    from signoff.schemas.gates import Gate, GivenApproval
    from signoff.schemas.projects import Project
    from signoff.vocabulary import GateKind

_OPTIONS = ("approvals", "four_eyes", "approve_within", "undo")


def gate_of(project: Project, *kinds: GateKind) -> Gate | None:
    """The gate of one of these kinds at which a project waits, or None."""
    return next((gate for gate in project.gates if gate.kind in kinds), None)


def who_must_approve(gate: Gate) -> Text | None:
    """What policies demand at a gate, and what it has; None if no policy is about it."""
    if gate.id is None:
        return None
    lines = [visible(words) for words in gate.demands]
    lines += [
        f"{visible(called(one.name))} approved at {moment(one.at)} UTC{_by_link(one)}" for one in gate.approvals.by
    ]
    lines += [f"Still needed: {visible(words)}" for words in gate.approvals.missing]
    if gate.undo_until is not None:
        lines.append(f"All approvals are there. The last one {takes_effect(gate.undo_until)}.")
    elif gate.expires_at is not None:
        lines.append(f"The time to approve ends at {moment(gate.expires_at)} UTC. The project is then cancelled.")
    if gate.why_not is not None:
        lines.append(visible(gate.why_not))
    return Text("\n".join(lines))


def _by_link(one: GivenApproval) -> str:
    """Who is behind the link through which an approval was given; empty if it was given without one."""
    if one.link_requested_by is not None:
        return f", through a link for which {called(visible(one.link_requested_by))} asked"
    return f", through a link by {called(visible(one.link_made_by))}" if one.link_made_by is not None else ""


def still_waits(answer: Json) -> str | None:
    """What an approval says that does not open its gate; None if it does, or if no policy is about it."""
    approvals = answer.get("approvals")
    if not approvals or approvals["opens"]:
        return None
    if (until := approvals["undo_until"]) is not None:
        return f"Your approval {takes_effect(until)}. To withdraw it: signoff projects undo {answer['id']}"
    missing = visible("; ".join(approvals["missing"]))
    return f"Your approval is recorded: {approvals['given']} of {approvals['needed']}. It needs {missing}."


def signing_options(command: Any) -> Any:
    """Add the options with which a project demands more of its signers than the policies."""
    for option in (
        click.option("--undo", metavar="TIME", help="Time to undo the last approval, such as 5s, at most 5m."),
        click.option(
            "--approve-within", metavar="TIME", help="Time to approve a plan, such as 3d; then it is cancelled."
        ),
        click.option(
            "--four-eyes/--no-four-eyes", default=None, help="Whether nobody may approve what they worked on."
        ),
        click.option("--approvals", type=click.IntRange(1, 20), help="Number of people who must approve each plan."),
    ):
        command = option(command)
    return command


def changes_signing(fields: Mapping[str, Any]) -> bool:
    """Whether one of these options is given."""
    return any(fields.get(name) is not None for name in _OPTIONS)


def with_signing(fields: Mapping[str, Any], current: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a project with `signing` in place of these options. `current` is what the project demands already."""
    rest = {name: value for name, value in fields.items() if name not in _OPTIONS}
    named = {"approvals": "approvals", "four_eyes": "four_eyes", "approve_within": "expires", "undo": "undo"}
    given = {named[name]: fields[name] for name in named if fields.get(name) is not None}
    return {**rest, "signing": {**(current or {}), **given}} if given else rest
