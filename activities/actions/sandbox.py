"""What the commands of tasks may touch: the worker's side of the sandbox, which `landlock.py` puts into force."""

from __future__ import annotations

import functools
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.actions.task_environment import search_path
from app.domain.actions import TaskFailed
from app.settings import Settings
from app.signing import sandbox_entry
from app.storage.private_places import PrivatePlaces

if sys.platform == "linux":
    from activities.actions import landlock

# Programs, their libraries and settings, on the distributions that people use; what is not there is left out.
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store", "/gnu/store",
    "/run/current-system", "/run/systemd/resolve", "/run/resolvconf", "/var/lib/ca-certificates", "/var/lib/dpkg",
    "/var/cache/fontconfig",
)  # fmt: skip
# Of other processes no more than their names and arguments can be read there: Landlock keeps the rest to a task's own.
KERNEL = ("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm")
# The versions of Landlock that know ports, and scopes of signals.
PORTS, SCOPES = 4, 6
ANY_NETWORK, NO_NETWORK = "all", "none"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
SHARED_MEMORY = "/dev/shm"  # noqa: S108
# Beside the folder of programs that PATH names; never all of what lies directly in a home folder.
PROGRAM_FOLDERS = frozenset({"bin", "sbin", "shims"})
PROGRAM_PARTS = ("bin", "sbin", "shims", "lib", "lib64", "libexec", "include", "versions", "version", "toolchains")


@dataclass(frozen=True)
class Sandbox:
    """What every command of this worker may touch; `None` in its place means that nothing confines them.

    Args:
        abi: version of the kernel's interface.
        network: as the setting `sandbox_network` says.
        base: rules that hold for all.
        private: places that no grant may reach.
    """

    abi: int
    network: str = ANY_NETWORK
    base: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    private: PrivatePlaces = field(default_factory=lambda: PrivatePlaces([]))

    def around(self, workspace: Path, reads: Sequence[str] = (), writes: Sequence[str] = ()) -> dict[str, Any]:
        """What the guard is told of one task.

        Raises:
            TaskFailed: `bad_grant`: a folder that the plan grants is not there, or is not to be granted.
        """
        rules = [*self.base, (os.fsencode(workspace.resolve()), landlock.WRITE)]
        rules += [(self._granted(path), landlock.READ) for path in reads]
        rules += [(self._granted(path), landlock.WRITE) for path in writes]
        return {
            "rules": rules,
            "ports": ports_of(self.network),
            "abi": self.abi,
            "drop_capabilities": os.geteuid() == 0,
        }

    def _granted(self, path: str) -> bytes:
        resolved = Path(path).resolve()
        if not resolved.exists():
            raise TaskFailed("bad_grant", f"The plan lets this task use {path}, which is not there.")
        objection = self.private.objection_to(resolved)
        if objection is not None:
            message = f"The plan lets this task use {path}, which is refused: it {objection}."
            raise TaskFailed("bad_grant", message, retryable=False)
        return os.fsencode(resolved)


def ports_of(network: str) -> list[int] | None:
    """The TCP ports that `sandbox_network` names; None for all of them."""
    if network == ANY_NETWORK:
        return None
    return [] if network == NO_NETWORK else [int(port) for port in network.split(",")]


def sandbox_of(settings: Settings) -> Sandbox | None:
    """The sandbox of a worker with these settings; None where none is wanted, or none works here."""
    if settings.sandbox == "none" or not abi():
        return None
    private = [place.resolve() for place in settings.private_places]
    rules = base_rules(private, settings.sandbox_read, search_path(map(str, settings.task_path)))
    return Sandbox(abi(), settings.sandbox_network, rules, PrivatePlaces(private))


def unsandboxed_as(settings: Settings) -> str | None:
    """The user as whom the tasks of a worker with these settings run, where no sandbox confines them; None: one does."""
    return None if settings.sandbox != "none" and abi() else _user()


