"""Resource limits for the commands of a task: their meaning, and how people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from signoff.vocabulary import LimitName

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def parse_size(value: object) -> object:
    """Convert a text such as `512m` or `2g` to bytes. Return anything else unchanged.

    Raises:
        ValueError: the text is not a size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError("must be a size in bytes, or a size with a unit, such as 512m or 2g")
    return int(match[1]) * _UNITS[match[2].lower()]


_SIZES = ((1024**4, "TiB"), (1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def size_text(size: int) -> str:
    """Format a number of bytes for people, such as `2 GiB`."""
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:.4g} {name}"
    return f"{size} bytes"


def exact_size_text(size: int) -> str:
    """Format a number of bytes without rounding it, such as `2 GiB` or `1000 bytes`."""
    return next((f"{size // unit} {name}" for unit, name in _SIZES if size and size % unit == 0), f"{size} bytes")


def limits_text(limits: Mapping[str, int]) -> str:
    """Format limits, given by the names of `TaskLimits`, for people, and exactly: they are signed. 0 means no limit."""
    return ", ".join(f"{name.replace('_', ' ')} {_amount(name, value)}" for name, value in limits.items())


def _amount(name: str, value: int) -> str:
    if not value:
        return "without limit"
    return exact_size_text(value) if name in {"memory", "file_size"} else str(value)


Size = Annotated[int, BeforeValidator(parse_size)]


# Limits that a task sets itself, by name; 0: no limit.
OwnLimits = dict[LimitName, Annotated[int, BeforeValidator(parse_size), Field(ge=0, le=2**53)]]


class TaskLimits(BaseModel):
    """Limits for the processes of a task, together or each. 0 means no limit."""

    model_config = ConfigDict(extra="forbid")

    memory: Size = Field(default=8 * 1024**3, ge=0, description="Bytes of memory for all processes together.")
    processes: int = Field(default=1000, ge=0, description="Number of processes at the same time.")
    file_size: Size = Field(default=64 * 1024**3, ge=0, description="Maximum size of one file, in bytes.")
    open_files: int = Field(default=65536, ge=0, description="Number of files that one process may have open.")
    cpu_seconds: int = Field(default=0, ge=0, description="Seconds of CPU time for all processes together.")

    def sentence(self, name: str) -> str:
        """A sentence for a task that exceeded the limit `name`."""
        match name:
            case "memory":
                return f"The task used more than {size_text(self.memory)} of memory."
            case "processes":
                return f"The task had more than {self.processes} processes."
            case "file_size":
                return f"The task wrote a file larger than {size_text(self.file_size)}."
            case _:
                return f"The task used more than {self.cpu_seconds} s of CPU time."
