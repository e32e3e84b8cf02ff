"""Runs the tests in groups, several side by side, and names every test that failed at the end.

Each group is one pytest process with its own Temporal server. Its output is in a log file in .venv/tests.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

ROOT = Path(__file__).parents[1]
LOGS = ROOT / ".venv" / "tests"
# Every call in every situation: each of these files takes as long as many others.
_TABLES = ("tests/api/test_nothing_ignored.py", "tests/api/test_call_table.py")
# The groups that take longest come first, so that the last ones end at about the same time.
GROUPS: dict[str, tuple[str, ...]] = {
    "workflows": ("tests/workflows",),
    "api": ("tests/api", *(f"--ignore={file}" for file in _TABLES)),
    "e2e": ("tests/e2e", "tests/contract", "tests/client"),
    "postgresql": ("--database=postgresql",),
    "chaos": ("tests/chaos", "tests/observing"),
    "units": ("tests/unit", "tests/activities"),
    "tables": _TABLES,
    "models": ("tests/models", "tests/bridge", "tests/replay"),
}
# `make test-browser` and `make test-model` run these.
_ELSEWHERE = {"browser", "small_model"}
# Many tests wait for processes and timers: with one group more than processors, a quarter of the processor time was unused.
AT_ONCE = (os.cpu_count() or 1) + 2
_PERCENT = re.compile(r"\[ *(\d+)%\]")
_REPORT_SECONDS = 30
# A group that takes longer hangs outside a test, where pytest sets no limit.
_MAX_SECONDS = 4800


@dataclass
class Group:
    """One group of tests."""

    name: str
    code: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """The file with the output of its tests."""
        return LOGS / f"{self.name}.log"

    def run(self, options: list[str]) -> None:
        """Run the tests to their end."""
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "pytest", *GROUPS[self.name], *options]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
            try:
                self.code = self.process.wait(_MAX_SECONDS)
            except subprocess.TimeoutExpired:
                # pytest's fault handler writes the stack of every thread to the log.
                self.process.send_signal(signal.SIGABRT)
                self.code = self.process.wait()

    def progress(self) -> str:
        """How far the group has come, in words."""
        if self.code is not None:
            return f"{self.name} {'passed' if self.code == 0 else 'failed'}"
        percentages = _PERCENT.findall(self.text())
        return f"{self.name} {percentages[-1] if percentages else 0} %"

    def text(self) -> str:
        """Everything that was printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def failures(self) -> list[str]:
        """The summary lines of the tests that failed."""
        lines = [line for line in self.text().splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines or [f"FAILED {self.name}: pytest ended with {self.code}"]


def main(options: list[str]) -> int:
    """Run every group with these options of pytest. Returns 1 if a test failed, otherwise 0."""
    _check_that_no_folder_is_forgotten()
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    groups = [Group(name) for name in GROUPS]
    print(
        f"Running {len(groups)} groups of tests, {min(AT_ONCE, len(groups))} at a time. Their output: {LOGS}",
        flush=True,
    )
    _run_side_by_side(groups, options)
    failed = [group for group in groups if group.code]
    for group in groups:
        print(f"\n{group.name}:\n{group.text() if group.code else _ending(group.text())}")
    for line in (line for group in failed for line in group.failures()):
        print(line)
    print("Every group passed." if not failed else f"{len(failed)} of {len(groups)} groups failed.")
    return 1 if failed else 0


def _check_that_no_folder_is_forgotten() -> None:
    folders = {file.parent.name for file in (ROOT / "tests").glob("*/test_*.py")} - _ELSEWHERE
    grouped = {argument.removeprefix("tests/") for arguments in GROUPS.values() for argument in arguments}
    if forgotten := folders - grouped:
        sys.exit(f"No group of {Path(__file__).name} runs these folders of tests: {', '.join(sorted(forgotten))}")


def _run_side_by_side(groups: list[Group], options: list[str]) -> None:
    waiting: SimpleQueue[Group] = SimpleQueue()
    for group in groups:
        waiting.put(group)

    def work() -> None:
        while True:
            try:
                group = waiting.get_nowait()
            except Empty:
                return
            group.run(options)

    threads = [threading.Thread(target=work) for _ in range(min(AT_ONCE, len(groups)))]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        deadline = time.monotonic() + _REPORT_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        started = (group.progress() for group in groups if group.process is not None)
        print(f"{time.monotonic() - begin:5.0f} s  {', '.join(started)}", flush=True)


def _ending(text: str) -> str:
    """The part of a log after the dots: the slowest tests, and how many passed."""
    lines = text.splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith("====")), 0)
    return "\n".join(lines[begin:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
