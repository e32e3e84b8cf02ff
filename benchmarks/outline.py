"""How long /health takes while a large outline is planned: `python -m benchmarks.outline [--tasks 10000]`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from tests.ports import free_port

DEADLINE_SECONDS = 120.0


def latencies(url: str, stop: threading.Event) -> list[float]:
    """Milliseconds that each /health took until `stop`."""
    taken: list[float] = []
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        while not stop.is_set():
            begun = time.perf_counter()
            client.get("/health").raise_for_status()
            taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


def measure(url: str, description: str | None) -> tuple[float, list[float]]:
    """Seconds that the outline took (or 2 s of nothing), and what /health took meanwhile."""
    stop, found = threading.Event(), list[float]()
    thread = threading.Thread(target=lambda: found.extend(latencies(url, stop)))
    begun = time.perf_counter()
    thread.start()
    if description is None:
        stop.wait(2)
    else:
        httpx.post(f"{url}/api/outline", json={"description": description}, timeout=120).raise_for_status()
    seconds = time.perf_counter() - begun
    stop.set()
    thread.join()
    return seconds, found


def main() -> None:
    """Measure against an app in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of the outline")
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        variables = os.environ | {"SIGNOFF_DATA_DIR": str(Path(folder) / "data"), "SIGNOFF_PORT": str(port)}
        command = [sys.executable, "-m", "app.cli"]
        subprocess.run([*command, "migrate"], env=variables, check=True, capture_output=True)
        process = subprocess.Popen([*command, "serve"], env=variables, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while True:
                try:
                    httpx.get(f"{url}/health", trust_env=False)
                    break
                except httpx.TransportError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)  # why: the step of a wait that has a condition and a deadline
            for name, description in (("nothing", None), (f"{tasks} tasks", "- a\n" * tasks)):
                seconds, found = measure(url, description)
                shown = f"median {found[len(found) // 2]:6.1f} p99 {found[int(len(found) * 0.99)]:6.1f} worst {found[-1]:6.1f}"
                print(f"{name:14} {seconds:6.2f} s, /health in ms: {shown} of {len(found)}")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
