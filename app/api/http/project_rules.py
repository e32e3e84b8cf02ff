"""What the scope of an operation alone does not decide about a project: its labels, automatic approval, and its deletion."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

from sqlalchemy import Connection

from app.api.http.callers import AnyConnection, caller_of, hidden, refusal, require
from app.domain.errors import Forbidden
from app.domain.policies import OwnSigning
from app.storage import projects
from app.storage.projects import ProjectRow
from signoff.schemas.json_value import JsonObject
from signoff.schemas.problems import Problem
from signoff.vocabulary import ProjectStatus, Scope


def check_new(request: AnyConnection, labels: Sequence[str], *, auto_approve: bool) -> None:
    """Check that the sender may create a project with these labels.

    Raises:
        Forbidden: `label_not_allowed` or `role_needed`.
    """
    _check_labels(request, labels, labels)
    if auto_approve:
        _check_automatic(request, labels)


def check_changes(request: AnyConnection, row: ProjectRow, wanted: JsonObject) -> None:
    """Check that the sender may give a project these values.

    Raises:
        Forbidden: `label_not_allowed` or `role_needed`.
    """
    if "labels" in wanted:
        before, after = set(row.labels), set(cast("list[str]", wanted["labels"]))
        if before != after:
            _check_labels(request, sorted(before ^ after), sorted(after))
    if wanted.get("auto_approve_plan") and not row.auto_approve_plan:
        _check_automatic(request, row.labels)
    if "signing" in wanted and row.signing is not None:
        before, after = (OwnSigning.model_validate(value or {}) for value in (row.signing, wanted["signing"]))
        if after.is_looser_than(before) and not caller_of(request).access.may(Scope.APPROVE, row.labels):
            raise refusal(caller_of(request), Scope.APPROVE, where=" to demand less of the signers")


def check_copy(request: AnyConnection, row: ProjectRow) -> list[str]:
    """Check that the sender may copy a project, and return the labels that the copy gets: those that they may give.

    Raises:
        Forbidden: `role_needed`: the copy would approve its plans automatically.
    """
    access = caller_of(request).access
    labels = [label for label in row.labels if access.may_label([label])]
    if row.auto_approve_plan:
        _check_automatic(request, labels)
    return labels


def check_deletable(conn: Connection, request: AnyConnection, project_id: str) -> None:
    """Check that the sender may delete a project.

    Raises:
        NotFound: they may not read it.
        Forbidden: `role_needed`: they may not change it, or it has run and they are no administrator.
    """
    access, row = caller_of(request).access, projects.find(conn, project_id)
    if row is None:
        if not access.may_everywhere(Scope.READ):
            raise hidden(project_id)
        # Deleting says that there is no such project, or no longer.
        return
    if not access.may(Scope.READ, row.labels):
        raise hidden(project_id)
    require(request, row.labels, Scope.AUTHOR)
    if (row.run_id is not None or row.status == ProjectStatus.RUNNING) and not access.holds(Scope.ADMIN):
        raise refusal(
            caller_of(request), Scope.ADMIN, where=" for a project that has run: its record is deleted with it"
        )


def check_archivable(conn: Connection, request: AnyConnection, project_id: str) -> None:
    """Check that the sender may archive a project.

    Raises:
        NotFound: they may not read it.
        Forbidden: `role_needed`: they may not change it.
    """
    access, row = caller_of(request).access, projects.find(conn, project_id)
    if row is None and access.may_everywhere(Scope.READ):
        raise projects.missing(conn, project_id)
    if row is None or not access.may(Scope.READ, row.labels):
        raise hidden(project_id)
    require(request, row.labels, Scope.AUTHOR)


def _check_labels(request: AnyConnection, changed: Collection[str], all_of_them: Sequence[str]) -> None:
    """Check that an author may add or take away labels, and may still change the project afterwards."""
    access = caller_of(request).access
    if access.may_label(changed) and access.may(Scope.AUTHOR, all_of_them):
        return
    bound = ", ".join(sorted(access.labels_of(Scope.AUTHOR) or ()))
    message = f"Your role author is bound to the labels {bound}. Give the project one of them, and no other."
    raise Forbidden(message, code="label_not_allowed", details=[Problem(field="labels", message=message)])


def _check_automatic(request: AnyConnection, labels: Collection[str]) -> None:
    """Check that somebody who lets plans be approved automatically may approve them."""
    caller = caller_of(request)
    if not caller.access.may(Scope.APPROVE, labels):
        raise refusal(caller, Scope.APPROVE, where=" for auto_approve_plan")
