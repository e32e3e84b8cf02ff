"""What a search looks for: the words of a text, and the terms under which an index finds a text.

A term is a part of a word: each sequence of one, two or three characters in it. A text that has a word of a search in it has all
terms of that word. An index of terms thus finds the texts that may match; whether a longer word really is in a text must be
looked up in the text. No part of a word contains a space, so a term that begins with a space is a label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from app.domain.folding import fold

_LONGEST = 3
# Enough to rule out nearly every text that does not match. Databases limit the number of terms in one search.
_MAX_TERMS = 64


def searched_text(name: str, description: str) -> str:
    """Return what searches compare with: name and description without case and accents."""
    return f"{fold(name)}\n{fold(description)}"


def terms_of(text: str, labels: Iterable[str]) -> set[str]:
    """Return every term of a text from `searched_text`, and those of labels."""
    terms = {label_term(label) for label in labels}
    for word in set(text.split()):
        for length in range(1, _LONGEST + 1):
            terms.update(word[begin : begin + length] for begin in range(len(word) - length + 1))
    return terms


def label_term(label: str) -> str:
    """Return the term for a label."""
    return f" {label}"


def words_of(search: str) -> list[str]:
    """Return the words of a search, each once. A text matches if every word is somewhere in it, in any order."""
    return list(dict.fromkeys(fold(search).split()))


def wanted_terms(words: Collection[str]) -> list[str]:
    """Return terms that every text with these words has."""
    terms = dict.fromkeys(
        word[begin : begin + _LONGEST] for word in words for begin in range(max(1, len(word) - _LONGEST + 1))
    )
    # Spread over all of them: the first words alone may be frequent.
    return list(terms)[:: 1 + len(terms) // (_MAX_TERMS + 1)]


def needs_look(words: Collection[str]) -> list[str]:
    """Return the words that a text may lack although it has all of their terms."""
    return [word for word in words if len(word) > _LONGEST]
