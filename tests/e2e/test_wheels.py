from __future__ import annotations

import asyncio
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.e2e.installed import ROOT, built, installed, sources

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="session")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT / "client", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def server_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(sources(tmp_path_factory.mktemp("sources")), tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A folder of somebody else, whose packages have the names of the server's."""
    folder = tmp_path / "others"
    for package in ("app", "workflows", "activities"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("raise RuntimeError('of somebody else')\n")
    (folder / "worker.py").write_text("raise RuntimeError('of somebody else')\n")
    return folder


async def run(command: list[str | Path], folder: Path, **variables: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables}
    # In a thread: the app that answers is on this event loop.
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_the_client_runs_by_itself_beside_packages_of_the_same_names(
    client_wheel: Path, others: Path, tmp_path: Path, signoff: Stack
) -> None:
    python = installed(tmp_path / "environment", client_wheel)
    readme = (ROOT / "client/README.md").read_text()
    (others / "greeting.py").write_text(re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0])
    assert await run([python, "greeting.py"], others, SIGNOFF_URL=signoff.url) == "completed\nhello\n\n"
    packages = next((tmp_path / "environment").glob("lib/python*/site-packages"))
    assert {path.name for path in packages.iterdir()}.isdisjoint(
        {"app", "workflows", "activities", "worker.py", "litestar"}
    )
    own = sum(path.stat().st_size for path in (packages / "signoff").rglob("*.py"))
    assert own < MEGABYTE


async def test_the_server_runs_a_plan_beside_packages_of_the_same_names(
    client_wheel: Path, server_wheel: Path, others: Path, tmp_path: Path
) -> None:
    installed(tmp_path / "environment", client_wheel, server_wheel)
    (others / "plan.md").write_text("- Say hello: `echo hello > greeting.txt`\n")
    command = [tmp_path / "environment/bin/signoff", "run", "plan.md", "--yes"]
    data = {"SIGNOFF_DATA_DIR": str(tmp_path / "data")}
    assert "completed" in await run(command, others, **data)


def test_a_wheel_has_the_page_and_nothing_that_an_earlier_build_left(server_wheel: Path) -> None:
    names = zipfile.ZipFile(server_wheel).namelist()
    assert {"app/dashboard/built/index.html", "app/dashboard/built_docs/index.html"} <= set(names)
    prompts = {
        str(file.relative_to(ROOT))
        for top in ("app/planning", "activities")
        for file in (ROOT / top).rglob("prompts/*.md")
    }
    assert prompts
    assert prompts <= set(names)
    assert [name for name in names if "node_modules" in name or "/src/" in name] == []
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"app", "workflows", "activities", "worker.py"}
    assert server_wheel.stat().st_size < 10 * MEGABYTE
