"""The sandbox, with real commands that try to reach what is not theirs, and with ordinary tools that must still work."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from activities.actions import landlock
from activities.actions.agent_tools import Tools
from activities.actions.attempt_log import AttemptLog
from activities.actions.process import ExitStatus, GuardLostError, StartError, run_guarded
from activities.actions.sandbox import Sandbox, sandbox_of
from activities.actions.task_environment import BASH_TRAP
from app.domain.actions import TaskContext, TaskFailed
from app.domain.agents import AgentEntry, AgentTool
from app.settings import Settings

PATH = f"{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin"


class World:
    """A data folder with two workspaces, and commands that run in the first."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.data = folder / "data"
        self.workspace = self.data / "workspaces" / "one"
        self.other = self.data / "workspaces" / "two"
        for place in (self.workspace, self.other):
            place.mkdir(parents=True, exist_ok=True)
        (self.data / "signoff.db").write_text("the record")
        (self.other / "file").write_text("of another project")
        self.sandbox: Sandbox | None = sandbox_of(Settings.model_validate({"data_dir": self.data, **settings}))

    async def run(self, command: str, **grants: list[str]) -> tuple[ExitStatus, str]:
        output = bytearray()
        (self.workspace / "tmp").mkdir(exist_ok=True)
        status = await run_guarded(
            ["/bin/sh", "-c", command],
            cwd=self.workspace,
            env={"PATH": PATH, "HOME": str(self.workspace), "TMPDIR": str(self.workspace / "tmp")},
            on_output=output.extend,
            grace=1,
            sandbox=self.sandbox.around(self.workspace, **grants) if self.sandbox else None,
        )
        return status, output.decode()

    async def refuses(self, command: str, **grants: list[str]) -> str:
        status, said = await self.run(command, **grants)
        assert status.code != 0, said
        return said

    async def allows(self, command: str, **grants: list[str]) -> str:
        status, said = await self.run(command, **grants)
        assert status == ExitStatus(0, None), said
        return said


@pytest.fixture
def world(tmp_path: Path) -> World:
    assert landlock.version() >= 6, "these tests need Landlock with scopes"
    return World(tmp_path)


@contextlib.contextmanager
def process_with_secret() -> Generator[int]:
    """A process outside of the sandbox, as the worker is."""
    with subprocess.Popen(["sleep", "600"], env={"SIGNOFF_API_KEY": "k3y"}) as process:
        try:
            yield process.pid
        finally:
            process.kill()


READS = {
    "the record": "cat ../../signoff.db",
    "the record by its whole path": "cat {data}/signoff.db",
    "the data folder": "ls {data}",
    "all workspaces": "ls ..",
    "another workspace": "cat ../two/file",
    "another workspace by a link": "ln -s {data}/workspaces/two there && cat there/file",
    "another workspace by a second name": "ln ../two/file mine && cat mine",
    "another workspace by moving it": "mv ../two/file mine",
    "another workspace by mounting it": "mkdir -p m && mount --bind ../two m && cat m/file",
    "the home folder": "ls {home}",
    "the root folder": "ls /",
    "the environment of another process": "cat /proc/{pid}/environ",
    "the memory map of another process": 'test -n "$(cat /proc/{pid}/maps)"',
    "the memory of another process": "head -c 1 /proc/{pid}/mem",
    "the files of another process": "readlink /proc/{pid}/fd/0",
    "the root of another process": "ls /proc/{pid}/root/",
    "the folder of another process": "ls /proc/{pid}/cwd/",
    "the environment of the worker": "cat /proc/{worker}/environ",
    "the environment of the guard": "cat /proc/$PPID/environ",
    "the passwords, also as root": "cat /etc/shadow",
    "the memory of the kernel": "head -c 1 /proc/kcore",
    "the names in shared memory": "ls /dev/shm",
    "the terminals": "ls /dev/pts",
}


@pytest.mark.parametrize("what", READS)
async def test_a_command_cannot_read(world: World, what: str) -> None:
    with process_with_secret() as pid:
        command = READS[what].format(data=world.data, home=Path.home(), pid=pid, worker=os.getpid())
        said = await world.refuses(command)
    for secret in ("the record\n", "of another project\n", "k3y", "root:"):
        assert secret not in said
    assert (world.other / "file").read_text() == "of another project"


WRITES = {
    "the record": "echo forged > ../../signoff.db",
    "another workspace": "echo x > ../two/file",
    "a new file beside the workspaces": "echo x > ../new",
    "a file of the record": "rm ../../signoff.db",
    "another workspace's name": "mv ../two ../three",
    "system folders": "touch /usr/local/bin/ls",
    "settings of the system": "touch /etc/x",
    "the common temporary folder": "touch /tmp/signoff-sandbox-test",
    "the home folder": "touch {home}/signoff-sandbox-test",
    "a device": "mknod disk b 254 0",
    "settings of the kernel": "echo 1 > /proc/sys/vm/drop_caches",
}


