"""The part of google-re2 that Signoff uses. The library has no types of its own."""

from collections.abc import Iterator
from enum import Enum
from typing import AnyStr, Generic

class error(Exception): ...  # noqa: N801 - the library's name

class Options:
    class Encoding(Enum):
        UTF8 = ...
        LATIN1 = ...

    encoding: Encoding
    log_errors: bool
    longest_match: bool
    max_mem: int
    never_capture: bool

class Match(Generic[AnyStr]):
    def start(self) -> int: ...
    def end(self) -> int: ...

class Pattern(Generic[AnyStr]):
    programsize: int
    def search(self, text: AnyStr, pos: int = ...) -> Match[AnyStr] | None: ...
    def fullmatch(self, text: AnyStr) -> Match[AnyStr] | None: ...
    def finditer(self, text: AnyStr) -> Iterator[Match[AnyStr]]: ...
    def sub(self, repl: AnyStr, text: AnyStr) -> AnyStr: ...

def compile(pattern: AnyStr, options: Options | None = None) -> Pattern[AnyStr]: ...  # noqa: A001 - the library's name
