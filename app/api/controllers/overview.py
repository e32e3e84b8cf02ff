"""What runs and waits, and what was done in the last weeks, over all projects."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import Connection

from app.api.http.any_request import AnyRequest
from app.api.http.callers import caller_of
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views import overview as views
from app.domain.weeks import last_weeks
from app.storage import inbox, overview, slow_steps
from signoff.schemas.overview import Overview, WaitingKind
from signoff.vocabulary import ProjectStatus, Scope

# A quarter of a year.
WEEKS = 13
MAX_WEEKS = 52
# How many running projects, waiting items and slow steps are listed.
LISTED = 10


class OverviewController(Controller):
    """Figures over all projects."""

    path = "/api/overview"
    tags = ("projects",)

    @get("/", operation_id="getOverview", opt={SCOPE: Scope.READ}, summary="Get figures over all projects")
    async def get_overview(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        weeks: Annotated[int, QueryParameter(ge=1, le=MAX_WEEKS)] = WEEKS,
    ) -> Overview:
        """What runs and waits now; runs by template, and their costs by week, of the last weeks; and the slowest steps.

        It covers the projects that your roles let you read. `weeks` is how many weeks it goes back, with the current one.
        """
        within = caller_of(request).access.labels_of(Scope.READ)
        mondays = last_weeks(weeks)

        def read(conn: Connection) -> Overview:
            totals = overview.totals(conn, mondays[0], within)
            counts = overview.count_by_status(conn, within)
            return Overview(
                since=mondays[0].isoformat(),
                status_counts={ProjectStatus(name): number for name, number in counts.items()},
                running=views.running(overview.running(conn, within, limit=LISTED)),
                waiting_counts={
                    kind: WaitingKind(count=number, since=since)
                    for kind, (number, since) in inbox.oldest(conn, within).items()
                },
                waiting=views.waiting(inbox.longest(conn, within, limit=LISTED)),
                templates=views.templates(totals),
                weeks=views.weeks(totals, mondays),
                slowest=views.slowest(slow_steps.slowest(conn, mondays[0], within, limit=LISTED)),
            )

        return await services.database.read(read)
