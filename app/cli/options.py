"""Command-line flags, generated from the settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import IO, Any, TypeVar

import click

from app.settings import TABLES, Settings
from app.settings.environment import variable_of
from app.settings.loading import SINGLE_TABLES, SettingsInvalid, flag_of
from app.settings.loading import load_settings as load

R = TypeVar("R")
_PREFIX = "setting_"
_FOR_CLIENTS = ("url", "api_key", "data_dir", "host", "port")


class BadSetting(click.ClickException):
    """An invalid setting, from a flag, the environment or the file."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines unchanged. Lines about the file begin with its name, which terminals and editors turn into links."""
        click.echo(self.message, file=file, err=file is None)


def settings_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add a flag for every setting to a command, and pass it all settings as `settings`.

    Flags override the environment, which overrides the file. Invalid settings end the command with exit code 2 and one line each.
    """
    return _with_flags(command, (name for name in Settings.model_fields if name not in {*TABLES, *SINGLE_TABLES}))


def client_options(command: Callable[..., R]) -> Callable[..., R]:
    """Like `settings_options`, but only with the flags that choose the server of a client command."""
    return _with_flags(command, _FOR_CLIENTS)


def _with_flags(command: Callable[..., R], fields: Iterable[str]) -> Callable[..., R]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> R:
        flags = {name: kwargs.pop(name) for name in list(kwargs) if name.startswith(_PREFIX)}
        supplied = {name.removeprefix(_PREFIX): value for name, value in flags.items() if value is not None}
        return command(*args, settings=load_settings(supplied), **kwargs)

    decorated: Callable[..., R] = wrapped
    # Click lists options in the reverse order of their decorators.
    for field in reversed(list(fields)):
        decorated = _option(field)(decorated)
    return decorated


def _option(field: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    description = Settings.model_fields[field].description
    return click.option(
        flag_of(field), f"{_PREFIX}{field}", metavar="VALUE", help=f"{description}  [{variable_of(field)}]"
    )


def load_settings(flags: dict[str, Any]) -> Settings:
    """Load the settings; `flags` override everything else.

    Raises:
        BadSetting: some are invalid. The message names each, its source, and what is wrong with it.
    """
    try:
        return load(flags)
    except SettingsInvalid as error:
        raise BadSetting(str(error)) from error
