"""What it costs to start Signoff: `python -m benchmarks.start [--rounds 5] [--idle SECONDS] [--against FOLDER]`.

Prints the processor time of `signoff --help`, of a short command, and of each process of `signoff up` in an empty folder until it
is ready, with the memory (PSS) that each process has then. Each figure is the least of all rounds, which a busy machine affects
least. FOLDER is another checkout of Signoff, installed in its own `.venv`, whose start is measured during the same minutes.
With `--idle`, `signoff up` is then left alone for some seconds, and each process's share of a core in this time is printed.
Linux only; reading the memory of the app and the worker needs root.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from tests.ports import free_port

HERE = Path(__file__).parents[1]
# What a start has begun ends in this time.
_SETTLING_SECONDS = 5
_TICKS = os.sysconf("SC_CLK_TCK")
# By a word of its command line.
_PARTS = {"up": "supervisor", "serve": "app", "worker": "worker", "start-dev": "Temporal"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    checkouts = [HERE, *([arguments.against] if arguments.against else [])]
    best: dict[tuple[str, Path], float] = {}
    for _ in range(arguments.rounds):
        for checkout in checkouts:
            for what, seconds in _round(checkout, arguments.idle).items():
                best[what, checkout] = min(seconds, best.get((what, checkout), seconds))
    print(f"{'':28}", *checkouts)
    for what in dict.fromkeys(what for what, _ in best):
        print(f"{what:28}", *(f"{best.get((what, checkout), 0):.2f}" for checkout in checkouts))


def _round(checkout: Path, idle: float) -> dict[str, float]:
    signoff = str(checkout / ".venv/bin/signoff")
    used = {f"signoff {words}, s": _spent([signoff, *words.split()]) for words in ("--help", "projects list --help")}
    used |= _start([signoff, "up", "--json"], idle)
    return used


def _spent(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _start(command: list[str], idle: float) -> dict[str, float]:
    ports = {f"SIGNOFF_{name}PORT": str(free_port()) for name in ("", "TEMPORAL_", "TEMPORAL_UI_")}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **ports, "SIGNOFF_DATA_DIR": f"{folder}/data"}
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            parts = _parts(process.pid)
            resting = _resting(process.pid, idle) if idle else {}
            process.terminate()
    seconds = {part: used for part, used, _ in parts}
    memory = {part: mebibytes for part, _, mebibytes in parts}
    return {
        f"up: {part}, {unit}": figure
        for unit, figures in (("s", seconds), ("MiB", memory), ("% of a core when idle", resting))
        for part, figure in {**figures, "all": sum(figures.values())}.items()
    }


def _resting(pid: int, seconds: float) -> dict[str, float]:
    """How much of a core each part needs while nothing happens, in percent."""
    time.sleep(_SETTLING_SECONDS)
    before = {part: used for part, used, _ in _parts(pid)}
    time.sleep(seconds)
    return {part: 100 * (used - before[part]) / seconds for part, used, _ in _parts(pid)}


def _parts(pid: int) -> list[tuple[str, float, float]]:
    """The parts at and below a process, with their processor time so far in seconds and their memory in MiB."""
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    # The fields after the name, which is in parentheses: the 12th and 13th are the time as a user and in the kernel.
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    name = next((part for word, part in _PARTS.items() if word in words), None)
    seconds = (int(numbers[11]) + int(numbers[12])) / _TICKS
    found = [(name, seconds, _proportional_mebibytes(pid))] if name else []
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return found + [part for child in children for part in _parts(int(child))]


def _proportional_mebibytes(pid: int) -> float:
    """The process's memory. Of pages that it shares with others, each process has its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
