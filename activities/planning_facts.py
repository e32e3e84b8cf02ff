"""Collects what a planner should know about this worker and about a workspace."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from activities.actions.task_environment import search_path
from app.domain.file_paths import is_private
from app.domain.plan import DEFAULT_AGENT
from app.domain.secret_scopes import SecretScopes
from app.llm.clock import zone_name
from app.planning.facts import USUAL_PROGRAMS, Facts, FileFacts
from app.workspace.files import found_in
from app.workspace.folders import open_file

MAX_FILES = 200
# Limits of what is shown of files: how many, how many lines of each longer one, their length, and all of it together.
MAX_BEGINNINGS = 20
MAX_LINES = 3
# A text of at most this many characters is shown as a whole.
MAX_WHOLE = 600
MAX_LINE_LENGTH = 200
MAX_CHARACTERS = 6000
_READ_BYTES = 16_384
# Their content is nobody's business before a plan is signed.
_SENSITIVE_ENDS = (".pem", ".key", ".p12", ".pfx", ".kdbx", ".jks", ".gpg", ".asc", ".ppk")
_SENSITIVE_PARTS = ("secret", "password", "passwd", "credential", "token", "id_rsa", "id_ed25519")


class FactFinder:
    """Collects facts for planners.

    Args:
        task_path: the folders in which tasks look first for programs.
        secrets: the names of the secrets of this worker.
        scopes: who may use which secret.
        masked: masks secrets in data, also one that the end of the data cuts off.
        shows_files: whether the first lines of files may be shown to a model.
        network: the TCP ports that commands may connect to.
    """

    def __init__(
        self,
        *,
        task_path: list[str],
        secrets: list[str],
        scopes: SecretScopes,
        masked: Callable[[bytes], bytes],
        shows_files: bool,
        network: str = "all",
    ) -> None:
        self._network = network
        self._task_path = task_path
        self._secrets = secrets
        self._scopes = scopes
        self._masked = masked
        self._shows_files = shows_files

    def facts(self, root: Path, project_id: str, agent_id: str | None, *, own_folder: bool) -> Facts:
        """The facts for a plan of this project. Blocking."""
        files = found_in(root, MAX_FILES + 1)
        agent = agent_id or DEFAULT_AGENT
        return Facts(
            time_zone=zone_name(datetime.now().astimezone()),
            system=_system(),
            shell=Path(os.path.realpath("/bin/sh")).name,
            programs=self._programs(),
            own_folder=own_folder,
            repository=(root / ".git").exists(),
            files=self._with_beginnings(
                root, [FileFacts(path=file.path, size=file.size) for file in files[:MAX_FILES]]
            ),
            more_files=len(files) > MAX_FILES,
            secrets=[name for name in sorted(self._secrets) if self._scopes.refusal(name, project_id, agent) is None],
            network=self._network,
        )

    def _programs(self) -> list[str]:
        path = search_path(self._task_path)
        return [name for name in USUAL_PROGRAMS if shutil.which(name, path=path)]

    def _with_beginnings(self, root: Path, files: list[FileFacts]) -> list[FileFacts]:
        """The files, the first of them with their first lines. Files in few folders come first: they say the most."""
        left, shown = MAX_CHARACTERS, 0
        for file in sorted(files, key=lambda file: (file.path.count("/"), file.path)) if self._shows_files else []:
            if shown == MAX_BEGINNINGS or left <= 0:
                break
            beginning = self._beginning(root, file.path)
            if beginning:
                text, file.complete = beginning
                file.beginning, file.complete = text[:left], file.complete and len(text) <= left
                left -= len(text)
                shown += 1
        return files

    def _beginning(self, root: Path, path: str) -> tuple[str, bool] | None:
        """The first lines of a text file, and whether it has no others.

        None for an empty file, for one that is not text, and for one whose name says that it holds secrets.
        """
        parts = path.split("/")
        if any(part.startswith(".") or is_private(part) for part in parts) or _is_sensitive(path.lower()):
            return None
        try:
            with os.fdopen(open_file(root, parts), "rb") as file:
                data = file.read(_READ_BYTES)
        except OSError:
            return None
        try:
            # A character that the limit cuts in two is no reason to take a text for something else.
            text = self._masked(data).decode("utf-8", "strict" if len(data) < _READ_BYTES else "ignore")
        except UnicodeDecodeError:
            return None
        if "\0" in text:
            return None
        if len(text) <= MAX_WHOLE and len(data) < _READ_BYTES:
            return (text.rstrip("\n"), True) if text.strip("\n") else None
        lines = [line[:MAX_LINE_LENGTH] for line in text.splitlines()[:MAX_LINES]]
        shown = "\n".join(lines).strip("\n")
        return (shown, False) if shown else None


def _is_sensitive(path: str) -> bool:
    return path.endswith(_SENSITIVE_ENDS) or any(part in path for part in _SENSITIVE_PARTS)


def _system() -> str:
    """Name and version of the system, and the processor: `Debian GNU/Linux 13 (trixie), x86_64`."""
    name = f"{platform.system()} {platform.release()}"
    with contextlib.suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    return f"{name}, {platform.machine()}"
