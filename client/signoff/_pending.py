"""Whether the server has decided yet."""

from __future__ import annotations

from typing import overload

from typing_extensions import TypeIs

from signoff.schemas.answers import CancelAnswer, DeleteAnswer, Recorded
from signoff.vocabulary import ProjectStatus


@overload
def is_pending(answer: CancelAnswer | DeleteAnswer) -> bool: ...  # pyright: ignore[reportOverlappingOverload] - exact first
@overload
def is_pending(answer: object) -> TypeIs[Recorded]: ...
def is_pending(answer: object) -> bool:
    """Whether a request is recorded but not yet decided or finished. Its outcome arrives as an event."""
    if isinstance(answer, CancelAnswer):
        return answer.status != ProjectStatus.CANCELLED
    return isinstance(answer, Recorded) or (isinstance(answer, DeleteAnswer) and answer.deleting)
