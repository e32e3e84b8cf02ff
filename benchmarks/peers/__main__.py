"""The same work by a bare Temporal workflow, Signoff, DBOS and Prefect, each as its documentation sets it up.

`make bench-peers` installs the others in an environment of their own, and runs `python -m benchmarks.peers`. For each shape of
work and each kind of task, it prints the tasks per second and the milliseconds of processor time per task, of all processes of
a system together: the median of the rounds after one that warms everything up.

The systems do not promise the same. With Signoff, each task has a record with events that are sealed, and a command also a
guard, limits, a sandbox and a log. A task of Prefect is a record on its server. A step of DBOS is a row of its database.

The systems run one after the other, so that none takes processor time from another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.overhead import SHAPES, Cost, chosen_shapes, compare, measured
from benchmarks.peers.jobs import DONE, READY
from tests.ports import free_port

HERE = Path(__file__).parents[2]
KINDS = ("nothing", "shell")
Results = dict[tuple[str, str], dict[str, list[Cost]]]


class Peer:
    """A process that runs jobs, and the processes that it needs."""

    def __init__(
        self, python: Path, module: str, *arguments: str, environment: dict[str, str], server: int | None
    ) -> None:
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{module}", *arguments],
            cwd=HERE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._parts = {"process": [self._process.pid]} | ({"server": [server]} if server else {})
        self._expect(READY)

    async def run(self, widths: list[int], kind: str) -> Cost:
        """Run one job."""

        async def work() -> None:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"widths": widths, "kind": kind}) + "\n")
            self._process.stdin.flush()
            await asyncio.to_thread(self._expect, DONE)

        return await measured(self._parts, sum(widths), work)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                return
        raise SystemExit(f"the system ended without a result: exit code {self._process.wait()}")


@contextmanager
def dbos(python: Path, folder: Path, way: str) -> Iterator[Peer]:
    """DBOS, with `way` of running tasks."""
    peer = Peer(python, "with_dbos", str(folder), way, environment=dict(os.environ), server=None)
    yield peer
    peer.close()


@contextmanager
def prefect(python: Path, folder: Path) -> Iterator[Peer]:
    """Prefect and its server."""
    port = free_port()
    environment = os.environ | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [python, "-m", "prefect", "server", "start", "--port", str(port), "--no-ui"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/health", server)
        peer = Peer(python, "with_prefect", environment=environment, server=server.pid)
        yield peer
        peer.close()
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    with httpx.Client(timeout=5) as http:
        while server.poll() is None:
            try:
                if http.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            try:
                server.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    raise SystemExit("the server of Prefect ended")


def costs_of_temporal(shapes: dict[str, list[int]], kinds: list[str], rounds: int, results: Results) -> None:
    """Measure the bare workflow and Signoff. A milestone, which is only a record, counts as a kind of Signoff's own."""

    def report(shape: str, kind: str, own: list[Cost], other: list[Cost]) -> None:
        if kind == "milestone":
            results[shape, "nothing"]["Signoff, milestone"] = own
        else:
            results[shape, kind] |= {"bare Temporal": other, "Signoff": own}

    # A milestone is compared with tasks that do nothing.
    more = ["milestone"] if "nothing" in kinds else []
    asyncio.run(compare(shapes, [*kinds, *more], rounds, report))


def costs_of_peers(python: Path, shapes: dict[str, list[int]], kinds: list[str], rounds: int, results: Results) -> None:
    """Measure the other systems."""

    async def measure(name: str, peer: Peer) -> None:
        for shape, widths in shapes.items():
            for kind in kinds:
                costs = [await peer.run(widths, kind) for _ in range(rounds + 1)]
                # The first round warms everything up.
                results[shape, kind][name] = costs[1:] or costs

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, system in (
            ("DBOS, steps", lambda: dbos(python, folder, "steps")),
            ("DBOS, queue", lambda: dbos(python, folder, "queue")),
            ("Prefect", lambda: prefect(python, folder)),
        ):
            with ExitStack() as stack:
                asyncio.run(measure(title, stack.enter_context(system())))


def main() -> None:
    """Measure, and print one table for each kind of task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="the Python of an environment with requirements.txt")
    parser.add_argument("--rounds", type=int, default=2, help="0: one round, without warming up")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="only this shape (may be repeated)")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind of task (may be repeated)")
    parser.add_argument("--tasks", type=int, help="at most this many tasks of each shape")
    arguments = parser.parse_args()
    if arguments.peers is None:
        parser.error(
            "name the Python of an environment with benchmarks/peers/requirements.txt: --peers, or make bench-peers"
        )
    shapes = chosen_shapes(arguments.shape, arguments.tasks)
    kinds = arguments.kind or list(KINDS)
    results: Results = {(shape, kind): {} for shape in shapes for kind in kinds}
    costs_of_temporal(shapes, kinds, arguments.rounds, results)
    # Not resolved: the Python of an environment is a link.
    costs_of_peers(arguments.peers.absolute(), shapes, kinds, arguments.rounds, results)
    for kind in kinds:
        print(f"\nTasks that {'do nothing' if kind == 'nothing' else 'run /bin/sh -c true'}: tasks/s, processor time")
        names = list(results[next(iter(shapes)), kind])
        print(f"{'':22}" + "".join(f"{shape:>22}" for shape in shapes))
        for name in names:
            print(f"{name:22}" + "".join(f"{_cell(results[shape, kind][name]):>22}" for shape in shapes))


def _cell(costs: list[Cost]) -> str:
    rate = 1000 / statistics.median(cost.time for cost in costs)
    return f"{rate:.0f}/s, {statistics.median(cost.whole for cost in costs):.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
