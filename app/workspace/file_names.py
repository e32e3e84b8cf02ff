"""File names that are not UTF-8, as text for answers and the database: each stray byte is written as `\\xNN`, as shells do."""

from __future__ import annotations

import os
import re

_ESCAPE = re.compile(rb"\\x([89a-f][0-9a-f])")


def as_text(name: str) -> str:
    """A name as the system returns it, with escapes for bytes that are not UTF-8."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def with_bytes(text: str) -> str | None:
    """The other name that `text` may stand for; None if it has no escapes of bytes that are not UTF-8."""
    if "\\x" not in text:
        return None
    name = os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogatepass")))
    return name if name != text and as_text(name) == text else None
