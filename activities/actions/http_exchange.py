"""Sends a request, and follows redirects. It connects only to checked addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx

from activities.actions.content_coding import ACCEPTED
from activities.actions.netguard import addresses_for, check_url, port_of
from activities.tls import shared_tls
from app.domain.actions import TaskContext, TaskFailed

MAX_REDIRECTS = 5
# An app on the same machine recognizes a task's request by this header field.
TASK_FIELD = b"signoff-task"
CONNECT_SECONDS = 10.0
# Seconds of silence from the server after which the request fails, if the task has no time limit.
SILENCE_SECONDS = 300.0
# The headers that a different origin may receive. Any other header could be a credential.
HARMLESS_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})


@dataclass(frozen=True)
class Request:
    """A request to send, with lower-case header names and the body as bytes."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes | None

    def redirected(self, status: int, url: httpx.URL) -> Request:
        """The request for a redirect (RFC 9110, section 15.4). Credentials are not sent to a different origin."""
        headers = self.headers
        if _origin(url) != _origin(self.url):
            headers = {name: value for name, value in headers.items() if name in HARMLESS_HEADERS}
        if (status == 303 and self.method != "HEAD") or (status in {301, 302} and self.method == "POST"):
            headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
            return Request("GET", url, headers, None)
        return replace(self, url=url, headers=headers)


@asynccontextmanager
async def exchange(
    request: Request, context: TaskContext, follow: Callable[[int], bool]
) -> AsyncGenerator[tuple[httpx.Response, httpx.URL], None]:
    """Send a request. Yield the response with an unread body, and its URL.

    `follow` decides whether to follow a redirect with a given status; the limit is 5 redirects. Proxies from the environment
    are not used, because they would connect to unchecked addresses. SSL_CERT_FILE is respected.

    Raises:
        TaskFailed: `connection` (also while the body is read), `address_refused`, `bad_url`, `bad_request`,
            `too_many_redirects`.
    """
    async with httpx.AsyncHTTPTransport(verify=shared_tls()) as transport:
        for _ in range(MAX_REDIRECTS + 1):
            response = await _send(transport, request, context)
            try:
                location = response.headers.get("location", "") if response.has_redirect_location else ""
                if not location or not follow(response.status_code):
                    yield response, request.url
                    return
            except httpx.HTTPError as error:
                raise _unreachable(request, error) from error
            finally:
                await response.aclose()
            request = request.redirected(response.status_code, _target(request.url, location))
            context.log.write(f"{response.status_code}, redirected to {request.url}\n".encode())
    message = f"More than {MAX_REDIRECTS} redirects. The last one was to {request.url}."
    raise TaskFailed("too_many_redirects", message, retryable=False)


async def _send(transport: httpx.AsyncHTTPTransport, request: Request, context: TaskContext) -> httpx.Response:
    host = request.url.raw_host.decode("ascii").rstrip(".")
    silence = context.timeout_seconds or SILENCE_SECONDS
    extensions = {
        "timeout": httpx.Timeout(silence, connect=CONNECT_SECONDS).as_dict(),
        "sni_hostname": host,
    }
    # A part of an encoded body cannot be decoded.
    coding = "identity" if "range" in request.headers else ACCEPTED
    headers = {"host": request.url.netloc.decode("ascii"), "accept": "*/*", "accept-encoding": coding}
    headers |= {"user-agent": "signoff"} | request.headers
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    failure: httpx.HTTPError | None = None
    for address in await addresses_for(request.url, context.http_allow, context.app_url):
        url = request.url.copy_with(host=address)
        fields = raw
        if ipaddress.ip_address(address).is_loopback:
            # A worker runs as the app's owner. Without this field, an app without a key would take its requests for the owner's.
            fields = [
                *((name, value) for name, value in raw if name != TASK_FIELD),
                (TASK_FIELD, context.task_id.encode()),
            ]
        sent = httpx.Request(request.method, url, headers=fields, content=request.content, extensions=extensions)
        try:
            response = await transport.handle_async_request(sent)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error  # nothing was sent: the next address may work
            continue
        except httpx.LocalProtocolError as error:
            raise TaskFailed("bad_request", f"The request cannot be sent: {error}.", retryable=False) from error
        except httpx.HTTPError as error:
            raise _unreachable(request, error) from error
        response.request = sent
        return response
    raise _unreachable(request, failure) from failure


def _target(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return check_url(str(url.join(location)))
    except (httpx.InvalidURL, ValueError) as error:
        # The parser's own message may quote part of a secret, which cannot be recognized and masked.
        message = "The response redirects to something that is not an http:// or https:// URL."
        raise TaskFailed("bad_url", message, retryable=False) from error


def _unreachable(request: Request, error: httpx.HTTPError | None) -> TaskFailed:
    where = f"{request.url.host}:{port_of(request.url)}"
    if isinstance(error, httpx.ConnectTimeout):
        return TaskFailed("connection", f"Could not connect to {where} within {CONNECT_SECONDS:g} seconds.")
    if isinstance(error, httpx.TimeoutException):
        return TaskFailed("connection", f"{where} stopped sending before the response was complete.")
    if isinstance(error, httpx.ConnectError):
        return TaskFailed("connection", f"Could not connect to {where}: {str(error) or 'refused'}.")
    return TaskFailed("connection", f"The connection to {where} was lost: {str(error) or type(error).__name__}.")


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, port_of(url)
