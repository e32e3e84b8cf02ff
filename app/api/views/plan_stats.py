"""Statistics of a plan."""

from __future__ import annotations

from app.domain import graph
from app.domain.plan import PlanDraft
from app.domain.validation import phase_graphs
from signoff.schemas.plans import PlanStats


def stats(draft: PlanDraft) -> PlanStats:
    """The size and width of a plan, and its critical path."""
    phases = phase_graphs(draft)
    widths: dict[int, int] = {}
    for level in graph.levels_of_phases(phases):
        widths[level] = widths.get(level, 0) + 1
    keys = [item.key for item in draft.tasks()]
    path = graph.critical_path_of_phases(phases, [1.0] * len(keys))
    return PlanStats(
        tasks=len(keys),
        phases=len(draft.phases),
        max_width=max(widths.values(), default=0),
        critical_path=[keys[node] for node in path],
    )
