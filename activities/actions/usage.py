"""Measures what the processes of a command use, from /proc (proc(5)). The guard does this a few times a second."""

from __future__ import annotations

import os

# pathlib takes too long to load.
# ruff: noqa: PTH123

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds between two measurements: near a limit, and far from all limits.
NEAR, FAR = 0.1, 1.0
FAR_BELOW = 4


class Usage:
    """Measures a tree of processes, and compares its usage with limits.

    Args:
        limits: the limits by name: `memory` in bytes, `processes`, `cpu_seconds`; 0 or missing: no limit.
    """

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = {name: limit for name in ("memory", "processes", "cpu_seconds") if (limit := limits.get(name, 0))}
        self.pause = NEAR

    def exceeded(self, pids: list[int]) -> str | None:
        """The name of a limit that the processes exceed, if any. It also sets the time of the next measurement."""
        if not self.limits:
            return None
        used = self.measured(pids)
        self.pause = FAR
        for name, limit in self.limits.items():
            if used[name] > limit and (name != "memory" or own_memory(pids) > limit):
                return name
            if used[name] * FAR_BELOW > limit:
                self.pause = NEAR
        return None

    @staticmethod
    def measured(pids: list[int]) -> dict[str, float]:
        """The usage of the processes. Shared memory is counted for each of them."""
        ended = os.times()
        ticks = pages = processes = 0
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            # Starts with the third field: state, 11 others, utime, stime, cutime, cstime (14th to 17th), rss (24th).
            ticks += sum(map(int, fields[11:15]))
            if fields[0] != b"Z":
                processes += 1
                pages += int(fields[21])
        cpu = ended.children_user + ended.children_system + ticks / TICKS
        return {"memory": pages * PAGE, "processes": processes, "cpu_seconds": cpu}


def own_memory(pids: list[int]) -> int:
    """The processes' memory in bytes, with each shared page counted once. Slower, so it is used only when it matters."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                lines = [line.split() for line in file.read().splitlines()]
        except PermissionError:
            # A process can hide this from everybody but root. Its resident memory is always readable.
            total += resident_memory(pid)
            continue
        except OSError:
            continue
        sizes = {words[0]: int(words[1]) * 1024 for words in lines if len(words) == 3}
        # The kernel can reclaim file pages, so they are not counted. Before Linux 5.6, only the sum is available.
        total += sizes.get(b"Pss_Anon:", sizes.get(b"Pss:", 0)) + sizes.get(b"Pss_Shmem:", 0)
    return total


def resident_memory(pid: int) -> int:
    """The resident memory of a process in bytes, including shared memory."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[21]) * PAGE
    except OSError:
        return 0
