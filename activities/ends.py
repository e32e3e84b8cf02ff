"""The errors with which an attempt reports an end other than success. `workflows.failures` reads them."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from app.storage.attempt_values import Recorded
from workflows.contracts import ADVISE, ASKED


def failed(recorded: Recorded, message: str, *, has_model: bool) -> ApplicationError:
    """An outcome other than success. It is benign: a failed task is an outcome, so the worker's log must not show a warning.

    Args:
        recorded: the outcome, as it is recorded.
        message: the message of the failure.
        has_model: whether a model may be asked what to do.
    """
    outcome = ASKED if recorded.asks else str(recorded.status)
    details = [outcome, ADVISE] if recorded.advise and has_model else [outcome]
    benign = ApplicationErrorCategory.BENIGN
    return ApplicationError(message, *details, type="TaskFailed", non_retryable=True, category=benign)


def lost(cause: str, *, retryable: bool) -> ApplicationError:
    """An attempt that has no outcome."""
    return ApplicationError(f"The attempt was abandoned: {cause}.", type="WorkerLost", non_retryable=not retryable)


def fenced(message: str) -> ApplicationError:
    """An attempt that must not go on."""
    return ApplicationError(message, type="Fenced", non_retryable=True)
