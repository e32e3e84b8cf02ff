"""Where Signoff keeps its own data. Callers must not name these paths."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from app.domain.validation import Objection

# Not files, but a view of the kernel and of every process.
_KERNEL = (Path("/proc"), Path("/sys"))

_Identity = tuple[int, int]


class PrivatePlaces:
    """Folders and files that no project, task or agent may reach by naming a path.

    Args:
        places: the data folder, and any of Signoff's files outside of it. They need not exist.
    """

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = list(places)

    def objection_to(self, path: Path) -> str | None:
        """Return why a path may not be named, as the end of a sentence that begins with the path. None if it may be named.

        The check compares both the resolved paths and the identity of the folders. A bind mount, or another spelling on a file
        system that ignores case, therefore gives the same answer.

        Args:
            path: an absolute path. Links are resolved here.
        """
        resolved = path.resolve()
        if any(resolved.is_relative_to(folder) for folder in _KERNEL):
            return "is part of the kernel's view of the system"
        for place in self._places:
            relation = _relation(resolved, place.resolve())
            if relation is not None:
                return f"{relation} {place}, which holds Signoff's own data"
        return None


def objection_to_grants(places: Iterable[Path]) -> Objection:
    """Return a function that says why a plan may not grant a path to a task, or None. Each path is checked only once."""
    private = PrivatePlaces(places)

    @functools.cache
    def objection(path: str) -> str | None:
        return private.objection_to(Path(path))

    return objection


def _relation(path: Path, place: Path) -> str | None:
    """Return how `path` relates to `place`, or None. Both are resolved."""
    mine, theirs = _identities(path), _identities(place)
    if path == place or (mine[0] is not None and mine[0] == theirs[0]):
        return "is"
    if path.is_relative_to(place) or (theirs[0] is not None and theirs[0] in mine[1:]):
        return "lies in"
    if place.is_relative_to(path) or (mine[0] is not None and mine[0] in theirs[1:]):
        return "contains"
    return None


def _identities(path: Path) -> list[_Identity | None]:
    """Return device and inode of a path and of every folder above it; None for one that does not exist."""
    return [_identity(each) for each in (path, *path.parents)]


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
