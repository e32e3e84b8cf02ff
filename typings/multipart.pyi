"""The part of multipart that Signoff uses. The library's own types are incomplete."""

from collections.abc import Iterator

class MultipartError(ValueError): ...

class MultipartSegment:
    name: str
    filename: str | None

class PushMultipartParser:
    closed: bool
    error: MultipartError | None
    def __init__(self, boundary: str | bytes, *, max_segment_count: float = ..., strict: bool = ...) -> None: ...
    def parse(self, chunk: bytes) -> Iterator[MultipartSegment | bytearray | None]: ...
    def close(self) -> None: ...

def parse_options_header(header: str) -> tuple[str, dict[str, str]]: ...
