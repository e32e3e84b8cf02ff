"""Statistics of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import graph
from app.domain.plan import PlanDraft
from app.domain.validation import phase_graphs
from signoff.schemas.plans import PlanPhase, PlanStats


def stats(draft: PlanDraft) -> PlanStats:
    """The size and width of a plan, and its critical path."""
    return _stats(phase_graphs(draft), [item.key for item in draft.tasks()])


def stats_of(shown: Sequence[PlanPhase]) -> PlanStats:
    """The same, from the phases and tasks as they are shown."""
    phases: list[list[list[int]]] = []
    for phase in shown:
        position = {item.id: index for index, item in enumerate(phase.tasks)}
        phases.append([sorted(position[name] for name in item.depends_on if name in position) for item in phase.tasks])
    return _stats(phases, [item.key for phase in shown for item in phase.tasks])


def _stats(phases: list[list[list[int]]], keys: list[str]) -> PlanStats:
    widths: dict[int, int] = {}
    for level in graph.levels_of_phases(phases):
        widths[level] = widths.get(level, 0) + 1
    path = graph.critical_path_of_phases(phases, [1.0] * len(keys))
    return PlanStats(
        tasks=len(keys),
        phases=len(phases),
        max_width=max(widths.values(), default=0),
        critical_path=[keys[node] for node in path],
    )
