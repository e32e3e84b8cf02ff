"""All settings, in `Settings`, and those of client commands, which load in a fraction of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.settings.every import LOOPBACK_HOSTS, Settings

__all__ = ["LOOPBACK_HOSTS", "Settings"]


def __getattr__(name: str) -> Any:
    """Import all settings on first use: a client command needs five of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from app.settings import every  # noqa: PLC0415 - a third of a second, most of it for models of policies and notices

    return getattr(every, name)
