"""The kinds of commands."""

from __future__ import annotations

from enum import StrEnum


class CommandKind(StrEnum):
    """What a command asks a project to do."""

    GENERATE = "generate"
    RETURN = "return"
    APPROVE = "approve"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY_RUN = "retry_run"
    EDIT = "edit"
    DISCARD = "discard"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    ANSWER = "answer"
    EXPIRE = "expire"
    COMPLETE = "complete"
    SKIP = "skip"
    RETRY = "retry"
    FAIL = "fail"
