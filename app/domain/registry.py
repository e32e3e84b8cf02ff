"""Finds the available actions. Built-in actions and plug-ins are found in the same way."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from app.domain.actions import Action, Actions

GROUP = "signoff.actions"


class BrokenPluginError(Exception):
    """A registered action cannot be used. The message names the action and its package, and says what to do."""


@cache
def load_actions() -> Actions:
    """All actions by type, from the entry points in the group `signoff.actions`.

    They are loaded once per process. Restart to see a package that was installed later.

    Raises:
        BrokenPluginError: an entry point cannot be imported, is not an action, or uses a name that is already taken.
    """
    actions: Actions = {}
    packages: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        package = point.dist.name if point.dist else "an unknown package"
        if point.name in actions:
            raise BrokenPluginError(
                f"Two packages define the action '{point.name}': {packages[point.name]} and {package}. Remove one."
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
            f"{where} cannot be loaded: {type(error).__name__}: {error}. Fix or remove the package."
        ) from error
    if not isinstance(loaded, type) or not issubclass(loaded, Action):
        raise BrokenPluginError(f"{where} is not a subclass of app.domain.actions.Action.")
    if getattr(loaded, "type", None) != point.name:
        raise BrokenPluginError(
            f"{where} has the type '{getattr(loaded, 'type', None)}'. It must equal the entry point's name."
        )
    return loaded
