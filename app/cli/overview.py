"""`signoff overview`: what runs and waits, and what was done in the last weeks, over all projects."""

from __future__ import annotations

import click
from rich.console import Console, Group, RenderableType
from rich.text import Text

from app.cli.answers import print_json
from app.cli.command import as_json_option, client_command, console
from app.cli.display import Json
from app.cli.listing import extra, fixed, short_ids, table, title
from app.cli.words import INBOX_KINDS, duration
from app.domain.identity import milliseconds_between, now
from signoff import AsyncSignoff, to_json

_BAR = 20
_MAX_WEEKS = 52


@click.command()
@click.option("--weeks", type=click.IntRange(1, _MAX_WEEKS), help="Weeks to go back, with this one; default: 13.")
@as_json_option
@client_command
async def overview(api: AsyncSignoff, *, weeks: int | None, as_json: bool) -> int:
    """Show what runs and waits, and how the last weeks went.

    It covers all projects that you may see: how often the runs of each template succeeded and how long they took, what calls to
    models cost in each week, and the slowest steps. The time of a run includes the time in which it waited for people.
    """
    found = await api.overview(weeks=weeks)
    if as_json:
        print_json(found)
        return 0
    _print(console(), to_json(found))
    return 0


def _print(out: Console, answer: Json) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in answer["status_counts"].items() if count)
    out.print(Text(f"Projects: {counts or 'none yet'}"), soft_wrap=True)
    since = answer["since"]
    for heading, rows, shown in (
        ("Running", answer["running"], _running),
        ("Waiting for a person", answer["waiting"], _waiting),
        (f"Runs by template since {since}", answer["templates"], _templates),
        (f"Weeks since {since}", [week for week in answer["weeks"] if _has_figures(week)], _weeks),
        (f"Slowest steps since {since}", answer["slowest"], _slowest),
    ):
        if rows:
            out.print(Group(Text(f"\n{heading}", style="bold"), shown(rows)))


def _running(rows: list[Json]) -> RenderableType:
    ident = short_ids(row["project_id"] for row in rows)
    return table(
        (fixed("id"), fixed("for", right=True), title("project"), extra("template")),
        [(ident(row["project_id"]), _age(row["started_at"]), row["project_name"], row["template"]) for row in rows],
    )


def _waiting(rows: list[Json]) -> RenderableType:
    ident = short_ids(row["project_id"] for row in rows)
    return table(
        (fixed("id"), fixed("for", right=True), fixed("waits"), title("project"), title("")),
        [
            (
                ident(row["project_id"]),
                _age(row["since"]),
                Text(INBOX_KINDS.get(str(row["kind"]), str(row["kind"])), style="yellow"),
                row["project_name"],
                row["title"],
            )
            for row in rows
        ],
    )


def _templates(rows: list[Json]) -> RenderableType:
    return table(
        (title("template"), *_FIGURES),
        [(row["template"] or Text("(none)", style="dim"), *_figures(row)) for row in rows],
    )


def _weeks(rows: list[Json]) -> RenderableType:
    most = max(row["cost_usd"] for row in rows)
    bars = (Text("█" * round(_BAR * row["cost_usd"] / most) if most else "", style="cyan") for row in rows)
    return table(
        (fixed("week"), *_FIGURES, extra("")),
        [(row["week"], *_figures(row), bar) for row, bar in zip(rows, bars, strict=True)],
    )


def _slowest(rows: list[Json]) -> RenderableType:
    ident = short_ids(row["project_id"] for row in rows)
    return table(
        (fixed("id"), fixed("took", right=True), title("step"), title("project"), extra("template")),
        [
            (
                ident(row["project_id"]),
                duration(row["duration_ms"]),
                row["title"],
                row["project_name"],
                row["template"],
            )
            for row in rows
        ],
    )


_FIGURES = (
    *(fixed("completed", right=True), fixed("failed", right=True), extra("cancelled", right=True)),
    *(fixed("success", right=True), fixed("average", right=True), fixed("cost", right=True)),
)


def _figures(row: Json) -> tuple[str, ...]:
    rate = row["success_rate"]
    return (
        *(str(row[name]) for name in ("completed", "failed", "cancelled")),
        "" if rate is None else f"{rate:.0%}",
        duration(row["mean_ms"]),
        _cost(row),
    )


def _cost(row: Json) -> str:
    # The price of some calls is unknown.
    more = "+" if row["unpriced_calls"] else ""
    return f"${row['cost_usd']:.2f}{more}" if row["cost_usd"] or more else ""


def _has_figures(row: Json) -> bool:
    return bool(row["completed"] or row["failed"] or row["cancelled"] or row["tokens"])


def _age(since: str) -> str:
    return duration(max(0, milliseconds_between(since, now()) or 0))


COMMANDS: list[click.Command] = [overview]
