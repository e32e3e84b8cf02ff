"""Shows the parameters of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.parameters import Parameter, variable_of
from signoff.schemas.plans import PlanParameter


def parameters(asked: Mapping[str, Parameter]) -> list[PlanParameter]:
    """The parameters of a plan, in their order."""
    return [
        PlanParameter(
            name=name,
            variable=variable_of(name),
            type=item.type,
            description=item.description,
            pattern=item.pattern,
            choices=item.choices,
            default=item.default,
            value=item.value,
        )
        for name, item in asked.items()
    ]
