"""Turns what a notification says into a message: JSON for webhooks, and plain text for people. Pure.

The words come from a project, so anybody who may write one has chosen them. In JSON they cannot do harm. In text they must not
begin another line of a header, call everybody in a chat, or look like Signoff's own link.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from signoff.schemas.notifications import Message

MAX_SUBJECT, MAX_BODY = 150, 1500
# Markup of mail, chats and Markdown, and mentions, become signs that look alike.
_HARMLESS = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "[": "(",
        "]": ")",
        "`": "'",
        "@": "\uff20",
        "*": "\u2217",
        "|": "\u00a6",
        "&": "\uff06",
    }
)
_HEADLINES = {
    "plan": "A plan is waiting for approval",
    "edit": "An edit of a run is waiting for approval",
    "changes_requested": "A reviewer has requested changes to a plan, which waits for its author",
    "phase": "A phase is waiting for approval",
    "release": "A task is waiting to be released",
    "manual": "A task is waiting for a person",
    "decision": "A decision is waiting",
    "task_failed": "A failed task is waiting for a decision",
    "worker_lost": "A task has lost its worker and is waiting for a decision",
    "agent": "An agent is asking",
    "changed": "Something has changed since it was signed",
    "completed": "A project has completed",
    "failed": "A project has failed",
    "cancelled": "A project was cancelled",
    "rejected": "A plan was rejected, and its project was cancelled",
}


class Letter(NamedTuple):
    """A message for people."""

    subject: str
    body: str


def letter_of(message: Message) -> Letter:
    """Return the text for people of a message."""
    data = message.data
    headline = _HEADLINES.get(str(data.kind or data.event), "Something is waiting")
    name = plain(data.project_name, MAX_SUBJECT)
    lines = [f"{headline}.", "", f"Project: {name}"]
    if data.title and data.title != data.project_name:
        lines.append(f"What: {plain(data.title, MAX_BODY)}")
    if data.summary:
        lines.append(f"Summary: {plain(data.summary, MAX_BODY)}")
    if data.findings:
        counts = ", ".join(f"{number} {severity}" for severity, number in data.findings.items())
        lines.append(f"Audit findings: {counts}")
    if data.expires_at:
        lines.append(f"Deadline: {data.expires_at[:16].replace('T', ' ')} UTC")
    lines += ["", data.url]
    if data.sign is not None:
        until = f"{data.sign.expires_at[:16].replace('T', ' ')} UTC"
        lines += [
            "",
            f"Read it and sign it as {plain(data.sign.person, MAX_SUBJECT)}, without an account:",
            data.sign.url,
            f"The link is good for one approval until {until}. Whoever has it can sign as you, so do not forward it.",
        ]
    return Letter(f"{headline}: {name}", "\n".join(lines))


def plain(text: str, length: int) -> str:
    """Return text from a project on one line, without markup, mentions, links and characters that nobody can see."""
    line = " ".join(text.split())
    seen = "".join(character for character in line if unicodedata.category(character)[0] != "C")
    harmless = seen.translate(_HARMLESS).replace("://", ": //")
    return harmless if len(harmless) <= length else f"{harmless[: length - 1]}…"
