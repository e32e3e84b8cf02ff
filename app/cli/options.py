"""A flag for each setting, made from the settings themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import IO, Any, TypeVar

import click

from app.settings import TABLES, Settings
from app.settings_environment import variable_of
from app.settings_loading import SettingsInvalid, flag_of
from app.settings_loading import load_settings as load

R = TypeVar("R")
_PREFIX = "setting_"
_FOR_CLIENTS = ("url", "api_key", "data_dir", "host", "port")


class BadSetting(click.ClickException):
    """A setting that cannot be used, whether from a flag, the environment or the file."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Each line as it is: those of the file begin with its name, which terminals and editors make a link of."""
        click.echo(self.message, file=file, err=file is None)


def settings_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command a flag for every setting; it gets them all as `settings`, flag over environment over file.

    A setting that cannot be used ends the command with exit code 2 and one line for each.
    """
    return _with_flags(command, (name for name in Settings.model_fields if name not in TABLES))


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
        flag_of(field), f"{_PREFIX}{field}", metavar="VALUE", help=f"{description}  [{variable_of(field)}]"
    )


def load_settings(flags: dict[str, Any]) -> Settings:
    """The settings, with `flags` over everything else.

    Raises:
        BadSetting: some cannot be used; names each, where it comes from, and what is wrong with it.
    """
    try:
        return load(flags)
    except SettingsInvalid as error:
        raise BadSetting(str(error)) from error
