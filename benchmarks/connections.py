"""What it costs to find out who opened a connection: the user, and whether a task did so.

`python -m benchmarks.connections [--open 200] [--rounds 2000]`
"""

from __future__ import annotations

import argparse
import socket
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

from app.serving import task_processes
from app.serving.peers import Endpoint, NetlinkLookup, TableLookup


def microseconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of one call."""
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]


def main() -> None:
    """Measure on this process's own connections, with others open at the same time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=200, help="connections that are open at the same time")
    parser.add_argument("--rounds", type=int, default=2000, help="number of measured calls")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=arguments.open + 1))
        for _ in range(arguments.open + 1):
            stack.enter_context(socket.create_connection(server.getsockname()))
            accepted = stack.enter_context(server.accept()[0])
        peer, local = Endpoint.of(accepted.getpeername()), Endpoint.of(accepted.getsockname())
        netlink, tables = NetlinkLookup(), TableLookup()
        owner = netlink.find(peer, local)
        assert owner is not None

        def first_look() -> object:
            task_processes.forget()
            return task_processes.origin_of(owner.inode, owner.uid)

        for name, work, rounds in (
            ("netlink", lambda: netlink.find(peer, local), arguments.rounds),
            ("/proc/net/tcp, in a thread", lambda: tables.find(peer, local), max(1, arguments.rounds // 50)),
            (
                "process, known",
                lambda: task_processes.origin_of(owner.inode, owner.uid),
                max(1, arguments.rounds // 10),
            ),
            ("process, new", first_look, max(1, arguments.rounds // 10)),
            ("process, not found", lambda: task_processes.origin_of(0, owner.uid), max(1, arguments.rounds // 50)),
        ):
            median, worst = microseconds(work, rounds)
            print(f"{name:28} median {median:8.1f} µs   p99 {worst:8.1f} µs")


if __name__ == "__main__":
    main()
