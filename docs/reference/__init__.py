"""Writes the reference pages of the site from the code. They are not kept in Git, so they are always current."""

from __future__ import annotations


def pages() -> dict[str, str]:
    """The reference pages, by their path in the site."""
    return {}
