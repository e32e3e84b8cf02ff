"""The text that Temporal's Web UI shows beside a run's timeline."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.contracts import RunState

_MAX_ROWS = 50


def phases_table(run: RunState, statuses: Mapping[str, str]) -> str:
    """Return the phases of a run and their statuses, as a Markdown table."""
    lines = [
        f"Run {run.number} of plan version {run.plan_version} (`{run.plan_digest[:12]}`)",
        "",
        "| phase | status |",
        "|---|---|",
    ]
    lines += [f"| {_cell(name)} | {statuses.get(name, 'pending')} |" for name in run.phases[:_MAX_ROWS]]
    if len(run.phases) > _MAX_ROWS:
        lines.append(f"| … {len(run.phases) - _MAX_ROWS} more | |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