def weakness_of(settings: Settings) -> str | None:
    """What the sandbox of a worker with these settings does not do here, as a sentence for people; None: it does all."""
    user = _user()
    if settings.sandbox == "none":
        return f"tasks run unsandboxed as {user}, as SIGNOFF_SANDBOX=none says"
    if not abi():
        return f"tasks run unsandboxed as {user}: this system has no Landlock (Linux 5.13 or newer has it)"
    if abi() < PORTS and settings.sandbox_network != ANY_NETWORK:
        return f"SIGNOFF_SANDBOX_NETWORK has no effect: this kernel has Landlock {abi()}, and ports need {PORTS} (Linux 6.7)"
    if abi() < SCOPES:
        return f"tasks can signal other processes of {user}: this kernel has Landlock {abi()}, and the newer {SCOPES} stops that"
    return None


def frozen_entry(settings: Settings) -> dict[str, Any]:
    """How far commands of this worker reach: by its settings, and by what this kernel can do."""
    entry = sandbox_entry(settings)
    return entry if unsandboxed_as(settings) is None else {**entry, "sandbox": "none"}


def _user() -> str:
    """The user of this process: by its number where it has no name, as in many containers."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@functools.cache
def abi() -> int:
    """The version of Landlock that works here; 0 where none does."""
    if sys.platform != "linux":
        return 0
    try:
        return landlock.version()
    except OSError:
        return 0


def base_rules(private: Sequence[Path], reads: Iterable[Path], path: str) -> list[tuple[bytes, int]]:
    """What every command may touch, none of it in `private`.

    Args:
        private: resolved places that no command may reach.
        reads: further folders to read.
        path: the PATH of tasks, whose programs must be able to run.
    """
    home = Path.home()
    hidden = set(private)
    if os.geteuid() == 0:
        # For root, nothing else keeps passwords and keys from being read.
        hidden |= set(_not_for_others(Path("/etc")))
    readable = [Path(name) for name in SYSTEM]
    readable += [part for folder in path.split(":") if folder for part in _programs(Path(folder), home)]
    readable += [folder.expanduser() for folder in reads]
    found: dict[Path, int] = {}
    for place in readable:
        for part in _without(place.resolve(), hidden):
            found[part] = landlock.READ
    found |= {Path(name): landlock.READ_FILE | landlock.READ_DIR for name in KERNEL}
    found |= {Path(name): landlock.DEVICE for name in DEVICES}
    found[Path(SHARED_MEMORY).resolve()] = landlock.SHARED
    return [(os.fsencode(place), access) for place, access in _outermost(found).items()]


def _outermost(rules: dict[Path, int]) -> dict[Path, int]:
    """The rules without those that another one of the same kind already covers."""
    return {
        place: access
        for place, access in rules.items()
        if place.exists() and not any(rules.get(parent) == access for parent in place.parents)
    }


def _programs(folder: Path, home: Path) -> list[Path]:
    """What a folder of PATH needs to be of use: itself, and the libraries of the place that it belongs to."""
    resolved = folder.resolve()
    prefix = resolved.parent
    if folder.name not in PROGRAM_FOLDERS or prefix == prefix.parent or home.is_relative_to(prefix):
        return [resolved] if not home.is_relative_to(resolved) else []
    if prefix.parent == home:
        return [prefix / part for part in PROGRAM_PARTS if (prefix / part).exists()]
    return [prefix]


def _without(place: Path, hidden: set[Path]) -> list[Path]:
    """`place`, or where something hidden lies in it, the parts of it that hold none."""
    if any(place == path or place.is_relative_to(path) for path in hidden):
        return []
    if not any(path.is_relative_to(place) for path in hidden):
        return [place]
    try:
        parts = list(place.iterdir())
    except OSError:
        return []
    return [kept for part in parts if not part.is_symlink() for kept in _without(part, hidden)]


def _not_for_others(folder: Path) -> list[Path]:
    """Files and folders below `folder` that only their owner and group may read."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(root) / name
            try:
                mode = path.lstat().st_mode
            except OSError:
                continue
            if not stat.S_ISLNK(mode) and not mode & stat.S_IROTH:
                found.append(path)
    return found
