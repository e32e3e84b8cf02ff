"""The steps of the GitHub Action, run by bash as a runner runs them, against a real server."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Stack
from tests.e2e.command_line import plain_environment
from tests.warm_processes import warm_program

ACTION = Path(".github/actions/sign-off/action.yml").resolve()
PLAN = '---\nparameters:\n  version: {}\n---\n\n# Release\n\n- Tag: `echo "$VERSION"` {#tag}\n'


@dataclass
class Runner:
    """What a runner keeps: inputs, outputs of steps, and the summary of the job."""

    folder: Path
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    async def step(self, name: str) -> tuple[int, str]:
        """Run the step with this name."""
        steps: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
        (step,) = (one for one in steps if one["name"] == name)
        outputs = self.folder / "outputs"
        outputs.write_text("")
        variables = {key: self._resolved(value) for key, value in step["env"].items()}
        files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(self.folder / "summary")}
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]),
            cwd=self.folder,
            env=plain_environment() | variables | files | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        lines = (line.partition("=") for line in outputs.read_text().splitlines())
        self.outputs[step.get("id", name)] = {key: value for key, _, value in lines}
        assert process.returncode is not None
        return process.returncode, out.decode()

    def _resolved(self, value: str) -> str:
        def one(match: re.Match[str]) -> str:
            words = match[1].split(".")
            return self.inputs[words[1]] if words[0] == "inputs" else self.outputs[words[1]][words[3]]

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", one, value)


@pytest.fixture
def runner(signoff: Stack, tmp_path: Path) -> Runner:
    (tmp_path / "release.md").write_text(PLAN)
    (tmp_path / "bin").mkdir()
    warm_program(tmp_path / "bin")
    declared: dict[str, dict[str, Any]] = yaml.safe_load(ACTION.read_text())["inputs"]
    inputs = {name: str(one.get("default", "")) for name, one in declared.items()}
    given = {"plan": "release.md", "url": signoff.url, "api-key": "", "name": 'A "name" $(with) `signs`'}
    return Runner(tmp_path, inputs | given | {"set": "version=2.4 $(x)\n\n"})


async def test_a_job_goes_on_after_the_approval(runner: Runner, signoff: Stack) -> None:
    code, out = await runner.step("Open the sign-off")
    assert code == 0, out
    project, page = (runner.outputs["open"][name] for name in ("project", "page"))
    shown = await signoff.project(project)
    assert (shown["name"], shown["stage"], shown["links"]["page"]) == (runner.inputs["name"], "awaiting_approval", page)
    assert shown["parameters"]["version"] == "2.4 $(x)"
    assert f"]({page})" in (runner.folder / "summary").read_text()
    assert f"::notice title=Waiting for a sign-off::{page}" in out
    waiting = asyncio.create_task(runner.step("Wait for the decision"))
    await signoff.call("POST", f"/{project}/approve")
    code, out = await waiting
    assert (code, runner.outputs["wait"]) == (0, {"status": "completed"}), out


async def test_a_job_ends_if_the_plan_is_rejected_or_nobody_approves(runner: Runner, signoff: Stack) -> None:
    assert (await runner.step("Open the sign-off"))[0] == 0
    runner.inputs |= {"timeout": "1s", "wait-for": "approved"}
    code, out = await runner.step("Wait for the decision")
    assert (code, runner.outputs["wait"]) == (3, {"status": "pending"}), out
    await signoff.call("POST", f"/{runner.outputs['open']['project']}/reject", json={"comment": "not today"})
    code, out = await runner.step("Wait for the decision")
    assert (code, runner.outputs["wait"]) == (2, {"status": "cancelled"}), out


async def test_a_cancelled_job_cancels_its_project(runner: Runner, signoff: Stack) -> None:
    assert (await runner.step("Open the sign-off"))[0] == 0
    code, out = await runner.step("Cancel the project")
    assert code == 0, out
    assert (await signoff.project(runner.outputs["open"]["project"]))["status"] == "cancelled"
