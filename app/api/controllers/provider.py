"""Signing in with an identity provider: the two addresses through which the browser goes. Both answer with a redirect."""

from __future__ import annotations

from urllib.parse import quote

from litestar import Controller, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from app.api.http.any_request import AnyRequest
from app.api.http.credentials import Credentials
from app.api.http.permission import SCOPE
from app.api.http.prefix import public
from app.api.http.session_cookie import is_https, session_cookie
from app.domain.errors import DomainError, NotFound
from app.domain.sign_in import FLOW_SECONDS, local_path
from signoff.vocabulary import Scope

_COOKIE = "signoff_sign_in"
_PATH = "/api/session/oidc"


class ProviderController(Controller):
    """For browsers only, so the description of the API leaves it out."""

    path = _PATH
    include_in_schema = False

    @get("/", opt={SCOPE: Scope.ANYBODY})
    async def begin(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[None]:
        """Send the browser to the provider. `then` is the path of the page to which it returns."""
        openid = credentials.openid
        if openid is None:
            raise NotFound("This server has no identity provider.")
        try:
            begun = await openid.begin(local_path(request.query_params.get("then", "")))
        except DomainError as error:
            return _to_page(error)
        # Strict would not do: the provider's site sends the browser back.
        cookie = Cookie(
            key=_COOKIE,
            value=begun.kept,
            path=public(_PATH),
            max_age=FLOW_SECONDS,
            httponly=True,
            samesite="lax",
            secure=is_https(request),
        )
        return _redirect(begun.url, cookie)

    @get("/callback", opt={SCOPE: Scope.ANYBODY})
    async def finish(self, request: AnyRequest, credentials: NamedDependency[Credentials]) -> Response[None]:
        """Begin a session of the person whom the provider names, and send the browser to the page."""
        openid = credentials.openid
        if openid is None:
            raise NotFound("This server has no identity provider.")
        over = Cookie(key=_COOKIE, value="", path=_PATH, max_age=0, httponly=True, samesite="lax")
        try:
            claims, then = await openid.finish(request.query_params, request.cookies.get(_COOKIE, ""))
            address = request.client.host if request.client else ""
            user_agent = request.headers.get("user-agent", "")
            token = await credentials.sign_in_provided(claims, address=address, user_agent=user_agent)
        except DomainError as error:
            return _to_page(error, over)
        seconds = int(openid.entry.session_hours * 3600)
        return _redirect(then, over, session_cookie(request, token, seconds))


def _to_page(error: DomainError, *cookies: Cookie) -> Response[None]:
    return _redirect(f"/?sign_in={quote(error.info.code)}", *cookies)


def _redirect(url: str, *cookies: Cookie) -> Response[None]:
    headers = {"Location": public(url), "Cache-Control": "no-store"}
    return Response(None, status_code=303, headers=headers, cookies=list(cookies))
