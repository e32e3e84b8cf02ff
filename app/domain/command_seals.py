"""The fields with which events name the command that caused them."""

from __future__ import annotations

from typing import TypedDict


class CommandSeal(TypedDict):
    """The id and hash of a command."""

    decision_id: str
    decision_hash: str


class CancelSeal(TypedDict, total=False):
    """The reason for a cancellation, and the seal of its command. Empty if no command caused it."""

    reason: str
    decision_id: str
    decision_hash: str


class CommentSeal(TypedDict, total=False):
    """The comment of a command, and its seal. Empty if no command caused the event."""

    comment: str
    decision_id: str
    decision_hash: str
