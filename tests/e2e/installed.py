"""Wheels of this repository, installed in environments that have nothing but what the wheels ask for."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def built(project: Path, into: Path) -> Path:
    """The wheel of a project; hooks that fetch from the network are off."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    environment = {"HATCH_BUILD_NO_HOOKS": "true", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = into.glob("*.whl")
    return wheel


def sources(into: Path) -> Path:
    """What is committed, without `.gitignore`, and what an earlier build has left: as a build context may be."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        source, target = ROOT / name, into / name
        if source.is_file() and source.name != ".gitignore":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    shutil.copytree(ROOT / "app/dashboard/built", into / "app/dashboard/built")
    docs = into / "app/dashboard/built_docs"
    docs.mkdir()
    (docs / "index.html").write_text("<h1>Signoff</h1>")
    left = into / "app/dashboard/node_modules/left"
    left.mkdir(parents=True)
    (left / "index.js").write_text("")
    return into


def installed(folder: Path, *wheels: Path) -> Path:
    """The Python of a new environment with `wheels` and the libraries that these ask for."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, *map(str, wheels)], check=True, capture_output=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    own = {_metadata(wheel).name for wheel in wheels}
    for name in {needed for wheel in wheels for needed in _needed(wheel, packages)} - own:
        _link(distribution(name), packages)
    return python


def _metadata(wheel: Path) -> Requirement:
    return Requirement(wheel.name.split("-", 1)[0].replace("_", "-"))


def _needed(wheel: Path, packages: Path) -> set[str]:
    """Names of the distributions that a wheel asks for, those that these ask for, and so on."""
    found: set[str] = set()
    first = next(iter(Distribution.discover(name=_metadata(wheel).name, path=[str(packages)])))
    todo = list(_asked_for(first, frozenset()))
    while todo:
        name, extras = todo.pop()
        if name not in found:
            found.add(name)
            todo += _asked_for(distribution(name), extras)
    return found


def _asked_for(one: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for line in one.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ["", *extras]):
            yield requirement.name.lower(), frozenset(requirement.extras)


def _link(one: Distribution, packages: Path) -> None:
    for file in one.files or ():
        source, target = Path(str(one.locate_file(file))).resolve(), packages / file
        # A script would run in the environment that it comes from.
        is_foreign_script = ".." in file.parts and source.is_file() and source.read_bytes()[:2] == b"#!"
        if source.is_file() and not is_foreign_script and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
