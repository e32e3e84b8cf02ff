"""Refuses JSON objects that name a member twice: readers disagree about which of the two counts."""

from __future__ import annotations

from typing import Any


class DuplicateName(ValueError):
    """A JSON object has two members with the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name '{name[:64]}' appears twice")
        self.name = name


def unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook` for `json.loads`.

    Raises:
        DuplicateName: two members have the same name.
    """
    made: dict[str, Any] = {}
    for name, value in members:
        if name in made:
            raise DuplicateName(name)
        made[name] = value
    return made
