"""Assembles the app. This is the only module that knows all of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import Litestar, Response
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.types import ASGIApp

from app import tracing
from app.api.controllers.archiving import ArchivingController
from app.api.controllers.catalog import CatalogController
from app.api.controllers.certificate import CertificateController
from app.api.controllers.control import ControlController
from app.api.controllers.copies import CopyController
from app.api.controllers.decisions import DecisionController
from app.api.controllers.events import EventController
from app.api.controllers.files import FileController
from app.api.controllers.filters import FilterController
from app.api.controllers.graph import GraphController
from app.api.controllers.history import HistoryController
from app.api.controllers.inbox import InboxController
from app.api.controllers.insight import InsightController
from app.api.controllers.live import LiveController
from app.api.controllers.logs import LogController
from app.api.controllers.notifications import NotificationController
from app.api.controllers.outline import OutlineController, preview_processes
from app.api.controllers.overview import OverviewController
from app.api.controllers.passkey_approvals import PasskeyApprovalController
from app.api.controllers.passkeys import PasskeyController
from app.api.controllers.people import KeyController, MeController, PeopleController
from app.api.controllers.phases import PhaseController
from app.api.controllers.plans import PlanController
from app.api.controllers.projects import ProjectController
from app.api.controllers.provider import ProviderController
from app.api.controllers.record import RecordController
from app.api.controllers.reviews import ReviewController
from app.api.controllers.session import SessionController, SessionsController
from app.api.controllers.signing import SigningController, SigningLinkController
from app.api.controllers.system import SystemController
from app.api.controllers.tasks import TaskController
from app.api.controllers.temporal_ui import TemporalUi, by_port
from app.api.http.any_request import AnyRequest
from app.api.http.body_json import JsonRequest
from app.api.http.checked import Checked
from app.api.http.cors import Cors
from app.api.http.credentials import Credentials
from app.api.http.errors import to_response
from app.api.http.gateway import Gateway, nothing
from app.api.http.idempotency import IdempotencyKeys
from app.api.http.large_answers import encode_large
from app.api.http.methods import Methods
from app.api.http.permission import Authorize
from app.api.http.prefix import Prefix
from app.api.http.secret_answers import SecretAnswers
from app.api.http.services import Services
from app.api.http.telemetry import Observed, Telemetry
from app.api.openapi.config import configuration
from app.api.openapi.known_inputs import RefuseUnknownInputs
from app.dashboard.docs import DOCS
from app.dashboard.serving import PAGE, is_for_people, missing_page
from app.database.database import Database
from app.database.remembered_reads import RememberedReads
from app.database.shared_reads import SharedReads
from app.database.sweeping import repeat
from app.domain.errors import Unavailable
from app.domain.finding_counts import FindingCounts
from app.domain.notifying import NotifyRules
from app.domain.policies import Signing
from app.domain.registry import load_actions
from app.log import configure_logging
from app.planning.archetypes import load_archetypes
from app.sealing.heads import HeadsLog
from app.sealing.keys import load_keys
from app.sealing.sealer import Sealer
from app.server_key import check_server_key
from app.serving.peers import peer_lookup
from app.settings import Settings
from app.settings.loading import load_settings
from app.storage import gates, idempotency, overview, project_list
from app.temporal.client import Engine
from app.temporal.commands import Commands
from app.temporal.expiry import expire_gates_periodically
from app.temporal.lost import reconcile_lost_runs_periodically
from app.temporal.notifying import hand_over_periodically
from app.temporal.opening import open_gates_periodically
from app.workspace.workspaces import workspaces_of
from signoff.vocabulary import Scope

logger = structlog.get_logger(__name__)
MAX_BODY_BYTES = 4 * 1024 * 1024
SWEEP_SECONDS = 60.0
# What every app does in its database each minute.
_SWEEPS = {
    "forget old idempotency keys": idempotency.sweep,
    "merge the counts of projects": project_list.merge_counts,
    "merge the totals of weeks": overview.merge_totals,
}
_CONTROLLERS = [
    CatalogController,
    CertificateController,
    ControlController,
    ArchivingController,
    CopyController,
    DecisionController,
    EventController,
    FileController,
    FilterController,
    GraphController,
    HistoryController,
    InboxController,
    InsightController,
    KeyController,
    LiveController,
    LogController,
    MeController,
    NotificationController,
    OutlineController,
    OverviewController,
    PasskeyApprovalController,
    PasskeyController,
    PeopleController,
    PhaseController,
    PlanController,
    ProjectController,
    RecordController,
    ReviewController,
    SessionController,
    SessionsController,
    ProviderController,
    SigningController,
    SigningLinkController,
    SystemController,
    TaskController,
]


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Litestar:
    """Create the ASGI app.

    Args:
        settings: the app's settings; loaded from the environment and the settings file if omitted.
        engine: the connection to Temporal; created from the settings if omitted.

    Raises:
        ValueError: the app would listen beyond loopback without a key, the key is easy to guess, the database type is not
            supported, a setting is not valid, or traces are wanted and their packages are not installed.
    """
    settings = settings or load_settings()
    check_server_key(settings)
    configure_logging(settings.log_level, settings.log_format)
    tracing.start("signoff-app", settings.traces)
    telemetry = Telemetry()
    services = services_of(settings, engine or Engine(settings), telemetry)
    database = services.database
    temporal_ui = TemporalUi(settings.temporal_ui_upstream) if settings.temporal_ui_upstream else None
    credentials = _credentials_of(settings, services)
    _say_who_may_connect(credentials)

    app = Litestar(
        route_handlers=[*_CONTROLLERS, PAGE, DOCS],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "telemetry": Provide(lambda: telemetry, sync_to_thread=False),
            "credentials": Provide(lambda: credentials, sync_to_thread=False),
        },
        exception_handlers={Exception: _to_response},
        after_request=encode_large,
        middleware=[partial(Checked, checks=(RefuseUnknownInputs(), Authorize(database)))],
        lifespan=[lambda _app: _serving(services, temporal_ui)],
        openapi_config=configuration(key_needed=credentials.key_needed, prefix=settings.public_path),
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    # Wraps the router instead of being one of its middlewares: it must also see unknown addresses and wrong methods.
    methods = Methods(app.asgi_handler, app.asgi_router)
    keyed = IdempotencyKeys(methods, database, SecretAnswers(services.sealer.keys.signer), largest_body=MAX_BODY_BYTES)
    public_url = urlsplit(settings.public_url)
    hosts = [settings.host, public_url.hostname or "", *settings.allowed_hosts]
    guarded: ASGIApp = Gateway(
        keyed, allowed_hosts=hosts, credentials=credentials, public_host=public_url.netloc.lower()
    )
    guarded = Prefix(Cors(guarded, settings.cors_origins), settings.public_path)
    if temporal_ui is not None:
        web_ui = Gateway(
            temporal_ui, allowed_hosts=hosts, credentials=credentials, open_to_all=nothing, needs=Scope.ADMIN
        )
        guarded = by_port(settings.temporal_ui_port, web_ui, guarded)
    app.asgi_handler = Observed(_traced(guarded), telemetry)
    return app


def _traced(app: ASGIApp) -> ASGIApp:
    """The app, with a span for each request if traces are wanted."""
    tracer = tracing.tracer()
    if tracer is None:
        return app
    from app.api.http.traced import Traced  # noqa: PLC0415 - with its library, and only for those who want it

    return Traced(app, tracer)


def _to_response(request: AnyRequest, error: Exception) -> Response[Any]:
    """The answer to an error. A person who opens an address that does not exist in a browser sees the page."""
    if isinstance(error, NotFoundException) and is_for_people(request):
        return missing_page(request)
    return to_response(request, error)


def services_of(settings: Settings, engine: Engine, telemetry: Telemetry | None = None) -> Services:
    """Create the services that handlers use."""
    keys = load_keys(settings.keys_dir, settings.seal_key.get_secret_value())
    database = Database(
        settings.effective_database_url,
        keys.signer,
        Signing(settings.signoff.policy, settings.known_agents),
        NotifyRules(settings.notify),
        waited=telemetry.waited_to_write if telemetry is not None else None,
    )
    heads = HeadsLog(settings.effective_heads_file)
    sealer = Sealer(database, keys, heads, signals_by_hand=settings.signals_by_hand)
    workspaces = workspaces_of(settings)
    return Services(
        settings=settings,
        database=database,
        shared_reads=SharedReads(database),
        remembered_reads=RememberedReads(database),
        sealer=sealer,
        engine=engine,
        commands=Commands(database, engine, workspaces),
        workspaces=workspaces,
        actions=load_actions(),
        agents=settings.known_agents,
        archetypes=load_archetypes(settings.archetypes),
        previews=preview_processes(),
        finding_counts=FindingCounts(settings.known_agents),
    )


def _credentials_of(settings: Settings, services: Services) -> Credentials:
    openid = None
    if settings.oidc is not None:
        from app.api.http.openid import OpenId  # noqa: PLC0415 - its library takes a third of a second

        secret = settings.oidc_client_secret.get_secret_value()
        public_url, signer = settings.effective_public_url, services.sealer.keys.signer
        openid = OpenId(settings.oidc, secret, public_url=public_url, signer=signer)
    return Credentials(
        settings.api_key.get_secret_value(),
        services.database,
        checks_users=peer_lookup() is not None,
        openid=openid,
        proxy=settings.proxy,
    )


def _say_who_may_connect(credentials: Credentials) -> None:
    if credentials.key_needed:
        return
    if credentials.checks_users:
        logger.info("no API key is set: only this user may connect", user=credentials.owner)
    else:
        logger.warning(
            "no API key is set, and this system cannot identify the user behind a connection: "
            "every user of this machine may connect; set SIGNOFF_API_KEY"
        )


@asynccontextmanager
async def _serving(services: Services, temporal_ui: TemporalUi | None) -> AsyncGenerator[None, None]:
    """While the app serves: keep the database open, and sweep. The names of the sweeps say what each does."""
    await asyncio.to_thread(services.workspaces.prepare)
    await services.database.start()
    with suppress(Unavailable):
        await services.database.transact(gates.publish)
        # Before the first request: events recorded so far may predate sealing; later events do not.
        await services.sealer.start()
    sweeps = [
        asyncio.create_task(reconcile_lost_runs_periodically(services.database, services.engine), name="lost-runs"),
        asyncio.create_task(expire_gates_periodically(services.database, services.commands), name="expired-gates"),
        asyncio.create_task(open_gates_periodically(services.database, services.commands), name="completed-gates"),
        asyncio.create_task(services.sealer.seal_periodically(), name="sealer"),
        *(
            asyncio.create_task(repeat(services.database, work, seconds=SWEEP_SECONDS, what=what), name=what)
            for what, work in _SWEEPS.items()
        ),
    ]
    if services.settings.notify:
        telling = hand_over_periodically(services.database, services.engine)
        sweeps.append(asyncio.create_task(telling, name="notifications"))
    try:
        yield
    finally:
        for sweep in sweeps:
            sweep.cancel()
            with suppress(asyncio.CancelledError):
                await sweep
        if temporal_ui is not None:
            await temporal_ui.close()
        await services.previews.close()
        await services.database.close()
        await asyncio.to_thread(tracing.stop)
