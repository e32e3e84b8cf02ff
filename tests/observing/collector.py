"""A collector of traces: it speaks OTLP over HTTP, as the collectors that operators run do, and remembers the spans."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class Span:
    """A span that arrived, with the name of the process that made it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    values: dict[str, str | int]


@dataclass
class Collector:
    port: int = 0
    spans: list[Span] = field(default_factory=list[Span])
    # The header fields of the requests.
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def by_id(self) -> dict[str, Span]:
        return {span.span_id: span for span in self.spans}

    def above(self, span: Span) -> Iterator[Span]:
        """The span's parents, nearest first."""
        known = self.by_id()
        while (parent := known.get(span.parent_id)) is not None:
            yield parent
            span = parent

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                request, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                assert request == "POST /v1/traces HTTP/1.1", request
                assert headers["content-type"] == "application/x-protobuf"
                self.headers.append(headers)
                self.spans += _spans(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                fields = f"content-type: application/x-protobuf\r\ncontent-length: {len(answer)}"
                writer.write(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + answer)
                await writer.drain()
        writer.close()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        about = _values(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=str(about["service.name"]),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    values=_values(span.attributes),
                )


def _values(pairs: Iterator[KeyValue]) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    collector.port = server.sockets[0].getsockname()[1]
    try:
        yield collector
    finally:
        server.close()
