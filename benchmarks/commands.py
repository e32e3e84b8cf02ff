"""What it costs to run a command as a task: under its guard, with and without limits and sandbox.

`python -m benchmarks.commands [--rounds 200] [--against FOLDER]` runs `true` in each way, in turn. It prints milliseconds and
how much more that is than for `true` alone: the median, the fastest tenth, and the processor time of all processes of the
command, which a busy machine affects reference. FOLDER is another checkout of Signoff, whose guard is measured during the same
minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[1]
BATCH = 20
# Must also run in an older checkout.
PROGRAM = """
import asyncio, json, resource, sys, time
from pathlib import Path

way, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
env = {"PATH": "/usr/bin:/bin"}

async def bare():
    await (await asyncio.create_subprocess_exec("/bin/true", cwd=folder, env=env)).wait()

def guarded():
    from activities.actions.process import run_guarded
    from app.settings import Settings
    more = {}
    if way in {"limits", "sandbox"}:
        settings = Settings(data_dir=folder / "data")
        more["limits"] = settings.task_limits.model_dump()
    if way == "sandbox":
        from activities.actions.sandbox import sandbox_of
        sandbox = sandbox_of(settings)
        assert sandbox is not None, "this kernel has no Landlock"
    async def run():
        if way == "sandbox":
            more["sandbox"] = sandbox.around(folder)
        await run_guarded(["/bin/true"], cwd=folder, env=env, on_output=lambda data: None, grace=1, **more)
    return run

async def main():
    run = bare if way == "bare" else guarded()
    taken = []

    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    for number in range(rounds + 3):
        begun, before = time.perf_counter(), used()
        await run()
        if number >= 3:
            taken.append(((time.perf_counter() - begun) * 1000, (used() - before) * 1000))
    print(json.dumps(taken))

asyncio.run(main())
"""


def batches(ways: list[tuple[str, Path, str]], rounds: int) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield for each way its runs' milliseconds, as wall-clock time and as processor time.

    The ways take turns in batches, so that a busy minute affects all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        for begin in range(0, rounds, BATCH):
            for name, source, way in ways:
                size = str(min(BATCH, rounds - begin))
                command = [sys.executable, "-c", PROGRAM, way, folder, size]
                done = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, text=True, check=True)
                yield name, json.loads(done.stdout)


def figures(values: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the median, the upper bound of the fastest tenth, and the median of the processor time."""
    clock = sorted(value for value, _ in values)
    return statistics.median(clock), clock[len(clock) // 10], statistics.median(used for _, used in values)


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="how often each way runs")
    parser.add_argument("--against", type=Path, help="another checkout, whose guard is also measured")
    arguments = parser.parse_args()
    ways = [
        ("bare", HERE, "bare"),
        ("guard", HERE, "guard"),
        ("guard, limits", HERE, "limits"),
        ("guard, limits, sandbox", HERE, "sandbox"),
    ]
    if arguments.against is not None:
        ways.append(("guard of the other checkout", arguments.against.resolve(), "guard"))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in ways}
    for name, milliseconds in batches(ways, arguments.rounds):
        taken[name] += milliseconds
    print(f"{'':28} {'median':>10} {'':>21} {'fastest tenth':>16} {'':>15} {'processor time':>16}")
    base = figures(taken["bare"])
    for name, values in taken.items():
        cells = [
            f"{value:7.2f} ms {value / reference:5.1f} x {value - reference:+8.2f} ms"
            for value, reference in zip(figures(values), base, strict=True)
        ]
        print(f"{name:28} {' '.join(cells)}")


if __name__ == "__main__":
    main()
