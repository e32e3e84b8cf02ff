"""The process that computes previews, one after the other, in the order in which they arrive on its standard input.

Requests and answers consist of a length in four bytes, most significant first, and that many bytes of JSON: a `PreviewOrder`
or an `OutlinePreview`. The process ends when its input ends, and therefore with the app that started it. It also ends during a
preview that needs too much time or memory.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress

from app.api.views.preview import preview
from app.api.views.preview_order import OUT_OF_MEMORY, PreviewOrder
from app.domain.registry import load_actions

# Bytes of address space. A plan of 10,000 tasks needs less than 300 MiB, including all loaded code.
LARGEST = 1024**3


def main() -> None:
    """Answer requests until the input ends. The argument is the maximum CPU time per answer in seconds."""
    max_seconds = float(sys.argv[1])
    with suppress(ValueError, OSError):  # not every system supports this limit
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST, LARGEST))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # The output of a plug-in must not be mixed with the answers.
    os.dup2(2, 1)
    actions = load_actions()
    while len(head := requests.read(4)) == 4:
        order = PreviewOrder.model_validate_json(requests.read(int.from_bytes(head)))
        # At the time limit, SIGPROF ends the process regardless of what it is doing.
        signal.setitimer(signal.ITIMER_PROF, max_seconds)
        try:
            answer = preview(order, actions)
        except MemoryError:
            sys.exit(OUT_OF_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(answer).to_bytes(4) + answer)
        answers.flush()


if __name__ == "__main__":
    main()
