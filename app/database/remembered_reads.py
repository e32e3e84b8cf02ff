"""Answers that are kept, and sent again while the database says that nothing of what they were made from has changed.

An answer is kept with the statements that its read has run, and with a hash of the rows of each. While nothing at all has been
committed since (`Database.state`), it is sent again at once. Otherwise the same statements run again: if each still finds the
same rows, the answer is still right. A statement that depends on the rows of an earlier one is then still the right statement.
Both questions go to the database each time, so it does not matter which process writes, or what it writes.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, event

from app.database.database import Database

R = TypeVar("R")
# The answers and their statements may take about so much memory together.
MAX_BYTES = 32 * 1024 * 1024
# What an entry takes besides its answer: its key, and its statements, each with its text, values and hash.
_ENTRY_BYTES, _STATEMENT_BYTES = 1_000, 1_500


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer that depends on nothing but its key and the database.

    Attributes:
        body: the encoded answer.
        tag: the value of its ETag, if it has one.
    """

    body: bytes
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    values: Any
    rows: bytes


@dataclass(slots=True)
class _Kept:
    answer: Encoded
    statements: list[_Statement]
    # The state of the database for which the answer is known to be right.
    state: int | None

    @property
    def size(self) -> int:
        return len(self.answer.body) + _ENTRY_BYTES + _STATEMENT_BYTES * len(self.statements)


class RememberedReads:
    """Reads whose answers are kept, those that were used last.

    Args:
        database: what is read.
        max_bytes: how much memory the answers may take.
    """

    def __init__(self, database: Database, max_bytes: int = MAX_BYTES) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def read(self, key: Hashable, work: Callable[[Connection], Encoded | R]) -> Encoded | R:
        """Return what `work` returns, or the kept answer if `work` would return the same now.

        Args:
            key: names everything that the answer depends on besides the database.
            work: the read, which must not write. It returns an `Encoded` if the answer may be kept. An answer that depends on the
                time or on another service may not.

        Raises:
            Unavailable: the database cannot be reached.
        """
        # Asked before the read begins: a commit in between makes the answer look older than it is, and never newer.
        state = self._database.state()
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            if state is not None and kept.state == state:
                return kept.answer

        def again(conn: Connection) -> tuple[Encoded | R, list[_Statement] | None]:
            if kept is not None and all(_rows(conn, one.text, one.values) == one.rows for one in kept.statements):
                return kept.answer, kept.statements
            with _noted(conn) as run:
                answer = work(conn)
            if not isinstance(answer, Encoded) or len(answer.body) > self._max_bytes:
                return answer, None
            return answer, [_Statement(text, values, _rows(conn, text, values)) for text, values in run]

        answer, statements = await self._database.read(again)
        self._forget(key)
        if statements is not None:
            self._keep(key, _Kept(cast("Encoded", answer), statements, state))
        return answer

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size


@contextmanager
def _noted(conn: Connection) -> Generator[list[tuple[str, Any]]]:
    """Note every statement that runs on a connection, as the driver gets it."""
    run: list[tuple[str, Any]] = []

    def note(_conn: Connection, _cursor: object, text: str, values: Any, *_more: object) -> None:
        run.append((text, values))

    if not conn.in_transaction():
        # The statement that begins a transaction is none of the read's.
        conn.begin()
    event.listen(conn, "before_cursor_execute", note)
    try:
        yield run
    finally:
        event.remove(conn, "before_cursor_execute", note)


def _rows(conn: Connection, text: str, values: Any) -> bytes:
    """A hash of the rows that a statement finds, and of their order."""
    cursor = conn.exec_driver_sql(text, values).cursor
    found: Any = cursor.fetchall() if cursor is not None else []
    try:
        # Version 0 writes equal values in the same way, whoever else refers to them.
        content = marshal.dumps(found, 0)
    except ValueError:
        # Values of PostgreSQL that are not plain, such as times.
        content = repr(found).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=16).digest()
