"""Arguments that several commands share, and their shell completions."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from app.domain.identity import isoformat

if TYPE_CHECKING:
    from collections.abc import Callable

# Someone has pressed Tab and is waiting.
_MAX_SECONDS = 1.0
_MAX_PROJECTS = 50


_TIME = re.compile(r"(\d{1,6})([smhd])")
_DATE_LENGTH = len("2026-11-28")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ProjectId(click.ParamType[str]):
    """A project id, a unique beginning or end of one, or a unique name."""

    name = "project"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the newest projects, or nothing if the server does not answer in time."""
        del ctx, param
        try:
            return [CompletionItem(row.id, help=row.name) for row in _newest() if row.id.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - the shell would show any output, so print nothing
            return []


class TimeSpan(click.ParamType[float]):
    """A time such as `30s`, `15m`, `2h` or `3d`, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse the text of an option."""
        match = _TIME.fullmatch(str(value))
        if match is None or not int(match[1]):
            self.fail(f"'{value}' is not a time. Write 30s, 15m, 2h or 3d.", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


class Moment(click.ParamType[str]):
    """A time ago such as `7d`, a date, or a time, as a time for the API. `is_end`: a date means the end of the day."""

    name = "time"

    def __init__(self, *, is_end: bool = False) -> None:
        self._is_end = is_end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse the text of an option."""
        text = str(value)
        try:
            if (match := _TIME.fullmatch(text)) is not None:
                return isoformat(datetime.now(UTC) - timedelta(seconds=int(match[1]) * _UNITS[match[2]]))
            at = datetime.fromisoformat(text)
            if len(text) == _DATE_LENGTH and self._is_end:
                at += timedelta(days=1)
            return isoformat(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            example = "Write 7d for seven days ago, 2026-11-28, or 2026-11-28T14:30:00Z."
            self.fail(f"'{value}' is not a time. {example}", param, ctx)


def _newest() -> list[Any]:
    from app.cli.options import load_client_settings  # noqa: PLC0415 - only shell completion needs it
    from app.cli.target import address_of  # noqa: PLC0415
    from signoff import Signoff  # noqa: PLC0415

    settings = load_client_settings({})
    with Signoff(address_of(settings), api_key=settings.api_key, timeout=_MAX_SECONDS, retry_seconds=0) as client:
        return list(client.projects.list(limit=_MAX_PROJECTS).projects)


def project_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the PROJECT argument to a command."""
    return click.argument("project_id", metavar="PROJECT", type=ProjectId())(command)


_PLAN = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


def plan_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the PLAN argument, a Markdown file, to a command."""
    return click.argument("plan", type=_PLAN)(command)


def optional_plan_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that can do without."""
    return click.argument("plan", type=_PLAN, required=False)(command)


def pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str] | None:
    """Parse the values of a repeatable option `NAME=VALUE`. None if it was not given."""
    parts = [value.partition("=") for value in values]
    if any(not name or not equals for name, equals, _ in parts):
        raise click.BadParameter("must be NAME=VALUE")
    names = [name for name, _, _ in parts]
    if len(set(names)) < len(names):
        raise click.BadParameter("the same NAME is given twice")
    return {name: value for name, _, value in parts} or None


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--set`, which gives a value for a parameter of the plan, to a command."""
    option = click.option(
        "--set",
        "parameters",
        multiple=True,
        callback=pairs,
        metavar="NAME=VALUE",
        help="Value for a parameter of the plan; repeatable.",
    )
    return option(command)


def heading_of(markdown: str) -> str | None:
    """The text of the first `#` heading outside front matter and code fences, at most 200 characters; None if there is none."""
    from app.planning.outline.front_matter import extent  # noqa: PLC0415 - loads the whole planner

    fence = ""
    lines = markdown.splitlines()
    for line in lines[extent(lines) :]:
        stripped = line.strip()
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip(fence[0]) else fence
        elif stripped.startswith(("```", "~~~")):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        elif line.startswith("# "):
            return stripped.removeprefix("#").rstrip("#").strip()[:200] or None
    return None


def read_plan(plan: Path) -> str:
    """Read the text of a Markdown file; `-` means standard input.

    Raises:
        click.UsageError: the file cannot be read or is not UTF-8 text.
    """
    try:
        return sys.stdin.buffer.read().decode() if str(plan) == "-" else plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{plan} cannot be read as UTF-8 text: {error}") from error
