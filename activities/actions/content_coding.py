"""Taking the content coding off an answer's body: whole, or an error that says it is not."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator

import httpx

from app.domain.actions import TaskFailed

# RFC 9110, 8.4.1: x-gzip is gzip; deflate is zlib, which some servers leave out.
_GZIP = frozenset({"gzip", "x-gzip"})


async def decoded(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The pieces of a body without its content codings.

    Raises:
        TaskFailed: `connection`, where a coded body ends before its end mark or is damaged.
    """
    codings = [name.strip().lower() for name in response.headers.get("content-encoding", "").split(",")]
    decoders = [_Decoder(name) for name in reversed(codings) if name not in {"", "identity"}]
    empty = True
    async for chunk in response.aiter_raw():
        empty = empty and not chunk
        data = chunk
        for decoder in decoders:
            data = decoder.decode(data)
        if data:
            yield data
    # An answer to HEAD, or with status 204 or 304, names a coding and has no body.
    if not empty and not all(decoder.at_end for decoder in decoders):
        raise TaskFailed("connection", "The answer is not whole: its compressed content ends too early.")


class _Decoder:
    """One coding. A gzip stream may have several members (RFC 1952, 2.2)."""

    def __init__(self, coding: str) -> None:
        if coding not in _GZIP | {"deflate"}:
            raise TaskFailed(
                "bad_answer", f"The answer has the coding '{coding}', which was not asked for.", retryable=False
            )
        self._gzip = coding in _GZIP
        self._begun = False
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16 if self._gzip else zlib.MAX_WBITS)

    @property
    def at_end(self) -> bool:
        """Whether the end mark has come."""
        return self._inner.eof

    def decode(self, data: bytes) -> bytes:
        """What `data` adds."""
        out = bytearray()
        while data:
            if self._inner.eof:
                # Zeros after the end are padding.
                data = data.lstrip(b"\0") if self._gzip else b""
                if not data:
                    break
                self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                out += self._inner.decompress(data)
            except zlib.error as error:
                if self._gzip or self._begun:
                    raise TaskFailed(
                        "connection", "The answer is damaged: its compressed content cannot be read."
                    ) from error
                self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
                self._begun = True
                continue
            self._begun = True
            data = self._inner.unused_data
        return bytes(out)
