"""Gives phases and tasks their keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.domain.plan import slug


@dataclass
class Keys:
    """The keys of all phases or all tasks: first the written ones, then keys made from titles that avoid them."""

    taken: set[str] = field(default_factory=set[str])
    _next: dict[str, int] = field(default_factory=dict[str, int])

    def give(self, key: str) -> bool:
        """Reserve a written key. Return False if it is already taken."""
        new = key not in self.taken
        self.taken.add(key)
        return new

    def make(self, title: str) -> str:
        """A free key for a title. It continues from the last number, so that many equal titles take linear time."""
        base = key = slug(title, frozenset[str]())
        while key in self.taken:
            number = self._next.get(base, 2)
            key, self._next[base] = f"{base}_{number}", number + 1
        self.taken.add(key)
        return key
