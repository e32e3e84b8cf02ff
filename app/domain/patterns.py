"""Regular expressions from plans. They always take linear time, whatever the author of a plan or a command writes."""

from __future__ import annotations

import re2

MAX_PATTERN_LENGTH = 1000
_OPTIONS = re2.Options()
# The error is reported to the caller, not on standard error.
_OPTIONS.log_errors = False


class Pattern:
    """A regular expression in RE2's syntax, which has neither look-around nor back-references.

    Args:
        text: the expression.

    Raises:
        ValueError: RE2 does not accept it; the message says why.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN_LENGTH:
            raise ValueError(f"the pattern has more than {MAX_PATTERN_LENGTH} characters")
        try:
            self._compiled = re2.compile(text, _OPTIONS)
        except re2.error as error:
            reason = error.args[0] if error.args else "unknown error"
            shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(f"'{text}' is not a valid regular expression: {shown}") from None

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        return self._compiled.fullmatch(text) is not None

    def finds(self, text: str) -> bool:
        """Whether a part of `text` matches."""
        return self._compiled.search(text) is not None
