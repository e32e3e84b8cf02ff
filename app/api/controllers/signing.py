"""Links that let one person sign one thing without signing in: made for a project, and then used with the link's own text."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from app.api.controllers.auditing import audit
from app.api.http.actor import new_command
from app.api.http.any_request import AnyRequest
from app.api.http.bodies import Remark
from app.api.http.callers import caller_of
from app.api.http.idempotency import answer_once
from app.api.http.outcome import RECORDED, recorded, submit
from app.api.http.people_bodies import AddSigningLink, AskForSignature, SignByLink
from app.api.http.permission import SCOPE
from app.api.http.services import Services
from app.api.views import present
from app.api.views.for_link import gate_for_link
from app.api.views.frozen import with_preview
from app.commands import sent_links
from app.domain import commands
from app.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from app.domain.identity import isoformat
from app.domain.sender import Sender
from app.domain.signing_links import Signable
from app.storage import decisions, gates, identities, projects, runs, signable, signing_links
from app.storage.gates import GateRow
from app.storage.identities import Kind
from app.storage.projects import ProjectRow
from app.storage.signing_links import SigningLink as LinkRow
from app.temporal.notifying import hand_over
from signoff.schemas.gates import Gate
from signoff.schemas.plans import Plan
from signoff.schemas.signing_links import NewSigningLink, Signed, SigningLink, SigningLinkList, SigningRequest
from signoff.vocabulary import Scope

_NOT_STORED = {"Cache-Control": "no-store"}


class SigningLinkController(Controller):
    """The links of a project. Whoever makes one vouches for its person, and so must be able to approve."""

    path = "/api/projects/{project_id:str}/signing-links"
    tags = ("people",)

    @get("/", operation_id="listSigningLinks", opt={SCOPE: (Scope.APPROVE, Scope.AUTHOR)}, summary="List links to sign")
    async def list_links(
        self, services: NamedDependency[Services], project_id: FromPath[str]
    ) -> Response[SigningLinkList]:
        """Newest first, with those that were used or have expired. Their addresses are stored nowhere."""

        def work(conn: Connection) -> SigningLinkList:
            projects.get(conn, project_id)
            return SigningLinkList(links=[_link(conn, row) for row in signing_links.of_project(conn, project_id)])

        return Response(await services.database.read(work), headers=_NOT_STORED)

    @post("/", operation_id="addSigningLink", opt={SCOPE: Scope.APPROVE}, summary="Make a link to sign")
    async def add_link(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[AddSigningLink],
    ) -> Response[NewSigningLink]:
        """For what waits for approval now: the plan, an edit of a running plan, or a phase. The link is good for one approval."""
        by = caller_of(request).sender
        expires_at = isoformat(datetime.now(UTC) + timedelta(hours=data.hours))
        public_url = services.settings.effective_public_url

        def work(conn: Connection) -> NewSigningLink:
            project = projects.get(conn, project_id)
            what = signable.waiting(conn, project)
            person_id = _person(conn, data, by)
            row, text = signing_links.add(conn, project_id, person_id, what, expires_at=expires_at, by=by)
            # Behind `#`, browsers send it to no server, and no log has it.
            return NewSigningLink(**_link(conn, row).model_dump(), url=f"{public_url}/sign#{text}")

        return await answer_once(request, services, work, status=201, headers=_NOT_STORED)

    @post(
        "/ask",
        operation_id="askForSignature",
        opt={SCOPE: (Scope.AUTHOR, Scope.APPROVE)},
        summary="Have a link to sign mailed to somebody",
    )
    async def ask(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        data: JSONBody[AskForSignature],
    ) -> Response[SigningLink]:
        """For what waits for approval now. The server mails the link, and nobody else sees it, not even whoever asks.

        The person has the role approver for the project, or an address at one of the `link_domains` of the settings. The record
        of their approval says who asked, and to which address the link was sent.
        """
        by = caller_of(request).sender

        def work(conn: Connection) -> SigningLink:
            project = projects.get(conn, project_id)
            link = sent_links.ask(conn, project, by, person=data.person, name=data.name, email=data.email)
            return _link(conn, link)

        answer = await answer_once(request, services, work, status=201, headers=_NOT_STORED)
        with suppress(Unavailable):  # it is sent later then
            await hand_over(services.database, services.engine)
        return answer

    @delete(
        "/{link_id:str}",
        operation_id="revokeSigningLink",
        opt={SCOPE: (Scope.APPROVE, Scope.AUTHOR)},
        summary="Revoke a link to sign",
        status_code=200,
    )
    async def revoke_link(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        project_id: FromPath[str],
        link_id: FromPath[str],
    ) -> Response[SigningLink]:
        """Its person can no longer sign with it. An approval that was given stays. Authors may revoke what they asked for."""
        caller = caller_of(request)

        def work(conn: Connection) -> SigningLink:
            project = projects.get(conn, project_id)
            link = signing_links.get(conn, project_id, link_id)
            own = link.requested_by_id is not None and link.requested_by_id == caller.actor_id
            if not own and not caller.access.may(Scope.APPROVE, project.labels):
                raise Forbidden("Only an approver, or whoever asked for this link, may revoke it.", code="role_needed")
            return _link(conn, signing_links.revoke(conn, project_id, link_id))

        return Response(await services.database.transact(work), headers=_NOT_STORED)


class SigningController(Controller):
    """What the person of a link does. They send the link's text as a Bearer token."""

    path = "/api/signing"
    tags = ("people",)

    @get("/", operation_id="getSigningRequest", opt={SCOPE: Scope.LINK}, summary="Read what a link asks to sign")
    async def read(self, request: AnyRequest, services: NamedDependency[Services]) -> Response[SigningRequest]:
        """The plan in full with its findings, and nothing else of the project."""
        link_id = str(caller_of(request).link_id)

        def work(conn: Connection) -> tuple[SigningRequest, str]:
            row = signing_links.by_id(conn, link_id)
            project = projects.get(conn, row.project_id)
            try:
                _check_signable(conn, row, project)
            except Conflict as error:
                return _closed(conn, row, error.info.message), row.project_id
            plan = present.plan(conn, project, row.plan_version)
            # A guest learns the author's name, but not from which address and in which session they work.
            plan.creator = None
            phase = runs.get_phase(conn, row.phase_id) if row.phase_id is not None else None
            gate: Gate | None = gate_for_link(conn, project, row, caller_of(request))
            found = SigningRequest(
                link=_link(conn, row),
                closed=None,
                project_name=project.name,
                phase_name=phase.name if phase is not None else None,
                plan=plan,
                gate=gate,
                audit=None,
                max_tokens=project.max_tokens,
                max_cost_usd=project.max_cost_usd,
            )
            return found, row.project_id

        found, project_id = await services.database.read(work)
        if found.plan is not None:
            plan: Plan = await with_preview(services, found.plan)
            checked = await audit(services, project_id)
            found = found.model_copy(update={"plan": plan, "audit": checked})
        return Response(found, headers=_NOT_STORED)

    @post(
        "/approve",
        operation_id="signByLink",
        opt={SCOPE: Scope.LINK},
        summary="Approve what a link asks to sign",
        status_code=200,
        responses=RECORDED,
    )
    async def approve(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[SignByLink]
    ) -> Response[Signed]:
        """Approves exactly the version that the link is for. The link is then used up."""
        link_id = str(caller_of(request).link_id)
        link = await services.database.read(lambda conn: signing_links.by_id(conn, link_id))
        if data.plan_digest != link.plan_digest:
            message = "The plan that was read is not the one that this link is for. Read it again, then sign."
            raise Conflict(message, code="plan_superseded")
        approval = commands.Approve(
            plan_version=link.plan_version,
            plan_digest=link.plan_digest,
            phase_id=link.phase_id,
            frozen_digest=data.frozen_digest,
            link=link.facts,
        )
        command = new_command(request, link.project_id, approval, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        gate = decided.record.payload.get("gate") or {}
        signed = Signed(
            decision_id=decided.record.id,
            opens=bool(gate.get("opens", True)),
            missing=[str(words) for words in gate.get("missing", [])],
            undo_until=gate.get("undo_until"),
        )
        return Response(signed, headers={**_NOT_STORED, **decided.headers})

    @post(
        "/undo-approval",
        operation_id="undoApprovalByLink",
        opt={SCOPE: Scope.LINK},
        summary="Withdraw an approval by link",
        status_code=200,
        responses=RECORDED,
    )
    async def undo_approval(
        self, request: AnyRequest, services: NamedDependency[Services], data: JSONBody[Remark]
    ) -> Response[SigningLink]:
        """Withdraws the approval of this link while it has not taken effect. The link is then good for another approval."""
        link_id = str(caller_of(request).link_id)
        link, given = await services.database.read(lambda conn: _approval_of(conn, link_id))
        withdrawal = commands.WithdrawApproval(gate_id=given.id, withdrawn=given.completed_by)
        command = new_command(request, link.project_id, withdrawal, comment=data.comment)
        decided = await submit(services, command)
        if decided is None:
            return await recorded(services, command)
        shown = await services.database.read(lambda conn: _link(conn, signing_links.by_id(conn, link_id)))
        return Response(shown, headers={**_NOT_STORED, **decided.headers})


def _approval_of(conn: Connection, link_id: str) -> tuple[LinkRow, GateRow]:
    """The link, and the gate whose approvals its approval has completed.

    Raises:
        Conflict: `nothing_to_undo`.
    """
    link = signing_links.by_id(conn, link_id)
    for gate in gates.open_of(conn, link.project_id):
        decision = decisions.by_id(conn, link.project_id, gate.completed_by) if gate.completed_by is not None else None
        if decision is not None and (decision.payload.get("link") or {}).get("id") == link_id:
            return link, gate
    message = "There is no approval by this link to undo: it has taken effect, or was withdrawn."
    raise Conflict(message, code="nothing_to_undo")


def _check_signable(conn: Connection, link: LinkRow, project: ProjectRow) -> None:
    """Check that the person of a link can sign with it now.

    Raises:
        Conflict: they cannot, and the message says why.
    """
    signing_links.check(conn, link)
    try:
        found = signable.waiting(conn, project)
    except Conflict as error:
        message = "This no longer waits for an approval. You have nothing to do."
        raise Conflict(message, code="nothing_to_sign") from error
    if found != Signable(link.plan_version, link.plan_digest, link.phase_id):
        message = f"The plan has changed since this link was made. Ask {link.whom_to_ask} for a new one."
        raise Conflict(message, code="plan_superseded")


def _person(conn: Connection, data: AddSigningLink, by: Sender) -> str:
    """The id of the person for whom a link is made, who is added if nobody knows them.

    Raises:
        Invalid: the request names nobody, or names them twice.
        NotFound: nobody has this id, name or e-mail address.
        Conflict: `name_taken`.
    """
    if (data.person is None) == (data.name is None) or (data.person is not None and data.email is not None):
        raise Invalid("Name the person: either `person`, or `name` and perhaps `email` for somebody who is not listed.")
    if data.person is not None:
        return signing_links.listed(conn, data.person).id
    signing_links.check_not_listed(conn, str(data.name), data.email)
    return identities.add(conn, Kind.PERSON, str(data.name), [], by=by, email=data.email)


def _link(conn: Connection, row: LinkRow) -> SigningLink:
    person = identities.get(conn, row.identity_id, Kind.PERSON).identity
    return SigningLink(
        id=row.id,
        person=person.name,
        person_id=person.id,
        plan_version=row.plan_version,
        phase_id=row.phase_id,
        status=row.status,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
        requested_by=row.requested_by,
        delivered_to=row.address,
    )


def _closed(conn: Connection, row: LinkRow, why: str) -> SigningRequest:
    try:
        undo_until = _approval_of(conn, row.id)[1].undo_until
    except Conflict:
        undo_until = None
    return SigningRequest(
        link=_link(conn, row),
        closed=why,
        project_name=None,
        phase_name=None,
        plan=None,
        gate=None,
        audit=None,
        undo_until=undo_until,
    )
