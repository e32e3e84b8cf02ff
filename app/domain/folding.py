"""A form of texts that ignores case and accents, in which lists are ordered."""

from __future__ import annotations

import unicodedata

_MAX_CHARACTERS = 200


def folded(text: str) -> str:
    """The beginning of a text without case and accents: "Äpfel" becomes "apfel", and "Straße" becomes "strasse"."""
    # Folding may decompose characters, and decomposing may leave characters that can be folded.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text[:_MAX_CHARACTERS]).casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))
