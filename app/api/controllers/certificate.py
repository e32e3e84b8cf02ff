"""The certificate of a signed plan: as a signed file, and as a page to print."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.api.controllers.auditing import check_chain
from app.api.http.any_request import AnyRequest
from app.api.http.permission import SCOPE
from app.api.http.sending import disposition
from app.api.http.services import Services
from app.api.views.certificate import SAFE, to_html
from app.domain.audit import AuditedRow
from app.domain.certificate import Statement
from app.domain.certificate_content import PlanFacts, build
from app.domain.certificate_story import Story
from app.domain.errors import BadRequest, Conflict, NotFound
from app.domain.replay import Replay
from app.domain.seals import Head, Seal
from app.sealing import envelope, whole
from app.sealing.keys import Keys
from app.storage import audit as storage
from app.storage.audit import Record
from app.storage.events import ChainCheck
from signoff.schemas.problems import Problem
from signoff.vocabulary import Scope

_FORMATS = ("dsse", "html")


class CertificateController(Controller):
    """The certificate of one project."""

    path = "/api/projects/{project_id:str}/certificate"
    tags = ("record",)

    @get("/", operation_id="getCertificate", opt={SCOPE: Scope.READ}, summary="Get the certificate of the signed plan")
    async def get_certificate(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        version: Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1)] = None,
        format: Annotated[str | None, QueryParameter(schema_extra={"enum": list(_FORMATS)})] = None,  # noqa: A002 - its name
    ) -> Response[Any]:
        """What was signed, by whom and when, and what came of it, signed with the server's sealing key.

        By default, an in-toto statement in a DSSE envelope, which `signoff verify` checks. With `Accept: text/html` or
        `format=html`, a page to read and print. The certificate is about the newest version that was approved, or the named
        one. It reaches up to the newest seal.
        """
        if format is not None and format not in _FORMATS:
            message = f"There is no format '{format[:64]}'; choose one of {', '.join(_FORMATS)}."
            raise BadRequest(message, details=[Problem(field="format", message=message)])
        as_page = format == "html" or (format is None and "text/html" in request.headers.get("accept", ""))
        statement = await certify(services, project_id, version)
        # A plan may have thousands of tasks, and would block the event loop.
        if as_page:
            page = await asyncio.to_thread(to_html, statement, services.sealer.keys.pem)
            return Response(page, media_type="text/html", headers=SAFE)
        signed = await asyncio.to_thread(envelope.sign, statement, services.sealer.keys.signer)
        named = disposition("attachment", f"{project_id}.certificate.json")
        headers = {"Content-Disposition": named, "X-Content-Type-Options": "nosniff", "Vary": "Accept"}
        return Response(signed, media_type=envelope.MEDIA_TYPE, headers=headers)


async def certify(services: Services, project_id: str, version: int | None = None) -> Statement:
    """Seal what is new, and make the statement about a plan version, by default about the newest one that was approved.

    Raises:
        NotFound: there is no such project, no such version, or it was not approved.
        Conflict: the record was altered, or is not sealed. Nothing in it is certified then.
    """
    await services.sealer.seal(project_id)
    published = services.sealer.heads.get(project_id)
    record = await services.database.read(lambda conn: storage.read(conn, project_id))
    if not record.seals:
        raise Conflict("The record is not sealed yet. Try again in a moment.", code="not_sealed")
    chosen = version if version is not None else _newest_approved(record.plans)
    seal = record.seals[-1]
    story = Story(chosen, seal.seq)
    chain, replay = await check_chain(services, record, story)
    found = _Found(record, chain, replay, published, services.sealer.refusal(project_id))
    # Thousands of commands are checked, which would block the event loop.
    return await asyncio.to_thread(_statement, found, services.sealer.keys, chosen, story, seal)


class _Found(NamedTuple):
    """A record, and what was found out while it was read."""

    record: Record
    chain: ChainCheck
    replay: Replay
    published: Head | None
    refused: str | None


def _newest_approved(plans: Sequence[AuditedRow]) -> int:
    approved = [row.version for row in plans if row.approved_at is not None]
    if not approved:
        raise NotFound("No plan of this project was approved. A certificate needs a signed plan.", code="not_signed")
    return max(approved)


def _statement(found: _Found, keys: Keys, version: int, story: Story, seal: Seal) -> Statement:
    alterations = whole.alterations(found.record, found.chain, found.replay, keys.ring, found.published, found.refused)
    if not whole.is_intact(alterations):
        raise Conflict(
            "The record of this project was altered, so nothing in it is certified. Run an audit to see what.",
            code="record_altered",
        )
    row = next((row for row in found.record.plans if row.version == version), None)
    if row is None:
        message = f"This project has no plan version {version}."
        raise NotFound(message, code="plan_not_found", details=[Problem(field="version", message=message)])
    if row.digest is None or story.approved_at is None:
        message = f"Plan version {version} was not approved. A certificate needs a signed plan."
        raise NotFound(message, code="not_signed", details=[Problem(field="version", message=message)])
    return build(PlanFacts.model_validate(row), found.record.decisions, story, seal)