@pytest.mark.parametrize("what", WRITES)
async def test_a_command_cannot_write(world: World, what: str) -> None:
    await world.refuses(WRITES[what].format(home=Path.home()))
    assert (world.data / "signoff.db").read_text() == "the record"
    assert (world.other / "file").read_text() == "of another project"
    assert not (world.data / "workspaces/new").exists()


async def test_a_command_cannot_signal_its_worker_its_guard_or_others(world: World) -> None:
    with process_with_secret() as pid:
        said = await world.allows(f"for p in $PPID {os.getpid()} {pid}; do kill -STOP $p; kill -9 $p; done; echo alive")
    assert said.endswith("alive\n")
    assert said.count("not permitted") == 6


async def test_a_command_may_signal_what_it_has_started(world: World) -> None:
    await world.allows("sleep 600 & kill $!; wait $!; test $? = 143")


async def test_a_command_cannot_trace_others(world: World) -> None:
    attach = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, int(sys.argv[1]), 0, 0) == 0)"
    await world.allows(f"python3 -c {shlex.quote(attach)} $PPID")


async def test_abstract_sockets_of_others_are_out_of_reach(world: World) -> None:
    name = f"signoff-{os.getpid()}"
    connect = f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        assert "not permitted" in await world.refuses(f"python3 -c {shlex.quote(connect)}")


async def test_no_program_gains_privileges(world: World) -> None:
    assert "NoNewPrivs:\t1" in await world.allows("cat /proc/self/status")


async def test_root_loses_what_reaches_past_the_file_system(world: World) -> None:
    (line,) = [line for line in (await world.allows("cat /proc/self/status")).splitlines() if line.startswith("CapEff")]
    kept = int(line.split()[1], 16)
    assert {number for number in range(64) if kept >> number & 1} <= landlock.KEPT_CAPABILITIES


async def test_what_one_command_starts_is_confined_too(world: World) -> None:
    await world.refuses("setsid sh -c 'nohup cat ../../signoff.db'")


