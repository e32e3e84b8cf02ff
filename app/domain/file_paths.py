"""Names of files in a workspace, as callers may give them: relative, plain, and the same thing on every system."""

from __future__ import annotations

import unicodedata

from app.domain.errors import Invalid, Problem

PRIVATE_FOLDER = ".signoff"
MAX_PATH_LENGTH = 1024
MAX_NAME_BYTES = 255
# What Windows takes for a device, with any extension (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_path(path: str) -> tuple[str, ...]:
    """The parts of a relative path whose names are good on every system: for a file that is to be made.

    Raises:
        Invalid: `path_outside` where it leads out of the workspace or into Signoff's own folder, else `bad_path`.
    """
    if path.startswith("~") or path[1:2] == ":":
        raise _outside(path, "must be relative to the workspace")
    parts = path_inside(path)
    for part in parts:
        _check_name(path, part)
    return parts


def path_inside(path: str) -> tuple[str, ...]:
    """The parts of a relative path to a file that a task may have made, under a name that only this system takes.

    Raises:
        Invalid: as for `check_path`.
    """
    if not path or len(path) > MAX_PATH_LENGTH:
        raise _bad(path, f"A path has 1 to {MAX_PATH_LENGTH} characters.")
    if "\0" in path:
        raise _bad(path, "It holds a NUL character.")
    if path.startswith("/"):
        raise _outside(path, "must be relative to the workspace")
    parts = tuple(path.split("/"))
    if ".." in parts:
        raise _outside(path, "leads out of the workspace")
    if "" in parts or "." in parts:
        raise _bad(path, "It has an empty part.")
    if any(map(is_private, parts)):
        raise _outside(path, f"lies in {PRIVATE_FOLDER}, which is Signoff's own")
    return parts


def is_private(name: str) -> bool:
    """Whether a part of a path, at any depth, is Signoff's own folder: a workspace may hold another one's folder."""
    return alike(name) == PRIVATE_FOLDER


def alike(name: str) -> str:
    """The same for all names that some systems take for one: in other case, or with accents composed otherwise."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_name(path: str, name: str) -> None:
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise _bad(path, f"A name has at most {MAX_NAME_BYTES} bytes.")
    if any(unicodedata.category(character) in _HIDDEN for character in name):
        raise _bad(path, "It holds control or invisible characters.")
    if any(character in '\\:*?"<>|' for character in name):
        raise _bad(path, 'Names cannot hold any of \\ : * ? " < > |.')
    if name != name.strip() or name.endswith("."):
        raise _bad(path, "A name does not begin or end with a space, nor end with a dot.")
    if name.split(".", maxsplit=1)[0].lower() in _RESERVED:
        raise _bad(path, f"'{name}' is the name of a device on some systems.")


def _bad(path: str, reason: str) -> Invalid:
    message = f"'{_shown(path)}' cannot be the name of a file. {reason}"
    return Invalid(message, code="bad_path", details=[Problem(field="path", message=message)])


def _outside(path: str, reason: str) -> Invalid:
    message = f"The path '{_shown(path)}' {reason}."
    return Invalid(message, code="path_outside", details=[Problem(field="path", message=message)])


def _shown(path: str) -> str:
    return path[:100].encode("unicode_escape").decode()
