"""A span for each request to the API. It continues the trace that the caller names in `traceparent`, or begins one."""

from __future__ import annotations

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.api.http.telemetry import method_of, route_of

_CONTEXT = TraceContextTextMapPropagator()
_FIELDS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
_TRACED = "/api/"


class Traced:
    """ASGI middleware around the whole app, so that refused requests are traced too.

    A span ends when the answer begins: an event stream stays open for hours.

    Args:
        app: handles the requests.
        tracer: makes the spans.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, within its span if it is for the API."""
        if scope["type"] != "http" or not scope["path"].startswith(_TRACED):
            await self._app(scope, receive, send)
            return
        method = method_of(scope)
        carrier = {_FIELDS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _FIELDS}
        span = self._tracer.start_span(method, _CONTEXT.extract(carrier), kind=SpanKind.SERVER)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and span.is_recording():
                route, status = route_of(scope), message["status"]
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                )
                request_id = (scope.get("state") or {}).get("request_id")
                if request_id is not None:
                    span.set_attribute("signoff.request_id", str(request_id))
                if status >= 500:
                    span.set_status(StatusCode.ERROR)
                span.end()
            await send(message)

        with trace.use_span(span, end_on_exit=False):
            try:
                await self._app(scope, receive, watched)
            finally:
                # The client may have left before an answer began.
                if span.is_recording():
                    span.end()
