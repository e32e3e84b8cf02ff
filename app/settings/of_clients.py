"""The settings of a client command: which Signoff it asks, with which key. Loads no model of the other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from app.hidden_environment import variables
from app.settings.location import settings_file

PREFIX = "SIGNOFF_"
# Each with the help text of its flag.
DESCRIPTIONS = {
    "url": "Address of a running Signoff, for client commands.",
    "api_key": "Admin key that requests must carry as a Bearer token.",
    "data_dir": "Folder for the databases, workspaces and logs.",
    "host": "Address the app listens on.",
    "port": "Port the app listens on.",
}
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400
MAX_PORT = 65535


@dataclass(frozen=True)
class ClientSettings:
    """What a client command needs in order to find a Signoff, and to be let in."""

    url: str
    api_key: str
    data_dir: Path
    host: str
    port: int

    @property
    def app_url(self) -> str:
        """The app's address for programs on the same machine."""
        return url_of(self.host, self.port)


def url_of(host: str, port: int) -> str:
    """The address, for programs on the same machine, of what listens on a host and a port."""
    host = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def default_data_dir() -> Path:
    """The data folder of this user."""
    return Path(platformdirs.user_data_dir("signoff", appauthor=False))


def absolute(folder: Path) -> Path:
    """A data folder, with `~` replaced by the user's home."""
    return folder.expanduser().absolute()


def from_environment(flags: Mapping[str, Any]) -> ClientSettings | None:
    """The settings from flags and variables. None if there is a settings file, or one is not valid: load all settings then."""
    if settings_file().exists():
        return None
    given = {name.lower(): value for name, value in variables().items()}
    chosen: dict[str, Any] = {name: given.get(f"{PREFIX}{name}".lower()) for name in DESCRIPTIONS}
    chosen.update(flags)
    port = chosen["port"]
    if port is not None and not (str(port).isdecimal() and 0 < int(port) <= MAX_PORT):
        return None
    folder, host = chosen["data_dir"], chosen["host"]
    return ClientSettings(
        url=chosen["url"] or "",
        api_key=chosen["api_key"] or "",
        data_dir=absolute(default_data_dir() if folder is None else Path(folder)),
        host=DEFAULT_HOST if host is None else host,
        port=DEFAULT_PORT if port is None else int(port),
    )
