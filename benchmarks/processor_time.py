"""The processor time of processes and of everything below them (Linux)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# A word of the command line of each process of Signoff.
_PARTS = {"server": "start-dev", "worker": "worker", "app": "serve"}


def used_by(*roots: int) -> float:
    """Return the seconds of processor time that these processes and all their descendants have used so far."""
    ticks = _ticks_below(*roots)
    return sum(ticks.values()) / TICKS


def processes_below(root: int) -> list[int]:
    """Return the pids of a process and all its descendants."""
    return list(_ticks_below(root))


def parts() -> dict[str, int]:
    """Return the pid of each process of the Signoff below this process, by its name."""
    found: dict[str, int] = {}
    for pid in processes_below(os.getpid())[1:]:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            for name, word in _PARTS.items():
                if word in words:
                    found.setdefault(name, pid)
    return found


def _ticks_below(*roots: int) -> dict[int, int]:
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): starts with the third field. The parent is the fourth; utime to cstime are the 14th to 17th.
            fields = entry.read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        pid = int(entry.parent.name)
        ticks[pid] = sum(map(int, fields[11:15]))
        children.setdefault(int(fields[1]), []).append(pid)
    found, level = dict[int, int](), list(roots)
    while level:
        found |= {pid: ticks.get(pid, 0) for pid in level}
        level = [child for pid in level for child in children.get(pid, ())]
    return found
