"""The cookie that holds a browser's session."""

from __future__ import annotations

from litestar.datastructures import Cookie

from app.api.http.any_request import AnyRequest
from app.api.http.credentials import COOKIE
from app.api.http.prefix import public


def session_cookie(request: AnyRequest, value: str, seconds: int) -> Cookie:
    """A cookie that scripts cannot read and other sites cannot cause to be sent; `secure` if the request came over https."""
    return Cookie(
        key=COOKIE,
        value=value,
        path=public("/"),
        max_age=seconds,
        httponly=True,
        samesite="strict",
        secure=is_https(request),
    )


def is_https(request: AnyRequest) -> bool:
    """Whether a request says that it came over https, or from a page that did."""
    # The headers need no trust: a client that falsely claims https only prevents its own cookie from being sent.
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    page = request.headers.get("origin", "").partition(":")[0].lower()
    return "https" in {request.scope["scheme"], forwarded, page}
