"""Runs a program as if the kernel had no Landlock: `python -m tests.no_landlock PROGRAM ...`.

A seccomp filter answers Landlock's system calls with ENOSYS, as an older kernel does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD_WORD, JUMP_IF_GREATER_OR_EQUAL, RETURN = 0x20, 0x35, 0x06
# From landlock_create_ruleset to landlock_restrict_self, on every architecture.
FIRST, LAST = 444, 446


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def hide_landlock() -> None:
    """Hide Landlock from this process and every process that it starts."""
    code = [
        (LOAD_WORD, 0, 0, 0),
        (JUMP_IF_GREATER_OR_EQUAL, 0, 2, FIRST),
        (JUMP_IF_GREATER_OR_EQUAL, 1, 0, LAST + 1),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),
        (RETURN, 0, 0, ALLOW),
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = _Program(len(code), ctypes.addressof(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    hide_landlock()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
