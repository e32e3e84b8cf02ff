"""Checks that every text of a plan must pass."""

from __future__ import annotations

from pydantic import AfterValidator


def storable(text: str) -> str:
    """Return `text`, or refuse characters that a database or a file cannot store.

    Raises:
        ValueError: the text contains a NUL character or a lone surrogate.
    """
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    # PostgreSQL and UTF-8 files refuse lone surrogates, which JSON can contain.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain lone surrogates")
    return text


# Runs after the length limits, so that pydantic reports those first.
PLAIN = AfterValidator(storable)
