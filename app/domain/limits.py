"""Resource limits of the commands of a task: what each means, and how people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def parse_size(value: Any) -> Any:
    """Bytes of a text such as `512m` or `2g`; anything else is left as it is.

    Raises:
        ValueError: the text is no size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("give a size in bytes, or with a unit, such as 512m or 2g")
    return int(match[1]) * _UNITS[match[2].lower()]


def size_text(size: int) -> str:
    """Bytes as people say them: `2 GiB`."""
    for unit, name in ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def limits_text(limits: Mapping[str, int]) -> str:
    """Limits as people say them, by the names of `TaskLimits`; 0 is said as none."""
    return ", ".join(f"{name.replace('_', ' ')} {_amount(name, value)}" for name, value in limits.items())


def _amount(name: str, value: int) -> str:
    if not value:
        return "without limit"
    return size_text(value) if name in {"memory", "file_size"} else str(value)


LimitName = Literal["memory", "processes", "file_size", "open_files", "cpu_seconds"]
Size = Annotated[int, BeforeValidator(parse_size)]


# Limits of a task's own, by name; 0: none.
OwnLimits = dict[LimitName, Annotated[int, BeforeValidator(parse_size), Field(ge=0, le=2**53)]]


class TaskLimits(BaseModel):
    """What all processes of a task together, or each of them, may use; 0: no limit."""

    model_config = ConfigDict(extra="forbid")

    memory: Size = Field(default=8 * 1024**3, ge=0, description="Bytes of memory, of all processes together.")
    processes: int = Field(default=1000, ge=0, description="Processes at the same time.")
    file_size: Size = Field(default=64 * 1024**3, ge=0, description="Bytes that one file may grow to.")
    open_files: int = Field(default=65536, ge=0, description="Files that one process may have open.")
    cpu_seconds: int = Field(default=0, ge=0, description="Seconds of processor time, of all processes together.")

    def sentence(self, name: str) -> str:
        """What a task did that has reached the limit `name`."""
        match name:
            case "memory":
                return f"The task used more than {size_text(self.memory)} of memory."
            case "processes":
                return f"The task had more than {self.processes} processes."
            case "file_size":
                return f"The task wrote a file of more than {size_text(self.file_size)}."
            case _:
                return f"The task used more than {self.cpu_seconds} s of processor time."
