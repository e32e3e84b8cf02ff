"""Signing in with a browser: the server's key once, for a cookie that stands for it."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody

from app.api.bodies import SignIn
from app.api.credentials import COOKIE, SESSION_SECONDS, Credentials
from app.api.models.session import Session
from app.domain.errors import Unauthorized

AnyRequest = Request[Any, Any, Any]
_NOT_STORED = {"Cache-Control": "no-store"}


class SessionController(Controller):
    """The session of a browser; programs send the key itself, as a bearer."""

    path = "/api/session"
    tags = ("session",)

    @get("/", operation_id="getSession", summary="Whether a key is needed, and who one is")
    async def get_session(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Needs no key itself: a page asks it to know whether to ask for one."""
        return Response(_session(request, credentials), headers=_NOT_STORED)

    @post("/", operation_id="signIn", summary="Sign in with a browser", status_code=200)
    async def sign_in(
        self, request: AnyRequest, credentials: NamedDependency[Credentials], data: JSONBody[SignIn]
    ) -> Response[Session]:
        """For the server's key, a cookie (`signoff_session`, 30 days) that counts as the key; 401 for any other.

        Where the server has no key, the user who runs it needs none and gets no cookie; nobody else gets in.
        """
        if not credentials.key_needed:
            if request.scope["state"]["actor"] is None:
                raise Unauthorized(credentials.advice)
            return Response(_session(request, credentials), headers=_NOT_STORED)
        if not credentials.is_key(data.key.get_secret_value()):
            raise Unauthorized("That is not the key of this server; it is what SIGNOFF_API_KEY was set to.")
        cookie = _cookie(request, credentials.new_session(), SESSION_SECONDS)
        return Response(Session(key_needed=True, actor="admin"), headers=_NOT_STORED, cookies=[cookie])

    @delete("/", operation_id="signOut", summary="Sign out with a browser", status_code=200)
    async def sign_out(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[Session]:
        """Takes the cookie back; sessions in other browsers go on until the server has another key."""
        left = Session(key_needed=True, actor=None) if credentials.key_needed else _session(request, credentials)
        return Response(left, headers=_NOT_STORED, cookies=[_cookie(request, "", 0)])


def _session(request: AnyRequest, credentials: Credentials) -> Session:
    return Session(key_needed=credentials.key_needed, actor=request.scope["state"]["actor"])


def _cookie(request: AnyRequest, value: str, seconds: int) -> Cookie:
    """One that no script can read and no other site can have sent; over https it stays there."""
    # Whoever claims https without having it only keeps the cookie from being sent.
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    secure = "https" in {request.scope["scheme"], forwarded}
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, httponly=True, samesite="strict", secure=secure)
