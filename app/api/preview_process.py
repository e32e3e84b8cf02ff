"""The process that makes previews: one after the other, as they come on its standard input.

A request and an answer are four bytes with a length, most significant first, and that many bytes: a `PreviewOrder`, and an
`OutlinePreview`, both as JSON. The process ends with its input, so with the app that started it, and in the middle of a
preview where that needs too much time or memory.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress

from app.api.preview import PreviewOrder, preview
from app.planning.registry import load_actions

# Bytes of address space. A plan of 10,000 tasks needs less than 300 MiB with everything that is loaded.
LARGEST = 1024**3
# How it exits.
OUT_OF_TIME, OUT_OF_MEMORY = -signal.SIGPROF, 3


def main() -> None:
    """Answer until the input ends. The argument is how many seconds of computing one answer may take."""
    longest = float(sys.argv[1])
    with suppress(ValueError, OSError):  # not every system has it
        resource.setrlimit(resource.RLIMIT_AS, (LARGEST, LARGEST))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a plug-in prints must not come between the answers.
    os.dup2(2, 1)
    actions = load_actions()
    while len(head := requests.read(4)) == 4:
        order = PreviewOrder.model_validate_json(requests.read(int.from_bytes(head)))
        # SIGPROF, which ends the process whatever it is busy with.
        signal.setitimer(signal.ITIMER_PROF, longest)
        try:
            answer = preview(order, actions)
        except MemoryError:
            sys.exit(OUT_OF_MEMORY)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(answer).to_bytes(4) + answer)
        answers.flush()


if __name__ == "__main__":
    main()
