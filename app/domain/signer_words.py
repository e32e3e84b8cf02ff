"""Whose approvals are needed, in plain English."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.words import count, listed


def still_needed(
    number: int, names: Sequence[str] | None, roles: Sequence[str] = (), *, four_eyes: bool = False
) -> str:
    """How many approvals a gate still needs, and from whom: `two more approvals from people with the role approver`.

    Args:
        number: how many, at least one.
        names: the people and keys that may approve; None if neither people nor roles are named.
        roles: the roles; any one of them is enough.
        four_eyes: whether nobody may approve what they worked on.
    """
    what = f"{count(number)} more approval{'' if number == 1 else 's'}"
    if names is None:
        who = "somebody" if number == 1 else "people"
        return f"{what} from {who} other than the author" if four_eyes else what
    if not roles:
        return f"{what}, from {listed(names)}" if 1 < number == len(names) else f"{what} from {listed(names, 'or')}"
    who = "somebody" if number == 1 else "people"
    other = ", but not from the author" if four_eyes else ""
    return f"{what} from {listed([*names, f'{who} {_with(roles)}'], 'or')}{other}"


def demanded(number: int, names: Sequence[str], roles: Sequence[str]) -> str:
    """How many people a policy demands, and which: `two of Dana, Kim and Lee`, `anybody with the role admin`.

    Args:
        number: how many, at least one.
        names: the people and keys that may approve.
        roles: the roles; any one of them is enough. There is at least one name or role.
    """
    if number == 1:
        return listed([*names, f"anybody {_with(roles)}"] if roles else names, "or")
    if not names:
        return f"{count(number)} people {_with(roles)}"
    if not roles:
        everybody = "both" if number == 2 else "all of"
        return f"{everybody if number == len(names) else f'{count(number)} of'} {listed(names)}"
    return f"{count(number)} from among {listed([*names, f'people {_with(roles)}'])}"


def _with(roles: Sequence[str]) -> str:
    return f"with the role {listed(roles, 'or')}"
