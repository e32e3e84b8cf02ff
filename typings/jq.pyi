from collections.abc import Iterator
from typing import Any

class _Results:
    def __iter__(self) -> Iterator[Any]: ...

class _Program:
    def input_value(self, value: Any) -> _Results: ...

def compile(program: str) -> _Program: ...
