"""The file in the folder of workspaces by which a worker recognizes that it sees the app's workspaces."""

from __future__ import annotations

from pathlib import Path

MARKER = ".signoff-workspaces"


def mark(folder: Path) -> None:
    """Create the folder for Signoff's own workspaces, with the marker.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
