"""Landlock (landlock(7)): the kernel's unprivileged sandbox for a process and everything that it starts.

A worker makes the sets of rules, and the guard's child restricts itself. The process that guards are copies of loads this module
too, so it imports only ctypes and struct. The package `landlock` was tried. It supports
neither scopes (version 6 of the interface) nor rules for ports, and its import takes 10 ms.
"""

from __future__ import annotations

import ctypes
import os
import struct

# The numbers of these calls are the same on every architecture.
OPENAT2, CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 437, 444, 445, 446
GET_VERSION = 1
PATH_BENEATH, NET_PORT = 1, 2
# <linux/landlock.h>
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM = (1 << bit for bit in (7, 8, 9, 10, 12))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (13, 14, 15))
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1, 2
# The rights that each version of the interface supports, including those of earlier versions.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
NEWEST_FILE_RIGHTS = 5
# The rights that a rule for a single file may grant.
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

READ = EXECUTE | READ_FILE | READ_DIR
# Creating device files is not included.
WRITE = (
    READ
    | WRITE_FILE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | MAKE_SOCK
    | MAKE_FIFO
    | MAKE_SYM
    | REFER
    | TRUNCATE
)
DEVICE = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV
# For a folder shared by all processes of the machine: files can be created and opened by name, but not listed.
SHARED = READ_FILE | WRITE_FILE | MAKE_REG | REMOVE_FILE | TRUNCATE

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
# Capabilities that root usually keeps in a container (capabilities(7)). Root loses all others: they reach past the file system.
KEPT_CAPABILITIES = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
LAST_CAPABILITY = 40
# <linux/openat2.h>
RESOLVE_NO_SYMLINKS = 4

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of the interface that this kernel supports.

    Raises:
        OSError: the kernel does not support it, or a system call filter refuses it.
    """
    return _call(CREATE_RULESET, None, ctypes.c_size_t(0), GET_VERSION)


def make_ruleset(rules: list[tuple[bytes, int]], ports: list[int] | None, abi: int) -> int:
    """Make a set of rules. Returns its descriptor, which any number of processes may use to restrict themselves.

    Args:
        rules: paths without symbolic links, and the rights on them and below; missing paths are ignored.
        ports: the TCP ports that it may connect to; an empty list allows none and also forbids listening; None allows all.
        abi: the version of the interface.

    Raises:
        OSError: the set cannot be made.
    """
    rights = FILE_RIGHTS[min(abi, NEWEST_FILE_RIGHTS)]
    net = 0 if ports is None or abi < 4 else CONNECT_TCP if ports else BIND_TCP | CONNECT_TCP
    scopes = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    attributes = struct.pack("QQQ", rights, net, scopes)[:size]
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    try:
        for path, access in rules:
            _add_path(ruleset, path, access & rights)
        for port in ports or () if net else ():
            _call(ADD_RULE, ruleset, NET_PORT, struct.pack("QQ", CONNECT_TCP, port), 0)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def restrict(ruleset: int, *, drop_capabilities: bool = False) -> None:
    """Permanently restrict this process and everything that it starts. Closes `ruleset`.

    Args:
        ruleset: the descriptor of a set of rules.
        drop_capabilities: also drop the capabilities of root, for this process and everything that it starts.

    Raises:
        OSError: the process cannot be restricted.
    """
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if drop_capabilities:
        for capability in range(LAST_CAPABILITY + 1):
            if capability not in KEPT_CAPABILITIES:
                _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _add_path(ruleset: int, path: bytes, access: int) -> None:
    try:
        descriptor = _open_path(path)
    except FileNotFoundError:
        return
    try:
        # <linux/landlock.h>: struct landlock_path_beneath_attr is packed.
        rule = struct.pack("=Qi", access, descriptor)
        if _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0) < 0:
            _call(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", access & OF_FILES, descriptor), 0)
    finally:
        os.close(descriptor)


def _open_path(path: bytes) -> int:
    """Open a path for a rule. A link anywhere in it is refused, because the path was checked when it contained no link.

    Raises:
        OSError: the path cannot be opened.
    """
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS)
    return _call(OPENAT2, -100, path, how, ctypes.c_size_t(len(how)))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) < 0:
        raise _error()


def _call(number: int, *arguments: object) -> int:
    result = _libc.syscall(number, *arguments)
    if result < 0:
        raise _error()
    return result


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
