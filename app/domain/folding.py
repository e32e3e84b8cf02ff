"""A form of texts that ignores case, accents and Unicode form. Lists are ordered by it, and searched in it."""

from __future__ import annotations

import unicodedata

_MAX_CHARACTERS = 200


def fold(text: str) -> str:
    """Return a text without case and accents: "Äpfel" becomes "apfel", and "Straße" becomes "strasse"."""
    if text.isascii():
        return text.lower()
    # Folding may decompose characters, and decomposing may leave characters that can be folded.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def folded(text: str) -> str:
    """Return the beginning of a text in this form. A column in an index must be short."""
    return fold(text[:_MAX_CHARACTERS])
