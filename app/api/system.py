"""Is the process alive, and can it serve?"""

from __future__ import annotations

from importlib.metadata import version

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy import Connection, text

from app.api.models.system import Checks, Health, Ready
from app.api.services import Services
from app.domain.errors import Unavailable


class SystemController(Controller):
    """For deployers and load balancers; needs no key."""

    path = "/"
    tags = ("system",)

    @get("/health", operation_id="health", summary="The process is alive")
    async def health(self) -> Health:
        """Answers as long as the process does."""
        return Health(version=version("signoff"))

    @get(
        "/ready",
        operation_id="ready",
        summary="Database and Temporal answer",
        responses={503: ResponseSpec(Ready, description="One of them does not answer.")},
    )
    async def ready(self, services: NamedDependency[Services]) -> Response[Ready]:
        """Without a worker the app is ready all the same: requests are recorded and carried out when one comes."""
        database = await _check_database(services)
        temporal, workers = "ok", 0
        try:
            workers = await services.engine.workers()
        except Unavailable as error:
            temporal = error.info.message
        good = database == temporal == "ok"
        answer = Ready(
            status="ready" if good else "unavailable",
            checks=Checks(database=database, temporal=temporal, workers=workers),
        )
        return Response(answer, status_code=200 if good else 503)


async def _check_database(services: Services) -> str:
    def work(conn: Connection) -> None:
        conn.execute(text("SELECT id FROM projects LIMIT 1")).all()

    try:
        await services.database.read(work)
    except Unavailable as error:
        return error.info.message
    return "ok"
