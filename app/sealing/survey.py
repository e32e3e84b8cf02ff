"""Checks the database as a whole: whether it still has every project that the app has sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from app.domain.audit import Found
from app.domain.seals import Head, Seal
from app.domain.signing import KeyRing
from app.storage import seals

_ADVICE = "Compare with a backup, and find out who can write to the database."


@dataclass(frozen=True)
class Survey:
    """The contents of the database at one moment.

    Attributes:
        projects: each project's id, with its newest seal or None.
        tombstones: each deleted project's id, with the seal over its end, or None if it is not sealed yet.
        unsealed: ids of projects with events that no seal covers.
    """

    projects: Mapping[str, Seal | None]
    tombstones: Mapping[str, Seal | None]
    unsealed: list[str]


def look(conn: Connection) -> Survey:
    """Read the seals of every project."""
    return Survey(seals.newest_of_all(conn), seals.tombstones_of_all(conn), seals.unsealed_projects(conn))


def check(survey: Survey, published: Mapping[str, Head], keys: KeyRing) -> Iterator[tuple[str, Found]]:
    """Yield a finding for each project that is gone or differs from what was published.

    Args:
        survey: the contents of the database.
        published: the newest head of each project, as published before the survey.
        keys: the keys whose seals are valid.
    """
    for project_id, head in published.items():
        if project_id in survey.projects:
            yield from _present(project_id, survey.projects[project_id], head)
        elif project_id not in survey.tombstones:
            message = f"Project {project_id} was sealed up to event {head.seq}, but it is not in the database."
            if not head.deleted:
                yield (
                    project_id,
                    _found("project_removed", f"{message} Nothing in the record says that it was deleted."),
                )
    for project_id, stone in survey.tombstones.items():
        yield from _deleted(project_id, stone, keys)


def _present(project_id: str, newest: Seal | None, head: Head) -> Iterator[tuple[str, Found]]:
    if head.deleted:
        yield project_id, _found("project_restored", f"Project {project_id} was deleted, but it is in the database.")
    elif newest is None or newest.number < head.number or (newest.number == head.number and Head.of(newest) != head):
        message = (
            f"Seal {head.number} of project {project_id}, up to event {head.seq}, was published, but the database has"
        )
        has = f"seal {newest.number}" if newest is not None else "no seal"
        other = f"a different {has}" if newest is not None and newest.number == head.number else has
        yield project_id, _found("record_rolled_back", f"{message} {other}.")


def _deleted(project_id: str, stone: Seal | None, keys: KeyRing) -> Iterator[tuple[str, Found]]:
    if stone is None:
        # It was just deleted. The app will seal its end soon.
        return
    if not (stone.is_signed_by(keys) and stone.deleted and stone.project_id == project_id):
        yield project_id, _found("seal_forged", f"The app did not seal the end of project {project_id}.")
    elif stone.unauthenticated:
        yield project_id, _found("project_removed", f"Nobody is known to have asked to delete project {project_id}.")
    elif stone.contradicts is not None:
        message = f"When project {project_id} was deleted, its record differed from what had been published."
        yield project_id, _found("record_rewritten", message)


def _found(code: str, message: str) -> Found:
    return Found("critical", code, message, _ADVICE)


def damaged(damage: str | None) -> list[tuple[str | None, Found]]:
    """Return a finding about the file of heads itself, if it is damaged."""
    advice = "Restore the copy that you keep elsewhere, and restart the app."
    return [(None, Found("critical", "heads_damaged", damage, advice))] if damage is not None else []
