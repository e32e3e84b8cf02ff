"""Ends a command in order when its output cannot be written: the reader has gone, or the disk is full."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Generator

# As if SIGPIPE had ended the process, like other tools.
GONE = 141
# What writing to a file, a pipe or a terminal raises. Errors about a file that a command opened name the file.
_WRITING = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


@contextmanager
def orderly_output() -> Generator[None]:
    """Run a command. If standard output cannot be written, say so in one sentence, or nothing if its reader has gone.

    Raises:
        SystemExit: with exit code 141 if the reader has gone, and 1 if the output cannot be written.
    """
    stdout = sys.stdout
    try:
        try:
            yield
        finally:
            _flush(sys.stdout)
    except OSError as error:
        if not is_output_error(error):
            raise
        end_output(error)
    except SystemExit:
        # Click replaces the stream if the pipe is closed.
        if sys.stdout is not stdout:
            end_output(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))
        raise
    finally:
        with suppress(OSError, ValueError):
            _flush(sys.stderr)


def is_output_error(error: OSError) -> bool:
    """Whether writing to a standard stream has raised `error`."""
    return error.filename is None and error.errno in _WRITING


def end_output(error: OSError) -> None:
    """Discard all further output, and end the process.

    Raises:
        SystemExit: always.
    """
    is_gone = error.errno == errno.EPIPE
    discard(1)
    if not is_gone:
        say_on_stderr(f"Error: The output cannot be written: {error.strerror}. Write it to another file or device.")
    raise SystemExit(GONE if is_gone else 1) from None


def say_on_stderr(sentence: str) -> None:
    """Print a sentence on standard error, if that can be written."""
    try:
        print(sentence, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        discard(2)


def discard(*descriptors: int) -> None:
    """Send what is written to standard streams to nowhere, also what they have buffered."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _flush(stream: TextIO | None) -> None:
    # A process that was started with a closed stream has None.
    if stream is not None and not stream.closed:
        stream.flush()
