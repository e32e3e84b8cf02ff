"""Options that a model offers to a person. The person must be able to tell them apart by reading them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from app.domain.file_paths import has_hidden


def objection_to_options(options: Sequence[str]) -> str | None:
    """What is wrong with the options, as a sentence for the model; None if a person can tell them apart."""
    if any(has_hidden(_without_joiners(option)) for option in options):
        return "An option contains a line break or an invisible character. Write it in plain text."
    if len(set(map(_look, options))) < len(options):
        return "Two options look the same. Make each of them different."
    return None


def _look(option: str) -> str:
    """A form that is equal for options which look the same."""
    return " ".join(unicodedata.normalize("NFKC", _without_joiners(option)).casefold().split())


def _without_joiners(text: str) -> str:
    """`text` without the two invisible characters that Persian words and some emoji need."""
    return text.replace("\u200c", "").replace("\u200d", "")
