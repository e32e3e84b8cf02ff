"""The record as a whole: whether the database still has every project that the app has sealed."""

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
    """What the database has, at one moment.

    Attributes:
        projects: ids of all projects, each with its newest seal, or None.
        tombstones: ids of deleted projects, each with the seal over its end, or None where it is not sealed yet.
        unsealed: ids of projects with events that no seal covers.
    """

    projects: Mapping[str, Seal | None]
    tombstones: Mapping[str, Seal | None]
    unsealed: list[str]


def look(conn: Connection) -> Survey:
    """Read what there is of every project."""
    return Survey(seals.newest_of_all(conn), seals.tombstones_of_all(conn), seals.unsealed_projects(conn))


def check(survey: Survey, published: Mapping[str, Head], keys: KeyRing) -> Iterator[tuple[str, Found]]:
    """Projects that are gone, or not as they were published, each with a finding.

    Args:
        survey: of the database.
        published: the newest head of each project, as it was before the survey.
        keys: whose seals count.
    """
    for project_id, head in published.items():
        if project_id in survey.projects:
            yield from _present(project_id, survey.projects[project_id], head)
        elif project_id not in survey.tombstones:
            said = f"Project {project_id} was sealed up to event {head.seq} and is not in the database."
            if not head.deleted:
                yield project_id, _found("project_removed", f"{said} Nothing on record says that it was deleted.")
    for project_id, stone in survey.tombstones.items():
        yield from _deleted(project_id, stone, keys)


def _present(project_id: str, newest: Seal | None, head: Head) -> Iterator[tuple[str, Found]]:
    if head.deleted:
        yield project_id, _found("project_restored", f"Project {project_id} was deleted, and is in the database.")
    elif newest is None or newest.number < head.number or (newest.number == head.number and Head.of(newest) != head):
        said = f"Seal {head.number} of project {project_id}, up to event {head.seq}, was published; the database has"
        has = f"seal {newest.number}" if newest is not None else "no seal"
        other = f"another {has}" if newest is not None and newest.number == head.number else has
        yield project_id, _found("record_rolled_back", f"{said} {other}.")


def _deleted(project_id: str, stone: Seal | None, keys: KeyRing) -> Iterator[tuple[str, Found]]:
    if stone is None:
        # It was deleted a moment ago: the app seals its end soon.
        return
    if not (stone.is_signed_by(keys) and stone.deleted and stone.project_id == project_id):
        yield project_id, _found("seal_forged", f"The app did not seal the end of project {project_id}.")
    elif stone.unauthenticated:
        yield project_id, _found("project_removed", f"Nobody is known to have asked to delete project {project_id}.")
    elif stone.contradicts is not None:
        said = f"When project {project_id} was deleted, its record was not what had been published."
        yield project_id, _found("record_rewritten", said)


def _found(code: str, message: str) -> Found:
    return Found("critical", code, message, _ADVICE)


def damaged(damage: str | None) -> list[tuple[str | None, Found]]:
    """A finding about the file of heads itself."""
    advice = "Put back the copy that you keep elsewhere, and restart the app."
    return [(None, Found("critical", "heads_damaged", damage, advice))] if damage is not None else []
