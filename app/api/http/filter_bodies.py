"""The request bodies for saved filters."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.api.http.bodies import RequestBody
from app.api.http.times import MAX_TIME_LENGTH, time_of
from app.domain.errors import BadRequest
from app.domain.plan import PLAIN
from signoff.vocabulary import ProjectStatus

MAX_NAME_LENGTH = 40
# Looking for each word takes time.
MAX_SEARCH_LENGTH = 1000
MAX_LABEL_LENGTH = 64


def _time(text: str) -> str:
    try:
        time_of(text, "time")
    except BadRequest as error:
        raise ValueError("must be a date such as 2026-11-28, or a time such as 2026-11-28T14:30:00Z") from error
    return text


_Time = Annotated[str, StringConstraints(max_length=MAX_TIME_LENGTH), AfterValidator(_time)]


class Conditions(RequestBody):
    """Which projects a filter shows: parameters of the list of projects. Null and an empty text mean that one is not set."""

    empty_is_unset: ClassVar[bool] = True

    status: ProjectStatus | None = None
    search: Annotated[str, StringConstraints(max_length=MAX_SEARCH_LENGTH), PLAIN] | None = None
    label: Annotated[str, StringConstraints(max_length=MAX_LABEL_LENGTH), PLAIN] | None = None
    archived: Literal["true", "all"] | None = Field(
        default=None, description="`true`: only the archive; `all`: with the archive; otherwise without it."
    )
    created_after: _Time | None = None
    created_before: _Time | None = None
    updated_after: _Time | None = None
    updated_before: _Time | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        given = self.given()
        if not given:
            raise ValueError("give at least one condition, such as a status or a label")
        if len({name.partition("_")[0] for name in given if name.endswith(("_after", "_before"))}) > 1:
            raise ValueError("filter by when projects were created, or by when they last changed, not by both")
        return self

    def given(self) -> dict[str, str]:
        """The conditions that are set."""
        return self.model_dump(mode="json", exclude_none=True)


class SaveFilter(RequestBody):
    """A filter, and the name under which it is saved."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, strip_whitespace=True), PLAIN]
    conditions: Conditions
