"""Previews the plan of an outline while a person writes it."""

from __future__ import annotations

import os
from typing import Any

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from app.api.controllers.projects import check_named
from app.api.http.bodies import PreviewOutline
from app.api.http.helper_process import HelperEndedError, HelperProcesses
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views.preview_order import OUT_OF_MEMORY, OUT_OF_TIME, PreviewOrder
from app.domain.errors import Invalid, Unavailable
from signoff.schemas.outline import OutlinePreview
from signoff.schemas.problems import Problem
from signoff.vocabulary import Scope

# CPU time per preview. A preview of 10,000 tasks takes less than one second.
_MAX_SECONDS = 20
_PROCESSES = 2


class OutlineController(Controller):
    """Previews of plans that are not stored."""

    path = "/api/outline"
    tags = ("plans",)

    @post(
        "/",
        operation_id="previewOutline",
        opt={SCOPE: Scope.AUTHOR},
        summary="Preview the plan of a description",
        status_code=200,
        responses={
            200: ResponseSpec(
                OutlinePreview,
                description="The plan, or why the description does not make one.",
                generate_examples=False,
            )
        },
    )
    async def preview_outline(
        self, services: NamedDependency[Services], data: JSONBody[PreviewOutline]
    ) -> Response[Any]:
        """The plan that generate-plan with the planner `outline` would create, with audit findings. Nothing is stored.

        This operation is for use while people write. A description that does not make a plan is therefore not an error:
        `valid` is false, and each of `problems` has a line and a column. If only values of `parameters` are missing or
        wrong, each of `problems` names its parameter, and the plan is there too.
        """
        check_named(services, {"agent_id": data.agent_id})
        kinds = {name: entry.kind for name, entry in services.agents.items()}
        order = PreviewOrder(
            description=data.description,
            agent_id=data.agent_id,
            parameters=data.parameters,
            agents=kinds,
            private=services.settings.private_places,
            labels=data.labels,
            policies=services.settings.signoff.policy,
        )
        try:
            answer = await services.previews.answer(order.model_dump_json().encode())
        except HelperEndedError as error:
            if error.code not in {OUT_OF_TIME, OUT_OF_MEMORY}:
                raise Unavailable("The preview was interrupted. Try again in a moment.") from error
            message = (
                f"A preview of this description needs more than {_MAX_SECONDS} s of CPU time, or too much memory. "
                "Split it into several projects."
            )
            raise Invalid(message, details=[Problem(field="description", message=message)]) from error
        return Response(answer, media_type="application/json")


def preview_processes() -> HelperProcesses:
    """Create the processes that compute previews."""
    return HelperProcesses("app.api.views.preview_process", [str(_MAX_SECONDS)], dict(os.environ), _PROCESSES)