async def test_a_grant_opens_what_it_names_and_no_more(world: World, tmp_path: Path) -> None:
    for name in ("exports", "out", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    exports, out, beside = (str(tmp_path / name) for name in ("exports", "out", "beside"))
    assert await world.allows(f"cat {exports}/file", reads=[exports]) == "exports"
    await world.refuses(f"echo x > {exports}/file", reads=[exports])
    await world.allows(f"echo x > {out}/new && cat {out}/file", writes=[out])
    await world.refuses(f"cat {beside}/file", reads=[exports], writes=[out])
    await world.refuses(f"cat {exports}/file")


async def test_a_granted_file_may_be_replaced_between_commands(world: World, tmp_path: Path) -> None:
    file, newer = tmp_path / "list.csv", tmp_path / "newer"
    for content in ("a,b", "c,d"):
        newer.write_text(content)
        newer.rename(file)
        assert await world.allows(f"cat {file}", reads=[str(file)]) == content


async def test_a_granted_folder_that_becomes_a_link_is_refused(world: World, tmp_path: Path) -> None:
    granted = tmp_path / "exports"
    granted.mkdir()
    assert world.sandbox is not None
    sandbox = world.sandbox.around(world.workspace, reads=[str(granted)])
    run = {
        "cwd": world.workspace,
        "env": {"PATH": PATH},
        "on_output": bytearray().extend,
        "grace": 1,
        "sandbox": sandbox,
    }
    assert await run_guarded(["true"], **run) == ExitStatus(0, None)
    granted.rmdir()
    granted.symlink_to(world.other)
    with pytest.raises(StartError) as caught:
        await run_guarded(["true"], **run)
    assert caught.value.step == "sandbox"


async def test_a_grant_of_a_single_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("a,b")
    assert await world.allows(f"cat {file}", reads=[str(file)]) == "a,b"
    await world.allows(f"echo c,d > {file}", writes=[str(file)])


@pytest.mark.parametrize("place", ["data", "data/signoff.db", "data/workspaces/two", ".", "link"])
async def test_no_grant_reaches_signoffs_own_data(world: World, tmp_path: Path, place: str) -> None:
    (tmp_path / "link").symlink_to(world.data)
    with pytest.raises(TaskFailed, match="Signoff's own data"):
        await world.run("true", reads=[str(tmp_path / place)])


async def test_a_grant_that_is_not_there_fails_the_task(world: World, tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="does not exist"):
        await world.run("true", reads=[str(tmp_path / "missing")])


async def test_a_workspace_that_became_a_link_opens_nothing(world: World) -> None:
    assert world.sandbox is not None
    rules = world.sandbox.around(world.workspace)
    world.workspace.rename(world.workspace.with_name("moved"))
    world.workspace.symlink_to(world.other)
    output = bytearray()
    with pytest.raises(Exception, match="symbolic links"):
        await run_guarded(
            ["cat", "file"], cwd=world.other, env={"PATH": PATH}, on_output=output.extend, grace=1, sandbox=rules
        )
    assert not output


async def test_further_folders_to_read_leave_the_data_folder_out(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("for all")
    world = World(tmp_path, sandbox_read=[tmp_path])
    assert await world.allows(f"cat {tmp_path}/shared") == "for all"
    await world.refuses("cat ../../signoff.db")
    await world.refuses("cat ../two/file")


async def test_tcp_ports(tmp_path: Path) -> None:
    connect = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    listen = "import socket; socket.create_server(('127.0.0.1', 0))"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        every, none = World(tmp_path), World(tmp_path, sandbox_network="none")
        some = World(tmp_path, sandbox_network=str(first))
        for world, port, works in (
            (every, first, True),
            (none, first, False),
            (some, first, True),
            (some, second, False),
        ):
            status, said = await world.run(f"python3 -c {shlex.quote(connect)} {port}")
            assert (status.code == 0) == works, said
        await none.refuses(f"python3 -c {shlex.quote(listen)}")
        await some.allows(f"python3 -c {shlex.quote(listen)}")


async def test_without_a_sandbox_a_killed_guard_still_ends_everything(tmp_path: Path) -> None:
    world = World(tmp_path, sandbox="none")
    assert world.sandbox is None
    with pytest.raises(GuardLostError):
        await world.run(
            "setsid sh -c 'echo $$ > pid; exec sleep 600' & until test -s pid; do :; done; kill -9 $PPID; sleep 600"
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int((world.workspace / "pid").read_text()), signal.SIGCONT)


async def test_an_agents_commands_are_confined_too(world: World) -> None:
    assert world.sandbox is not None
    context = TaskContext(
        project_id="proj_1",
        project_name="P",
        task_id="task_1",
        key="k",
        attempt=1,
        workspace=world.workspace,
        fields=None,
        inputs={},
        log=AttemptLog(world.workspace, "task_1", 1),
        sandbox=world.sandbox.around(world.workspace),
    )
    tools = Tools(context, AgentEntry(tools=(AgentTool.RUN_COMMAND,), commands=("cat",)))
    assert "the record" not in await tools.run_command(["cat", "../../signoff.db"])


TOOLS = {
    "sh": "cd /usr && cd - && ls -la . && test -r /etc/passwd",
    "bash": "bash -c 'diff <(echo a) <(echo a); exec 3>file; echo x >&3; cat < /dev/null > /dev/stderr'",
    "devices": "head -c 8 /dev/urandom > r; head -c 8 /dev/zero > z; echo x > /dev/null; cmp -n 8 z /dev/zero",
    "temporary files": 'f=$(mktemp) && test "${f#$TMPDIR}" != "$f" && cat <<EOF\nx\nEOF',
    "ps": "ps -ef | grep -q ps; cat /proc/cpuinfo /proc/meminfo /proc/self/status > /dev/null; nproc",
    "moving": "mkdir -p a b; touch a/x; mv a/x b/; ln b/x b/y; ln -s b/x l; cp -a b c; tar cf t.tar c; rm -r c; tar xf t.tar",
    "permissions": "touch x; chmod 755 x; chmod u+s x; touch -d yesterday x; truncate -s 10 x",
    "pipes": "mkfifo p; (echo x > p &); cat p",
    "sockets": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'",
    "git": "git init -q . && git config user.email a@b && git config user.name n && touch f && git add f\n"
    "git commit -qm m && git clone -q . copy",
    "python": "python3 -m venv --without-pip v && v/bin/python -c 'import ssl, sqlite3, ctypes; sqlite3.connect(\"d\")'",
    "multiprocessing": "python3 -c 'import multiprocessing as m\n"
    "with m.Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\nm.Queue().put(1)'",
    "pip": "python3 -m pip --version",
    "names": "getent hosts localhost; id",
    "perl": 'perl -e \'use POSIX; open(F, ">", "o"); print F 1; close F\'',
    "gcc": "printf 'int main(void){return 0;}' > m.c && gcc -O1 m.c -o m && ./m",
    "make": "printf 'all:\\n\\techo $$$$ > made\\n' > Makefile && make -s -j4",
    "node": 'node -e \'require("fs").writeFileSync("n", "1"); require("child_process").execSync("true");\n'
    'new (require("worker_threads").Worker)("1", {eval: true})\'',
    "npm": "npm --version",
    "java": "java -version",
}
INSTALLED_SEPARATELY = {"gcc", "make", "node", "npm", "perl", "git", "bash", "java"}


@pytest.mark.parametrize("tool", [t for t in TOOLS if t not in INSTALLED_SEPARATELY or shutil.which(t, path=PATH)])
async def test_ordinary_tools_work(world: World, tool: str) -> None:
    await world.allows(f"set -e\n{TOOLS[tool]}")


async def test_what_bash_reads_before_a_script_cannot_be_changed(world: World) -> None:
    trap = shlex.quote(str(BASH_TRAP))
    assert "ERR" in await world.allows(f"cat {trap}")
    await world.refuses(f"echo evil >> {trap}")
    await world.refuses(f"ls {shlex.quote(str(BASH_TRAP.parent))}")
