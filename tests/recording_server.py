"""A server that records the bytes of each request unchanged, and answers 200."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RawRequest:
    """One request: the target in its first line, the lines of its headers, and its body."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Recorder:
    """The address of the server and the requests that it received."""

    address: str = ""
    requests: list[RawRequest] = field(default_factory=list[RawRequest])

    def only(self) -> RawRequest:
        """Return the only request since the last call."""
        (request,) = self.requests
        self.requests.clear()
        return request


@contextmanager
def recording() -> Generator[Recorder]:
    """Run a recording server on a free port."""
    recorder = Recorder()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode("ascii").split(" ")
            headers: list[tuple[str, str]] = []
            while line := self.rfile.readline().decode("utf-8").rstrip("\r\n"):
                name, _, value = line.partition(":")
                headers.append((name.lower(), value.strip()))
            body = self.rfile.read(int(dict(headers).get("content-length", 0)))
            recorder.requests.append(RawRequest(method, target, headers, body))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()
