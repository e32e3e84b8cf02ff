"""Sign-in with a browser, which exchanges a password or the server's API key for a session cookie, and the list of sessions."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.api.http.any_request import AnyRequest
from app.api.http.bodies import SignIn
from app.api.http.callers import caller_of, known_caller
from app.api.http.credentials import SESSION_SECONDS, Credentials
from app.api.http.permission import SCOPE
from app.api.http.session_cookie import session_cookie
from app.domain.errors import Invalid, NotFound, Unauthorized
from app.domain.people import Caller
from signoff.schemas.problems import Problem
from signoff.schemas.session import OpenSession, Revoked, Session, SessionList
from signoff.vocabulary import Scope

_NOT_STORED = {"Cache-Control": "no-store"}


class SessionController(Controller):
    """The session of a browser. Programs send the key itself as a Bearer token."""

    path = "/api/session"
    tags = ("session",)

    @get("/", operation_id="getSession", opt={SCOPE: Scope.ANYBODY}, summary="Get the current session")
    async def get_session(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Tells who the sender is, and how to sign in. Needs no key, so a page can find out what to ask for."""
        return Response(await _session(credentials, known_caller(request)), headers=_NOT_STORED)

    @post(
        "/",
        operation_id="signIn",
        opt={SCOPE: Scope.ANYBODY},
        summary="Sign in with a browser",
        status_code=200,
    )
    async def sign_in(
        self, request: AnyRequest, credentials: NamedDependency[Credentials], data: JSONBody[SignIn]
    ) -> Response[Session]:
        """Exchanges a name (or e-mail address) and a password, or the server's key, for a cookie (`signoff_session`, 30 days).

        401 if they are not right. The user who runs a server without a key needs neither on the same machine.
        """
        address = request.client.host if request.client else ""
        user_agent = request.headers.get("user-agent", "")
        _check_complete(data)
        if data.name is not None and data.password is not None:
            token = await credentials.sign_in(
                data.name, data.password.get_secret_value(), address=address, user_agent=user_agent
            )
        elif not credentials.key_needed:
            if known_caller(request) is None:
                raise Unauthorized(credentials.advice)
            return Response(await _session(credentials, known_caller(request)), headers=_NOT_STORED)
        elif data.key is None or not await credentials.is_key(data.key.get_secret_value(), address=address):
            raise Unauthorized("This key is not right. Ask the person who sent you here, or who runs the server.")
        else:
            token = await credentials.begin_session(address=address, user_agent=user_agent)
        caller = await credentials.of_session([token], address)
        cookie = session_cookie(request, token, SESSION_SECONDS)
        return Response(await _session(credentials, caller), headers=_NOT_STORED, cookies=[cookie])

    @delete("/", operation_id="signOut", opt={SCOPE: Scope.ANYBODY}, summary="Sign out", status_code=200)
    async def sign_out(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Ends the session of this browser, also on the server. Other sessions are not affected."""
        caller = known_caller(request)
        if caller is not None and caller.session_id is not None:
            await credentials.revoke_session(caller.session_id, caller)
            caller = None
        return Response(
            await _session(credentials, caller), headers=_NOT_STORED, cookies=[session_cookie(request, "", 0)]
        )


class SessionsController(Controller):
    """The sessions of all browsers that are signed in."""

    path = "/api/sessions"
    tags = ("session",)

    @get("/", operation_id="listSessions", opt={SCOPE: Scope.SELF}, summary="List browser sessions")
    async def list_sessions(
        self, request: AnyRequest, credentials: NamedDependency[Credentials]
    ) -> Response[SessionList]:
        """The sessions that have not ended, newest first: your own, or all of them for an administrator."""
        caller = caller_of(request)
        rows = await credentials.list_sessions(caller)
        listed = [
            OpenSession(
                id=row.id,
                actor=row.actor,
                address=row.address,
                user_agent=row.user_agent,
                created_at=row.created_at,
                expires_at=row.expires_at,
                current=row.id == caller.session_id,
            )
            for row in rows
        ]
        return Response(SessionList(sessions=listed), headers=_NOT_STORED)

    @delete(
        "/{session_id:str}",
        operation_id="revokeSession",
        opt={SCOPE: Scope.SELF},
        summary="Revoke a browser session",
        status_code=200,
    )
    async def revoke_session(
        self, request: AnyRequest, credentials: NamedDependency[Credentials], session_id: FromPath[str]
    ) -> Response[Revoked]:
        """The browser must sign in again, and its event streams end within seconds."""
        if not await credentials.revoke_session(session_id, caller_of(request)):
            raise NotFound(f"There is no session '{session_id[:100]}'.")
        return Response(Revoked(id=session_id, revoked=True), headers=_NOT_STORED)


def _check_complete(data: SignIn) -> None:
    """Check that a request to sign in has a name and a password, or else a key.

    Raises:
        Invalid: it has neither, only a part, or both.
    """
    parts = {"name": data.name, "password": data.password, "key": data.key}
    sent = {field for field, value in parts.items() if value is not None}
    if sent in ({"name", "password"}, {"key"}):
        return
    field = "key" if not sent or "key" in sent else ({"name", "password"} - sent).pop()
    message = "Send a name and a password, or else the server's key."
    raise Invalid(message, details=[Problem(field=field, message=message)])


async def _session(credentials: Credentials, caller: Caller | None) -> Session:
    return Session(
        key_needed=credentials.key_needed,
        people=await credentials.have_people(),
        provider=credentials.openid.entry.name if credentials.openid is not None else None,
        actor=caller.actor if caller is not None else None,
        via=caller.via if caller is not None else None,
        scopes=caller.access.scopes if caller is not None else [],
    )
