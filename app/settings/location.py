"""Where the settings file is."""

from __future__ import annotations

import os
from pathlib import Path


def settings_file() -> Path:
    """The path of the settings file, which may not exist."""
    return Path(os.environ.get("SIGNOFF_CONFIG", "signoff.toml"))
