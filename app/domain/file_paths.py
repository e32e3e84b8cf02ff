"""Checks the paths that callers may use for files in a workspace: relative, plain, and portable to every system."""

from __future__ import annotations

import unicodedata

from app.domain.errors import Invalid
from signoff.schemas.problems import Problem

PRIVATE_FOLDER = ".signoff"
MAX_PATH_LENGTH = 1024
MAX_NAME_BYTES = 255
# Names that Windows reserves for devices, with any extension (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def check_path(path: str) -> tuple[str, ...]:
    """The parts of a relative path for a new file. Its names must be valid on every system.

    Raises:
        Invalid: `path_outside` if it leads out of the workspace or into Signoff's own folder, otherwise `bad_path`.
    """
    if path.startswith("~") or path[1:2] == ":":
        raise _outside(path, "must be relative to the workspace")
    parts = path_inside(path)
    for part in parts:
        _check_name(path, part)
    return parts


def path_inside(path: str) -> tuple[str, ...]:
    """The parts of a relative path to an existing file. A task may have used a name that only this system accepts.

    Raises:
        Invalid: as for `check_path`.
    """
    if not path or len(path) > MAX_PATH_LENGTH:
        raise _bad(path, f"A path must have 1 to {MAX_PATH_LENGTH} characters.")
    if "\0" in path:
        raise _bad(path, "It contains a NUL character.")
    if path.startswith("/"):
        raise _outside(path, "must be relative to the workspace")
    parts = tuple(path.split("/"))
    if ".." in parts:
        raise _outside(path, "leads out of the workspace")
    if "" in parts or "." in parts:
        raise _bad(path, "It has an empty part: remove the extra slash.")
    if any(map(is_private, parts)):
        raise _outside(path, f"is inside {PRIVATE_FOLDER}, which is reserved for Signoff")
    return parts


def is_private(name: str) -> bool:
    """Whether a part of a path is Signoff's own folder. It may be at any depth, as a workspace may contain another one."""
    return alike(name) == PRIVATE_FOLDER


def alike(name: str) -> str:
    """A normal form that is equal for names which differ only in letter case or in Unicode normalization."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def has_hidden(text: str) -> bool:
    """Whether a text has control characters, line breaks or invisible characters."""
    return any(unicodedata.category(character) in _HIDDEN for character in text)


def _check_name(path: str, name: str) -> None:
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise _bad(path, f"A name must have at most {MAX_NAME_BYTES} bytes.")
    if has_hidden(name):
        raise _bad(path, "It contains control characters or invisible characters.")
    if any(character in '\\:*?"<>|' for character in name):
        raise _bad(path, 'Names must not contain any of \\ : * ? " < > |.')
    if name != name.strip() or name.endswith("."):
        raise _bad(path, "A name must not start or end with a space, or end with a dot.")
    if name.split(".", maxsplit=1)[0].lower() in _RESERVED:
        raise _bad(path, f"'{name}' is a reserved device name on some systems.")


def _bad(path: str, reason: str) -> Invalid:
    message = f"'{_shown(path)}' is not a valid file name. {reason}"
    return Invalid(message, code="bad_path", details=[Problem(field="path", message=message)])


def _outside(path: str, reason: str) -> Invalid:
    message = f"The path '{_shown(path)}' {reason}."
    return Invalid(message, code="path_outside", details=[Problem(field="path", message=message)])


def _shown(path: str) -> str:
    return path[:100].encode("unicode_escape").decode()
