"""Sign-in with a browser, which exchanges the server's API key for a session cookie, and the list of sessions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from app.api.http.bodies import SignIn
from app.api.http.credentials import ADMIN, COOKIE, SESSION_SECONDS, Credentials
from app.domain.errors import NotFound, Unauthorized
from signoff.schemas.session import OpenSession, Revoked, Session, SessionList

AnyRequest = Request[Any, Any, Any]
_NOT_STORED = {"Cache-Control": "no-store"}


class SessionController(Controller):
    """The session of a browser. Programs send the key itself as a Bearer token."""

    path = "/api/session"
    tags = ("session",)

    @get("/", operation_id="getSession", summary="Get the current session")
    async def get_session(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Tells whether a key is needed, and who the sender is. Needs no key, so a page can find out whether to ask for one."""
        return Response(_session(request, credentials), headers=_NOT_STORED)

    @post("/", operation_id="signIn", summary="Sign in with a browser", status_code=200)
    async def sign_in(
        self, request: AnyRequest, credentials: NamedDependency[Credentials], data: JSONBody[SignIn]
    ) -> Response[Session]:
        """Exchanges the server's key for a cookie (`signoff_session`, 30 days) that replaces it; 401 for any other key.

        If the server has no key, the user who runs it needs neither a key nor a cookie, and nobody else gets in.
        """
        if not credentials.key_needed:
            if request.scope["state"]["actor"] is None:
                raise Unauthorized(credentials.advice)
            return Response(_session(request, credentials), headers=_NOT_STORED)
        address = request.client.host if request.client else ""
        if not await credentials.is_key(data.key.get_secret_value(), address=address):
            raise Unauthorized("That is not this server's key. Ask the person who runs the server (SIGNOFF_API_KEY).")
        token = await credentials.begin_session(address=address, user_agent=request.headers.get("user-agent", ""))
        cookie = _cookie(request, token, SESSION_SECONDS)
        return Response(Session(key_needed=True, actor=ADMIN), headers=_NOT_STORED, cookies=[cookie])

    @delete("/", operation_id="signOut", summary="Sign out", status_code=200)
    async def sign_out(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Ends the session of this browser, also on the server. Other sessions are not affected."""
        session_id = request.scope["state"]["session_id"]
        if session_id is not None:
            await credentials.revoke_session(session_id)
        left = Session(key_needed=True, actor=None) if credentials.key_needed else _session(request, credentials)
        return Response(left, headers=_NOT_STORED, cookies=[_cookie(request, "", 0)])


class SessionsController(Controller):
    """The sessions of all browsers that are signed in."""

    path = "/api/sessions"
    tags = ("session",)

    @get("/", operation_id="listSessions", summary="List browser sessions")
    async def list_sessions(
        self, request: AnyRequest, credentials: NamedDependency[Credentials]
    ) -> Response[SessionList]:
        """All sessions that have not ended, newest first. The list is empty if the server has no key."""
        current = request.scope["state"]["session_id"]
        rows = await credentials.list_sessions() if credentials.key_needed else []
        listed = [OpenSession(**asdict(row), current=row.id == current) for row in rows]
        return Response(SessionList(sessions=listed), headers=_NOT_STORED)

    @delete("/{session_id:str}", operation_id="revokeSession", summary="Revoke a browser session", status_code=200)
    async def revoke_session(
        self, credentials: NamedDependency[Credentials], session_id: FromPath[str]
    ) -> Response[Revoked]:
        """The browser must sign in again, and its event streams end within seconds."""
        if not await credentials.revoke_session(session_id):
            raise NotFound(f"There is no session '{session_id[:100]}'.")
        return Response(Revoked(id=session_id, revoked=True), headers=_NOT_STORED)


def _session(request: AnyRequest, credentials: Credentials) -> Session:
    return Session(key_needed=credentials.key_needed, actor=request.scope["state"]["actor"])


def _cookie(request: AnyRequest, value: str, seconds: int) -> Cookie:
    """A cookie that scripts cannot read and other sites cannot cause to be sent; `secure` if the request came over https."""
    # The header needs no trust: a client that falsely claims https only prevents its own cookie from being sent.
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    secure = "https" in {request.scope["scheme"], forwarded}
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, httponly=True, samesite="strict", secure=secure)
