"""Read-only fields in an update. They are accepted with their current values, so that a client can send back what it read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.domain.errors import Invalid
from signoff.schemas.problems import Problem


def check_unchanged(
    sent: Mapping[str, Any], current: Mapping[str, Any], *, moving: Collection[str], others: Sequence[Problem] = ()
) -> None:
    """Check that fields that cannot be changed have their current values.

    Args:
        sent: the fields in the request that cannot be changed.
        current: every field, with its current value.
        moving: fields that may change between a GET and the following PUT.
        others: problems with other fields of the same request.

    Raises:
        Invalid: `read_only` if each problem is a changed field; else `validation_error`. `details` names all fields.
    """
    problems: list[Problem] = []
    code = "validation_error" if others else "read_only"
    for name, value in sent.items():
        if name not in current:
            code = "validation_error"
            problems.append(Problem(field=name, message="There is no such field."))
        elif value != current[name] and name not in moving:
            problems.append(Problem(field=name, message="This field is read-only."))
    problems += others
    if problems:
        raise Invalid(f"{problems[0].field}: {problems[0].message}", code=code, details=problems)
