"""The edit of a run that nobody has approved or discarded yet."""

from __future__ import annotations


class PendingEdit:
    """Knows which version of the plan waits for approval during a run, whatever order the record's answers arrive in.

    Args:
        version: the version that waits when the workflow takes the run over; 0 if there is none.
    """

    def __init__(self, version: int) -> None:
        self._newest = version
        self._discarded = 0

    def made(self, version: int) -> None:
        """Note a version that an edit has made; 0 if there is none."""
        self._newest = max(self._newest, version)

    def discard(self, version: int) -> None:
        """Note that a person has discarded a version. An edit that comes later still waits."""
        self._discarded = max(self._discarded, version)

    def waits(self, approved: int) -> bool:
        """Whether a version waits, if `approved` is the one that the run follows."""
        return self._newest > max(approved, self._discarded)
