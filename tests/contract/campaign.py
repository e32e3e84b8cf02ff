"""Runs schemathesis over the OpenAPI document of a running app.

`python -m tests.contract.campaign 20000` starts an app and a worker, and continues until that many requests were sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from app.api.http import throttle
from tests.conftest import Stack, running_stack
from tests.temporal_server import started_server

KEY = "a key for made-up requests, long enough to serve"
FOLDER = Path(__file__).parent
# Requests that fit the schema, requests that just do not, requests that build on each other, and each field at its limits.
ROUNDS = (("fuzzing,stateful", "positive"), ("coverage,fuzzing", "all"))
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@dataclass
class Outcome:
    """The result of a round."""

    passed: bool = True
    report: str = ""
    tally: Counter[tuple[str, int]] = field(default_factory=Counter)

    def requests(self) -> int:
        """Return how many requests were sent."""
        return self.tally.total()

    def share_of_success(self) -> float:
        """Return the share of answers with a 2xx status."""
        return sum(number for (_, status), number in self.tally.items() if status < 300) / max(1, self.requests())

    def table(self) -> str:
        """Return the counts by operation and status."""
        statuses = sorted({status for _, status in self.tally})
        rows = {name: [self.tally[name, status] or "" for status in statuses] for name, _ in sorted(self.tally)}
        lines = [f"{name:20}" + "".join(f"{cell:>7}" for cell in row) for name, row in [("", statuses), *rows.items()]]
        return "\n".join([*lines, f"{self.requests()} requests, {self.share_of_success():.0%} of them 2xx"])


async def attack(
    stack: Stack, *, phases: str, examples: int, seed: int = 1, mode: str = "all", workers: int = 1
) -> Outcome:
    """Run one round of generated requests."""
    # schemathesis waits 10 s for the document. Making it for the first time takes longer on a loaded machine.
    (await stack.http.get("/schema/openapi.json")).raise_for_status()
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally.json"
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.contract.hooks",
            "SIGNOFF_FUZZ_URL": stack.url,
            "SIGNOFF_FUZZ_KEY": KEY,
            "SIGNOFF_FUZZ_SEED": str(seed),
            "SIGNOFF_FUZZ_TALLY": str(tally),
            "PYTHONPATH": str(FOLDER.parent.parent),
        }
        process = await asyncio.create_subprocess_exec(
            SCHEMATHESIS,
            "--config-file",
            FOLDER / "schemathesis.toml",
            "run",
            f"{stack.url}/schema/openapi.json",
            "--header",
            f"Authorization: Bearer {KEY}",
            "--phases",
            phases,
            "--max-examples",
            str(examples),
            "--seed",
            str(seed),
            "--mode",
            mode,
            "--workers",
            str(workers),
            "--no-color",
            cwd=folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        rows = json.loads(tally.read_text()) if tally.exists() else []
    return Outcome(process.returncode == 0, output.decode(), Counter({(name, status): n for name, status, n in rows}))


async def campaign(wanted: int) -> bool:
    """Run rounds with new seeds until `wanted` requests were sent, and print the results."""
    whole = Outcome()
    async with AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        temporal = await started_server()
        exits.push_async_callback(temporal.shutdown)
        stack = await exits.enter_async_context(running_stack(temporal, folder, api_key=KEY))
        # Wrong keys are part of the test, and each would make every later request two seconds slower.
        throttle.FIRST_DELAY = 0.0
        stack.http.headers["Authorization"] = f"Bearer {KEY}"
        for seed, (phases, mode) in enumerate(cycle(ROUNDS), start=1):
            found = await attack(stack, phases=phases, mode=mode, examples=60, seed=seed, workers=2)
            whole.tally += found.tally
            if not found.passed:
                whole.passed = False
                print(found.report)
            print(f"seed {seed}: {found.requests()} requests, {'passed' if found.passed else 'FAILED'}", flush=True)
            if whole.requests() >= wanted or not found.requests():
                break
    print(whole.table())
    return whole.passed


if __name__ == "__main__":
    # Tasks fail here on purpose, and each failure would log a warning.
    logging.disable(logging.WARNING)
    sys.exit(not asyncio.run(campaign(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)))
