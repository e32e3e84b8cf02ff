"""Keeps the sets of rules of sandboxes, because most tasks of a project have the same one.

Making a set takes three system calls for each rule: for root, whose hidden files in /etc are left out one by one, 2 ms of each
command's time. A rule is about a file or folder, and not about its path. So before a set is used again, every path must still
lead to what it led to when the set was made.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable

from activities.actions import landlock

MOST = 32
_Identity = tuple[int, int] | None
_Key = tuple[tuple[tuple[bytes, int], ...], tuple[int, ...] | None, int]


class Rulesets:
    """The sets that were used last, at most `MOST`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[int, list[_Identity]]] = OrderedDict()

    def of(self, rules: list[tuple[bytes, int]], ports: list[int] | None, abi: int) -> int:
        """Return the descriptor of a set of rules, as `landlock.make_ruleset` makes it. The caller must not close it.

        It stays open at least until the next call.

        Raises:
            OSError: the set cannot be made.
        """
        key = (tuple(rules), None if ports is None else tuple(ports), abi)
        # Read before the set is made: whatever changes meanwhile is noticed the next time.
        now = _identities(path for path, _ in rules)
        if (kept := self._kept.pop(key, None)) is not None and kept[1] != now:
            os.close(kept[0])
            kept = None
        ruleset = kept[0] if kept is not None else landlock.make_ruleset(rules, ports, abi)
        self._kept[key] = ruleset, now
        while len(self._kept) > MOST:
            os.close(self._kept.popitem(last=False)[1][0])
        return ruleset


def _identities(paths: Iterable[bytes]) -> list[_Identity]:
    """What each path leads to. None if it leads nowhere."""
    found: list[_Identity] = []
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - bytes, and often
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found
