"""The part of aiosqlite that Signoff uses. The library's own types are incomplete."""

import sqlite3
import threading
from collections.abc import Callable, Generator
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

class Connection:
    _thread: threading.Thread
    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None: ...
    def __await__(self) -> Generator[object, None, Self]: ...
    async def close(self) -> None: ...
    async def _execute(self, fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
