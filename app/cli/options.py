"""A flag for each setting, made from the settings themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from app.settings import Settings
from app.settings_environment import variable_of

R = TypeVar("R")
_PREFIX = "setting_"
# They have tables of their own in the file, and no flag.
_TABLES = frozenset({"agents", "archetypes", "prices"})
_FOR_CLIENTS = ("url", "api_key", "data_dir", "host", "port")


class BadSetting(click.ClickException):
    """A setting that cannot be used, whether from a flag, the environment or the file."""

    exit_code = 2


def settings_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command a flag for every setting; it gets them all as `settings`, flag over environment over file.

    A setting that cannot be used ends the command with exit code 2 and one line for each.
    """
    return _with_flags(command, (name for name in Settings.model_fields if name not in _TABLES))


def client_options(command: Callable[..., R]) -> Callable[..., R]:
    """As `settings_options`, with flags only for what decides which Signoff a client command speaks to."""
    return _with_flags(command, _FOR_CLIENTS)


def _with_flags(command: Callable[..., R], fields: Iterable[str]) -> Callable[..., R]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> R:
        flags = {name: kwargs.pop(name) for name in list(kwargs) if name.startswith(_PREFIX)}
        given = {name.removeprefix(_PREFIX): value for name, value in flags.items() if value is not None}
        return command(*args, settings=load_settings(given), **kwargs)

    decorated: Callable[..., R] = wrapped
    # Click lists options in the reverse order of their decorators.
    for field in reversed(list(fields)):
        decorated = _option(field)(decorated)
    return decorated


def _option(field: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    description = Settings.model_fields[field].description
    return click.option(
        _flag(field), f"{_PREFIX}{field}", metavar="VALUE", help=f"{description}  [{variable_of(field)}]"
    )


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def load_settings(flags: dict[str, Any]) -> Settings:
    """The settings, with `flags` over everything else.

    Raises:
        BadSetting: some cannot be used; names each, its variable and what is wrong with it.
    """
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise BadSetting("\n".join(_complaint(problem["loc"], problem["msg"]) for problem in error.errors())) from error
    except ValueError as error:
        # The file is not TOML.
        raise BadSetting(f"signoff.toml, or the file in SIGNOFF_CONFIG, cannot be read: {error}") from error


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    field = next((known for known in Settings.model_fields if name in {known, variable_of(known)}), None)
    if field is None:
        return f"Setting {name}: {message}"
    return f"Setting {field} ({_flag(field)}, {variable_of(field)}): {message}"
