"""How a system that is compared gets its work: jobs as lines of JSON on standard input. Needs only the standard library."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

READY = "ready"
DONE = "done"


def jobs() -> Iterator[tuple[list[int], str]]:
    """Yield the widths of the layers and the kind of task of each job, and say when it is done."""
    print(READY, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        yield job["widths"], job["kind"]
        print(DONE, flush=True)
