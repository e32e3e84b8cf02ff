"""The worker's side of the sandbox: what the commands of tasks may access. `landlock.py` enforces it."""

from __future__ import annotations

import functools
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from activities.actions.task_environment import BASH_TRAP, search_path
from app.domain.actions import TaskFailed
from app.settings import Settings
from app.signing import sandbox_entry
from app.workspace.private_places import PrivatePlaces
from signoff.schemas.json_value import JsonObject

if sys.platform == "linux":
    from activities.actions import landlock

# Programs, their libraries and settings, on common distributions. Missing paths are ignored.
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/var/lib/ca-certificates",
    "/var/lib/dpkg",
    "/var/cache/fontconfig",
)
# Only the names and arguments of other processes can be read there: Landlock restricts the rest to the task's own processes.
KERNEL = ("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm")
# The versions of Landlock that support ports, and scopes for signals.
PORTS, SCOPES = 4, 6
ANY_NETWORK, NO_NETWORK = "all", "none"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
SHARED_MEMORY = "/dev/shm"  # noqa: S108
# For a PATH folder with one of these names, its parent folder is accessible too, but never everything in a home folder.
PROGRAM_FOLDERS = frozenset({"bin", "sbin", "shims"})
PROGRAM_PARTS = ("bin", "sbin", "shims", "lib", "lib64", "libexec", "include", "versions", "version", "toolchains")


class Restriction(TypedDict):
    """What a task may reach, as the arguments of `landlock.make_ruleset` and `landlock.restrict`."""

    rules: list[tuple[bytes, int]]
    ports: list[int] | None
    abi: int
    drop_capabilities: bool


@dataclass(frozen=True)
class Sandbox:
    """What every command of this worker may access. `None` in its place means that there is no sandbox.

    Args:
        abi: the version of the kernel's interface.
        network: the value of the setting `sandbox_network`.
        base: the rules that apply to all commands.
        private: places that no grant may reach.
    """

    abi: int
    network: str = ANY_NETWORK
    base: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    private: PrivatePlaces = field(default_factory=lambda: PrivatePlaces([]))

    def around(self, workspace: Path, reads: Sequence[str] = (), writes: Sequence[str] = ()) -> Restriction:
        """The sandbox of one task, as arguments for the guard.

        Raises:
            TaskFailed: `bad_grant`: a folder that the plan grants does not exist, or must not be granted.
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
            raise TaskFailed("bad_grant", f"The plan lets this task use {path}, which does not exist on this worker.")
        objection = self.private.objection_to(resolved)
        if objection is not None:
            message = f"The plan lets this task use {path}, but that is not allowed: it {objection}."
            raise TaskFailed("bad_grant", message, retryable=False)
        return os.fsencode(resolved)


def ports_of(network: str) -> list[int] | None:
    """The TCP ports that `sandbox_network` allows. None for all ports."""
    if network == ANY_NETWORK:
        return None
    return [] if network == NO_NETWORK else [int(port) for port in network.split(",")]


def sandbox_of(settings: Settings) -> Sandbox | None:
    """The sandbox of a worker with these settings. None if it is disabled or not supported here."""
    if settings.sandbox == "none" or not abi():
        return None
    private = [place.resolve() for place in settings.private_places]
    rules = base_rules(private, settings.sandbox_read, search_path(map(str, settings.task_path)))
    return Sandbox(abi(), settings.sandbox_network, rules, PrivatePlaces(private))


def unsandboxed_as(settings: Settings) -> str | None:
    """The user as whom tasks run without a sandbox on a worker with these settings. None if there is a sandbox."""
    return None if settings.sandbox != "none" and abi() else _user()


def weakness_of(settings: Settings) -> str | None:
    """What the sandbox of a worker with these settings cannot do here, as a sentence for people. None if it can do all."""
    user = _user()
    if settings.sandbox == "none":
        return f"tasks run unsandboxed as {user}, because SIGNOFF_SANDBOX=none is set"
    if not abi():
        return f"tasks run unsandboxed as {user}: this system has no Landlock, which needs Linux 5.13 or newer"
    if abi() < PORTS and settings.sandbox_network != ANY_NETWORK:
        return f"SIGNOFF_SANDBOX_NETWORK has no effect: this kernel has Landlock {abi()}, but ports need {PORTS} (Linux 6.7)"
    if abi() < SCOPES:
        return f"tasks can signal other processes of {user}: this kernel has Landlock {abi()}; version {SCOPES} prevents that"
    return None


def frozen_entry(settings: Settings) -> JsonObject:
    """What commands of this worker can reach, given its settings and the kernel's abilities."""
    entry = sandbox_entry(settings)
    return entry if unsandboxed_as(settings) is None else {**entry, "sandbox": "none"}


def _user() -> str:
    """The user of this process: its name, or its number if it has no name, as in many containers."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@functools.cache
def abi() -> int:
    """The version of Landlock that works here. 0 if none does."""
    if sys.platform != "linux":
        return 0
    try:
        return landlock.version()
    except OSError:
        return 0


def base_rules(private: Sequence[Path], reads: Iterable[Path], path: str) -> list[tuple[bytes, int]]:
    """The rules for what every command may access. They never include anything in `private`.

    Args:
        private: resolved paths that no command may reach.
        reads: additional folders that commands may read.
        path: the PATH of tasks, whose programs must be able to run.
    """
    home = Path.home()
    hidden = set(private)
    if os.geteuid() == 0:
        # For root, nothing else prevents passwords and keys from being read.
        hidden |= set(_not_for_others(Path("/etc")))
    readable = [Path(name) for name in SYSTEM]
    readable += [part for folder in path.split(":") if folder for part in _programs(Path(folder), home)]
    readable += [folder.expanduser() for folder in reads]
    above = {parent for path in hidden for parent in path.parents}
    rules: dict[Path, int] = {}
    for place in readable:
        for part in _without(place.resolve(), hidden, above):
            rules[part] = landlock.READ
    rules |= {Path(name): landlock.READ_FILE | landlock.READ_DIR for name in KERNEL}
    rules |= {Path(name): landlock.DEVICE for name in DEVICES}
    rules[BASH_TRAP] = landlock.READ_FILE
    rules[Path(SHARED_MEMORY).resolve()] = landlock.SHARED
    return [(os.fsencode(place), access) for place, access in _outermost(rules).items()]


def _outermost(rules: dict[Path, int]) -> dict[Path, int]:
    """The rules, without those that another rule of the same kind already covers."""
    return {
        place: access
        for place, access in rules.items()
        if place.exists() and not any(rules.get(parent) == access for parent in place.parents)
    }


def _programs(folder: Path, home: Path) -> list[Path]:
    """What the programs in a folder of PATH need: the folder itself, and the libraries of its installation."""
    resolved = folder.resolve()
    prefix = resolved.parent
    if folder.name not in PROGRAM_FOLDERS or prefix == prefix.parent or home.is_relative_to(prefix):
        return [resolved] if not home.is_relative_to(resolved) else []
    if prefix.parent == home:
        return [prefix / part for part in PROGRAM_PARTS if (prefix / part).exists()]
    return [prefix]


def _without(place: Path, hidden: set[Path], above: set[Path]) -> list[Path]:
    """`place` itself, or the parts of it that do not contain anything hidden. `above` are the folders that do."""
    if place in hidden or not hidden.isdisjoint(place.parents):
        return []
    if place not in above:
        return [place]
    try:
        parts = list(place.iterdir())
    except OSError:
        return []
    return [kept for part in parts if not part.is_symlink() for kept in _without(part, hidden, above)]


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
