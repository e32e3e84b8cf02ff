"""A task that looks for secrets finds none: not in the processes that the kernel shows, and not in its own output."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from app import hidden_environment
from app.settings import Settings
from tests.conftest import eventually
from tests.e2e.test_up import PARTS, SIGNOFF, environment, port_flags

KEY = "s3ntinel-of-the-app-000000000000000000000"
TOKEN = "s3ntinel-of-a-task"
VARIABLES = {
    "SIGNOFF_SECRET_TOKEN": TOKEN,
    "SIGNOFF_MODEL_API_KEY": "s3ntinel-of-the-model",
    "OPENAI_API_KEY": "s3ntinel-of-openai",
    "ANTHROPIC_AUTH_TOKEN": "s3ntinel-of-anthropic",
    "AWS_SECRET_ACCESS_KEY": "s3ntinel-of-aws",
    "GITHUB_TOKEN": "s3ntinel-of-github",
    "DATABASE_PASSWORD": "s3ntinel-of-compose",
    "PGPASSWORD": "s3ntinel-of-postgres",
    "REPORTS": "mysql://user:s3ntinel-of-an-address@host/db",
    "DEPLOY": "-----BEGIN KEY-----\ns3ntinel-in-a-text\n",
}
# Root may inspect every process. Without CAP_SYS_PTRACE, CAP_PERFMON and CAP_SYS_ADMIN, root is limited like any other user: to
# its own processes, and only if these allow it. For a user who is not root, this does nothing.
_PLAIN_USER = (
    "import ctypes, os, sys; [ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) for capability in (19, 38, 21)]; "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
AS_PLAIN_USER = [sys.executable, "-c", _PLAIN_USER]
_LOOKS = """\
import sys
for pid in sys.argv[1:]:
    for name in ("environ", "mem", "maps"):
        try:
            open(f"/proc/{pid}/{name}", "rb").close()
            print(pid, name)
        except OSError:
            pass
"""
PLAN = """\
- Climb {#climb}

  ```sh on_error=continue
  p=$PPID
  while [ "$p" -gt 1 ]; do
    cat /proc/$p/environ /proc/$p/cmdline 2>&1 | tr '\\0' '\\n'
    p=$(awk '/^PPid/{print $2}' /proc/$p/status)
  done
  ```
- Search: `cat /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n' | grep -c ^SIGNOFF_SECRET_; true` {#search}
- Use {#use}

  ```inputs
  TOKEN: ${{ secrets.TOKEN }}
  ```

  ```sh
  printf %s "$INPUT_TOKEN" | sha256sum
  ```
- Say: `printf 's3ntinel-of-the-'; echo app-000000000000000000000` {#say}
"""


class Instance:
    """One `signoff up` of a user who is not root, with secrets in its environment and the key on its command line."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def pids(self) -> dict[str, int]:
        found = {"up": self.process.pid}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                found |= {name: child.pid for name, word in PARTS.items() if word in words}
        return found


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Instance]:
    command = [*AS_PLAIN_USER, *SIGNOFF, "up", "--json", "--api-key", KEY, *port_flags()]
    with (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            command, env=environment(folder, **VARIABLES), cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "stderr").read_text()
        yield Instance(process, json.loads(line)["url"])
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
async def instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Instance]:
    with started(tmp_path_factory.mktemp("hidden")) as running:
        yield running


def test_no_process_shows_a_secret_in_its_environment_or_command_line(instance: Instance) -> None:
    pids = instance.pids()
    assert set(pids) == {"up", *PARTS}
    for name, pid in pids.items():
        shown = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"s3ntinel" not in shown, name


def test_no_other_process_of_the_user_can_inspect_processes_with_secrets(instance: Instance) -> None:
    pids = instance.pids()
    command = [*AS_PLAIN_USER, sys.executable, "-c", _LOOKS, *map(str, pids.values())]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    # The dev server holds no secrets. It can be inspected, which shows that the probe works.
    assert seen == [f"{pids['Temporal']} {name}" for name in ("environ", "mem", "maps")]


async def test_a_task_finds_no_key_and_still_gets_what_the_plan_gives_it(instance: Instance) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False, timeout=60, headers=headers) as http:
        project_id = (await http.post("/api/projects", json={"description": PLAN})).json()["id"]
        await http.post(f"/api/projects/{project_id}/generate-plan", headers={"Prefer": "wait=60"})
        assert (await http.post(f"/api/projects/{project_id}/approve")).is_success

        async def ended():
            project = (await http.get(f"/api/projects/{project_id}")).json()
            return project if project["stage"] == "finished" else None

        project = await eventually(ended, what="the project has finished", seconds=60)
        logs = {
            task["key"]: (await http.get(f"/api/projects/{project_id}/tasks/{task['key']}/logs")).text
            for task in project["tasks"]
        }
    said = {task["key"]: task["outputs"].get("stdout", "") for task in project["tasks"]}
    assert said["search"].endswith("0"), said["search"]
    assert said["use"].split()[0] == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert said["say"] == "***"
    assert "s3ntinel" not in json.dumps(said)
    assert not [key for key, log in logs.items() if "s3ntinel" in log]
    # There is not even a mask, because there was nothing to mask.
    assert "***" not in logs["climb"]


def test_every_secret_setting_is_hidden() -> None:
    for name, field in Settings.model_fields.items():
        if "SecretStr" in str(field.annotation):
            assert hidden_environment.is_secret(f"SIGNOFF_{name.upper()}", "x"), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/bin"),
        ("PWD", "/home"),
        ("OLDPWD", "/home"),
        ("SIGNOFF_MAX_TOKENS_", "7"),
        ("LANG", "C"),
        ("HTTP_PROXY", "http://proxy:3128"),
        ("SSH_AUTH_SOCK", "/tmp/agent"),
        ("SIGNOFF_URL", "http://127.0.0.1:8400"),
    ],
)
def test_other_variables_stay(name: str, value: str) -> None:
    assert hidden_environment.is_secret(name, value) == (name == "SIGNOFF_MAX_TOKENS_")


async def test_secrets_passed_to_a_child_are_not_in_its_environment(tmp_path: Path) -> None:
    """This holds for values of any length and content."""
    value = "s3ntinel \udcff ü " + "x" * 300_000
    code = (
        "from app import hidden_environment as hidden; import os; hidden.hide(); "
        "print(ascii(hidden.variables()['A_TOKEN']), 'A_TOKEN' in os.environ)"
    )
    descriptor = hidden_environment.hand_over({"A_TOKEN": value})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        pass_fds=[descriptor],
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={hidden_environment.DESCRIPTOR: str(descriptor)},
    )
    out, _ = await process.communicate()
    assert out.decode() == f"{value!a} False\n"
