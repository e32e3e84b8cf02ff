"""Decodes the content codings of a response (RFC 9110, section 8.4): completely, or with an error.

A stream that ends early, that is damaged, or that has a coding which Signoff does not know is never taken for the whole answer.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Protocol

import httpx

from app.domain.actions import TaskFailed

# What requests ask for. `x-gzip` means the same as `gzip`; some servers send it.
ACCEPTED = "gzip, deflate"
# Not content codings, but servers send them, and the content is then unencoded.
_NO_CODINGS = frozenset({"", "identity", "none", "utf-8", "aws-chunked"})
_PIECE = 64 * 1024
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class _Decompress(Protocol):
    """What `zlib.decompressobj` returns. zlib has no public name for its type."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body of a response without its codings, in pieces of at most 64 KiB if it is encoded.

    Raises:
        TaskFailed: `bad_encoding`, while the pieces are read or before.
    """
    chunks = response.aiter_raw()
    names = [name.strip().lower() for name in response.headers.get("content-encoding", "").split(",")]
    codings = [name for name in names if name not in _NO_CODINGS]
    if not codings or response.request.method == "HEAD" or response.status_code in {204, 304}:
        return chunks
    # With explicit framing, a body without a single byte is known to be complete, and means no content.
    may_be_empty = "transfer-encoding" in response.headers or response.headers.get("content-length") == "0"
    for name in reversed(codings):
        if name in {"gzip", "x-gzip"}:
            chunks = _gunzip(chunks, may_be_empty=may_be_empty)
        elif name == "deflate":
            chunks = _inflate(chunks, may_be_empty=may_be_empty)
        else:
            message = f"The response has the content coding '{name[:40]}'. Signoff can decode gzip and deflate only."
            raise TaskFailed("bad_encoding", message, retryable=False)
    return chunks


async def _gunzip(chunks: AsyncIterator[bytes], *, may_be_empty: bool) -> AsyncGenerator[bytes]:
    """Decode gzip: one member or several, with zeros as padding after each (RFC 1952)."""
    member: _Decompress | None = None
    whole = may_be_empty
    async for chunk in chunks:
        data = chunk
        while data:
            if member is None:
                data = data.lstrip(b"\0") if whole else data
                if not data:
                    break
                member, whole = zlib.decompressobj(_GZIP), False
            for piece in _pieces(member, data, "gzip"):
                yield piece
            data = member.unused_data
            if member.eof:
                member, whole = None, True
    if not whole:
        raise _incomplete("gzip")


async def _inflate(chunks: AsyncIterator[bytes], *, may_be_empty: bool) -> AsyncGenerator[bytes]:
    """Decode deflate: a zlib stream, or the bare deflate stream that some servers send instead."""
    stream: _Decompress | None = None
    start = b""
    async for chunk in chunks:
        data = start + chunk
        if stream is None:
            if len(data) < 2:
                start = data
                continue
            start = b""
            stream = zlib.decompressobj(_ZLIB if _is_zlib(data) else _RAW)
        if stream.eof and data:
            raise _damaged("deflate", "data follow its end")
        for piece in _pieces(stream, data, "deflate"):
            yield piece
        if stream.unused_data:
            raise _damaged("deflate", "data follow its end")
    if start or not (stream.eof if stream is not None else may_be_empty):
        raise _incomplete("deflate")


def _pieces(stream: _Decompress, data: bytes, name: str) -> Iterator[bytes]:
    """Decode `data` in pieces of limited size, so that a few bytes cannot fill the memory."""
    while not stream.eof:
        try:
            piece = stream.decompress(data, _PIECE)
        except zlib.error as error:
            raise _damaged(name, str(error)) from error
        if piece:
            yield piece
        data = stream.unconsumed_tail
        # A full piece may leave output behind, even if all input was read.
        if not data and len(piece) < _PIECE:
            return


def _is_zlib(data: bytes) -> bool:
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0


def _incomplete(name: str) -> TaskFailed:
    return TaskFailed("bad_encoding", f"The response is incomplete: its {name} stream ends early.")


def _damaged(name: str, why: str) -> TaskFailed:
    return TaskFailed("bad_encoding", f"The response is damaged: it is not a valid {name} stream ({why}).")
