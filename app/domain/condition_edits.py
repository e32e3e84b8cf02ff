"""Conditions as an edit of a plan gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, StringConstraints, Tag

from app.domain.plan import (
    ON_OUTPUT,
    ON_PARAMETER,
    ON_TASK,
    PLAIN,
    OutputCondition,
    ParameterCondition,
    TaskCondition,
    kind_of_condition,
)

# The id or the key of a task or phase.
Ref = Annotated[str, StringConstraints(min_length=1, max_length=64), PLAIN]


class TaskConditionEdit(TaskCondition):
    """A condition, which may name its task by id."""

    task: Ref  # pyright: ignore[reportIncompatibleVariableOverride] - may be an id


class OutputConditionEdit(OutputCondition):
    """A condition on an output, which may name its task by id."""

    task: Ref  # pyright: ignore[reportIncompatibleVariableOverride] - may be an id


ConditionEdit = Annotated[
    Annotated[TaskConditionEdit, Tag(ON_TASK)]
    | Annotated[ParameterCondition, Tag(ON_PARAMETER)]
    | Annotated[OutputConditionEdit, Tag(ON_OUTPUT)],
    Discriminator(kind_of_condition),
]
