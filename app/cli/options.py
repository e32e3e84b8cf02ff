"""Command-line flags, generated from the settings."""

from __future__ import annotations

import functools
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from app.settings.of_clients import DESCRIPTIONS, PREFIX, from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.settings import Settings
    from app.settings.of_clients import ClientSettings

R = TypeVar("R")
_OPTION_PREFIX = "setting_"


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
    from app.settings import Settings  # noqa: PLC0415 - client commands do not need all settings
    from app.settings.environment import variable_of  # noqa: PLC0415
    from app.settings.tables import SECTIONS, TABLES  # noqa: PLC0415

    fields = {name: field for name, field in Settings.model_fields.items() if name not in {*TABLES, *SECTIONS}}
    described = {name: f"{field.description}  [{variable_of(name)}]" for name, field in fields.items()}
    return _with_flags(command, described, load_settings)


def client_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the flags that choose the server of a client command, and pass it the `ClientSettings` as `settings`."""
    described = {name: f"{text}  [{PREFIX}{name.upper()}]" for name, text in DESCRIPTIONS.items()}
    return _with_flags(command, described, load_client_settings)


def _with_flags(
    command: Callable[..., R], described: Mapping[str, str], loaded: Callable[[dict[str, Any]], object]
) -> Callable[..., R]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> R:
        flags = {name: kwargs.pop(name) for name in list(kwargs) if name.startswith(_OPTION_PREFIX)}
        supplied = {name.removeprefix(_OPTION_PREFIX): value for name, value in flags.items() if value is not None}
        return command(*args, settings=loaded(supplied), **kwargs)

    decorated: Callable[..., R] = wrapped
    # Click lists options in the reverse order of their decorators.
    for field, text in reversed(list(described.items())):
        flag = f"--{field.replace('_', '-')}"
        decorated = click.option(flag, f"{_OPTION_PREFIX}{field}", metavar="VALUE", help=text)(decorated)
    return decorated


def load_settings(flags: dict[str, Any]) -> Settings:
    """Load the settings; `flags` override everything else.

    Raises:
        BadSetting: some are invalid. The message names each, its source, and what is wrong with it.
    """
    from app.settings.loading import SettingsInvalid  # noqa: PLC0415 - with all settings
    from app.settings.loading import load_settings as load  # noqa: PLC0415

    try:
        return load(flags)
    except SettingsInvalid as error:
        raise BadSetting(str(error)) from error


def load_client_settings(flags: dict[str, Any]) -> ClientSettings:
    """Load the settings of a client command. Raises as `load_settings` does."""
    return from_environment(flags) or load_settings(flags).of_clients
