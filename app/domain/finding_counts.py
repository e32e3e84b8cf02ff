"""Counts what an audit would find in a plan, for lists. Plan versions never change, so their counts are remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from app.domain.audit import AuditedRow, Severity, check_plan

# Reading the commands of this many tasks takes half a second at most. A list must not take longer.
MAX_TASKS = 1000
_MAX_REMEMBERED = 2000
Counts = dict[Severity, int]


class FindingCounts:
    """Counts findings by severity.

    Args:
        agents: the names of the agents.
    """

    def __init__(self, agents: Collection[str]) -> None:
        self._agents = agents
        self._known: dict[str, Counts] = {}

    def known(self, digest: str | None) -> Counts | None:
        """Return the counts of a plan version that was counted before, or None."""
        return self._known.get(digest) if digest is not None else None

    def count(self, rows: Sequence[AuditedRow], digest: str | None = None) -> Counts:
        """Count the findings of tasks. With the digest of a plan version, remember them."""
        counts: Counts = {**Counter(found.severity for found in check_plan(rows, self._agents))}
        if digest is not None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[digest] = counts
        return counts
