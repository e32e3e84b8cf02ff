"""Receives an uploaded file in pieces as it arrives, and refuses it as soon as it is too large."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from app.api.http.any_request import AnyRequest
from app.domain.errors import BadRequest, Invalid, TooLarge, UnsupportedMediaType
from app.workspace.uploads import Upload
from signoff.schemas.problems import Problem

# Size of the pieces that are written: switching to a thread for each packet would cost more than the writing itself.
_PIECE = 1024 * 1024
_MAX_FIELD_LENGTH = 4096
# Maximum size of a body besides the file: the other fields and the separators.
_MAX_BESIDE = 256 * 1024
_FIELDS = frozenset({"file", "path", "overwrite"})


@dataclass
class Received:
    """A completely received upload, with the other fields of its form."""

    upload: Upload
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def path(self) -> str:
        """The target path: the field `path`, or else the file's name."""
        return self.fields.get("path") or self.name

    @property
    def overwrite(self) -> bool:
        """Whether an existing file may be replaced.

        Raises:
            Invalid: the field is neither true nor false.
        """
        value = self.fields.get("overwrite", "false").lower()
        if value not in {"true", "false"}:
            raise _invalid("overwrite", "overwrite must be true or false.")
        return value == "true"


@asynccontextmanager
async def receiving(request: AnyRequest, workspace: Path, limit: int) -> AsyncGenerator[Received, None]:
    """Receive the multipart body of a request into a temporary file in the workspace, which is removed at the end.

    Args:
        request: the request, whose body has not been read.
        workspace: the workspace for the file.
        limit: maximum size of the file in bytes.

    Raises:
        TooLarge: the file is larger; the rest of it is not read.
        BadRequest: the body is not valid multipart, or ends early, for example because the sender disconnects.
        Invalid: the field `file` is missing, or a field is unknown.
        UnsupportedMediaType: the request is not `multipart/form-data`.
    """
    kind, options = _content_type(request)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise UnsupportedMediaType("Send the file as multipart/form-data, in the field `file`.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit + _MAX_BESIDE:
        raise _too_large(limit)
    received = Received(await asyncio.to_thread(Upload, workspace))
    try:
        await _Form(received, limit).read(request, options["boundary"])
        yield received
    finally:
        await asyncio.to_thread(received.upload.close)


def _content_type(request: AnyRequest) -> tuple[str, dict[str, str]]:
    return parse_options_header(request.headers.get("content-type", ""))


class _Form:
    def __init__(self, received: Received, limit: int) -> None:
        self._received = received
        self._limit = limit
        self._field = ""
        self._text = bytearray()
        self._piece = bytearray()
        self._has_file = False

    async def read(self, request: AnyRequest, boundary: str) -> None:
        size = 0
        try:
            parser = PushMultipartParser(boundary, max_segment_count=10, strict=False)
            async for chunk in request.stream():
                size += len(chunk)
                # The limit also applies to data before the first part and after the last one.
                if size > self._limit + _MAX_BESIDE:
                    raise _too_large(self._limit)
                if chunk and not parser.closed:
                    self._take(parser.parse(chunk))
                if len(self._piece) >= _PIECE:
                    await self._flush()
            with suppress(MultipartError):
                parser.close()
        except MultipartError as error:
            reason = error.args[0] if error.args else "it cannot be read"
            raise BadRequest(f"The body is not valid multipart/form-data: {reason}.") from error
        except InternalServerException as error:
            # Litestar raises this when the sender disconnects, so nobody receives the answer.
            raise BadRequest("The body is incomplete. Send it again.") from error
        if not parser.closed or parser.error is not None:
            raise BadRequest("The body is incomplete. Send it again.")
        await self._flush()
        if not self._has_file:
            raise _invalid("file", "The file is missing. Send it in the field `file`.")
        if not self._received.name and not self._received.fields.get("path"):
            raise _invalid(
                "path", "The field `file` has no file name. Send the path in the field `path`.", code="bad_path"
            )

    def _take(self, events: Iterable[MultipartSegment | bytes | bytearray | None]) -> None:
        for event in events:
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                self._end()
            elif self._field == "file":
                self._piece += event
                if self._received.upload.size + len(self._piece) > self._limit:
                    raise _too_large(self._limit)
            else:
                self._text += event
                if len(self._text) > _MAX_FIELD_LENGTH:
                    raise _invalid(self._field, f"{self._field} is too long.")

    def _begin(self, segment: MultipartSegment) -> None:
        self._field = segment.name or ""
        self._text.clear()
        if self._field not in _FIELDS:
            raise _invalid(
                self._field[:64] or "body", f"There is no field '{self._field[:64]}'. Send the file in `file`."
            )
        if self._field in self._received.fields or (self._field == "file" and self._has_file):
            raise _invalid(self._field, f"{self._field} was sent twice. Send it once.")
        if self._field == "file":
            self._has_file = True
            # Some browsers send the full path on their own machine.
            self._received.name = (segment.filename or "").replace("\\", "/").rpartition("/")[2]

    def _end(self) -> None:
        if self._field == "file":
            return
        try:
            self._received.fields[self._field] = self._text.decode()
        except UnicodeDecodeError:
            raise _invalid(self._field, f"{self._field} is not UTF-8.") from None

    async def _flush(self) -> None:
        if self._piece:
            piece, self._piece = self._piece, bytearray()
            await asyncio.to_thread(self._received.upload.write, piece)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The file exceeds the limit of {limit} bytes (SIGNOFF_MAX_UPLOAD).")


def _invalid(field_name: str, message: str, *, code: str | None = None) -> Invalid:
    return Invalid(message, code=code, details=[Problem(field=field_name, message=message)])
