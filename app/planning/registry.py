"""Which actions there are: those of Signoff and those of installed plug-ins, all found in the same way."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from app.domain.actions import Action, Actions

GROUP = "signoff.actions"


class BrokenPluginError(Exception):
    """An action that is registered but cannot be used; the message names it, its package, and what to do."""


@cache
def load_actions() -> Actions:
    """Every action by its type, from the entry points in the group `signoff.actions`.

    Loaded once per process: a package installed later is seen after a restart.

    Raises:
        BrokenPluginError: an entry point cannot be imported, is no action, or takes a name that is taken.
    """
    actions: Actions = {}
    packages: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        package = point.dist.name if point.dist else "an unknown package"
        if point.name in actions:
            raise BrokenPluginError(
                f"The action '{point.name}' comes from two packages, {packages[point.name]} and {package}; remove one."
            )
        actions[point.name] = _load(point, package)
        packages[point.name] = package
    return actions


def _load(point: EntryPoint, package: str) -> type[Action]:
    where = f"The action '{point.name}' of {package} ({point.value})"
    try:
        loaded: object = point.load()
    except Exception as error:
        raise BrokenPluginError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}. Repair or remove the package."
        ) from error
    if not isinstance(loaded, type) or not issubclass(loaded, Action):
        raise BrokenPluginError(f"{where} is no subclass of app.domain.actions.Action.")
    if getattr(loaded, "type", None) != point.name:
        raise BrokenPluginError(f"{where} calls itself '{getattr(loaded, 'type', None)}'; both names must be the same.")
    return loaded
