"""The guard against real process trees: nothing of a command outlives its end, a cancel, or the worker."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import uvloop

from activities.actions import guard_start, process_tree
from activities.actions.process import SILENCE, ExitStatus, GuardLostError, StartError, run_guarded
from app.serving.task_processes import GUARD_NAME

# Less than the heartbeat timeout, after which Temporal starts another attempt.
GONE_SECONDS = 4.0

SPAWNER_NAME = "signoff-spawner"
ROOT = Path(__file__).parents[2]
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}

# MARK becomes a duration of `sleep` that no other process has; the number is how many sleeps there are.
TREES = {
    "plain": ("sleep MARK & sleep MARK & sleep MARK & wait", 3),
    "setsid": ("setsid sleep MARK & setsid sh -c 'sleep MARK & wait' & wait", 2),
    "double fork": ("(setsid sh -c 'sleep MARK & sleep MARK & exit' &); sleep MARK", 3),
    "nohup with a trap": ("nohup sh -c 'trap \"\" TERM HUP INT; while :; do sleep MARK; done' & wait", 1),
}


def new_mark() -> str:
    return f"600.{uuid4().int % 10**15:015d}"


def living(mark: str, program: str = "") -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if any(mark in word for word in words) and program in words[0] and not has_ended(process):
                found.append(process.pid)
    return found


def has_ended(process: psutil.Process) -> bool:
    # A zombie waits only for whoever adopted it.
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def until(condition, seconds: float = 10.0):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.005)  # why: the step of a wait that has a condition and a deadline
    return value


def start(command: str, *, grace: float = 2.0, output: bytearray | None = None) -> asyncio.Task[ExitStatus]:
    sink = bytearray() if output is None else output
    argv = ["/bin/sh", "-c", command]
    return asyncio.create_task(run_guarded(argv, cwd=Path("/"), env=ENV, on_output=sink.extend, grace=grace))


async def started(command: str, count: int, **options) -> tuple[asyncio.Task[ExitStatus], str]:
    mark = new_mark()
    task = start(command.replace("MARK", mark), **options)
    await until(lambda: len(living(mark, "sleep")) >= count)
    return task, mark


async def worker_with(command: str) -> asyncio.subprocess.Process:
    """A process of its own that runs `command` under a guard."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys; from pathlib import Path; from activities.actions.process import run_guarded\n"
        "asyncio.run(run_guarded(['/bin/sh', '-c', sys.stdin.read()], cwd=Path('/'),"
        f" env={ENV}, on_output=lambda data: None, grace=60))",
        stdin=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert worker.stdin is not None
    worker.stdin.write(command.encode())
    worker.stdin.close()
    return worker


def guards(worker: int | None = None) -> list[psutil.Process]:
    # This process adopts what a worker of these tests leaves behind when it is killed.
    children = [child for child in psutil.Process(worker).children() if not has_ended(child)]
    return [child for child in children if child.name() == GUARD_NAME]


def spawners() -> list[psutil.Process]:
    children = [child for child in psutil.Process().children() if not has_ended(child)]
    return [child for child in children if child.name() == SPAWNER_NAME]


async def cancelled(task: asyncio.Task[ExitStatus]) -> float:
    begin = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - begin


async def test_exit_code_and_output_come_back() -> None:
    output = bytearray()
    assert await start("echo out; echo err >&2; exit 3", output=output) == ExitStatus(3, None)
    assert output == b"out\nerr\n"


async def test_a_signal_is_told_from_an_exit_code() -> None:
    assert await start("kill -USR1 $$") == ExitStatus(None, signal.SIGUSR1)


@pytest.mark.parametrize(("argv", "cwd", "step"), [(["no-such-command"], "/", "exec"), (["true"], "/no/such", "chdir")])
async def test_what_cannot_start_says_where(argv: list[str], cwd: str, step: str) -> None:
    with pytest.raises(StartError) as caught:
        await run_guarded(argv, cwd=Path(cwd), env=ENV, on_output=bytearray().extend, grace=1)
    assert caught.value.step == step


@pytest.mark.parametrize("tree", TREES)
async def test_a_killed_worker_takes_its_tree_along(tree: str) -> None:
    command, count = TREES[tree]
    mark = new_mark()
    worker = await worker_with(command.replace("MARK", mark))
    await until(lambda: len(living(mark, "sleep")) >= count)
    guard_process = guards(worker.pid)[0]
    worker.kill()
    await worker.wait()
    await until(lambda: not living(mark), seconds=GONE_SECONDS)
    await until(lambda: has_ended(guard_process), seconds=GONE_SECONDS)


@pytest.mark.parametrize("tree", TREES)
async def test_a_cancel_ends_the_whole_tree(tree: str) -> None:
    command, count = TREES[tree]
    task, mark = await started(command, count, grace=0.3)
    await cancelled(task)
    assert not living(mark)


async def test_a_cancelled_tree_that_obeys_is_gone_at_once() -> None:
    command, count = TREES["plain"]
    task, mark = await started(command, count, grace=30)
    assert await cancelled(task) < 15
    assert not living(mark)


async def test_a_tree_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    command = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep MARK; done' & while :; do sleep MARK; done"
    task, mark = await started(command, 2, grace=0.5)
    assert await cancelled(task) >= 0.5
    assert not living(mark)


async def test_a_second_cancel_ends_the_grace_but_not_the_wait() -> None:
    task, mark = await started("trap '' TERM; while :; do sleep MARK; done", 1, grace=60)
    begin = time.monotonic()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.02)
    assert time.monotonic() - begin < 30
    assert task.cancelled()
    assert not living(mark)


async def test_a_cancel_during_the_start_leaves_nothing() -> None:
    mark = new_mark()
    task = start(f"sleep {mark}", grace=5)
    await asyncio.sleep(0)  # why: lets the task begin, and no more
    assert await cancelled(task) < 5
    assert not living(mark)
    assert not guards()


async def test_a_process_that_keeps_forking_is_caught() -> None:
    mark = new_mark()
    hopper = (
        f"import os, signal\nmark = '{mark}'\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n    if os.fork(): os._exit(0)\n    os.setsid()"
    )
    argv = [sys.executable, "-S", "-c", hopper]
    output = bytearray()
    task = asyncio.create_task(run_guarded(argv, cwd=Path("/"), env=ENV, on_output=output.extend, grace=30))
    # Its first process ends at once. It leaves a chain of processes that each live for less than a millisecond.
    assert await asyncio.wait_for(task, timeout=20) == ExitStatus(0, None)
    assert not living(mark)


async def test_what_a_command_leaves_behind_is_stopped() -> None:
    mark = new_mark()
    assert await start(f"setsid sleep {mark} & exit 4") == ExitStatus(4, None)
    assert not living(mark)


async def test_the_guard_survives_signals_and_the_command_gets_them_undisturbed() -> None:
    task, mark = await started("sleep MARK; exit 7", 1)
    (process,) = guards()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        process.send_signal(number)
    command = psutil.Process(living(mark, "sleep")[0])
    assert len({os.getsid(0), os.getsid(process.pid), os.getsid(command.pid)}) == 3
    assert not set(process.environ()) & set(os.environ) - {"LD_LIBRARY_PATH", "LC_CTYPE"}
    command.terminate()
    assert await task == ExitStatus(7, None)


@pytest.mark.parametrize("tree", TREES)
async def test_a_killed_guard_takes_its_whole_tree_along_at_once(tree: str) -> None:
    command, count = TREES[tree]
    task, mark = await started(command, count)
    begin = time.monotonic()
    guards()[0].kill()
    with pytest.raises(GuardLostError):
        await task
    assert time.monotonic() - begin < GONE_SECONDS
    assert not living(mark)


async def test_a_command_that_kills_its_guard_and_hides_a_daemon_leaves_nothing() -> None:
    mark = new_mark()
    hidden = f"setsid sh -c 'setsid nohup sleep {mark} >/dev/null 2>&1 &'"
    task = start(f"{hidden}; until pgrep -f 'sleep {mark}' >/dev/null; do :; done; kill -9 $PPID; sleep {mark}")
    with pytest.raises(GuardLostError):
        await asyncio.wait_for(task, timeout=10)
    assert not living(mark, "sleep")


async def test_other_guards_and_children_outlive_a_killed_guard() -> None:
    other = await asyncio.create_subprocess_exec("sleep", new_mark())
    doomed, doomed_mark = await started("setsid sleep MARK & sleep MARK", 2)
    (guard_process,) = guards()
    kept, kept_mark = await started("setsid sleep MARK & sleep MARK", 2)
    guard_process.kill()
    with pytest.raises(GuardLostError):
        await doomed
    assert not living(doomed_mark)
    assert len(living(kept_mark, "sleep")) == 2
    assert other.returncode is None
    other.kill()
    await other.wait()
    await cancelled(kept)


async def test_a_killed_spawner_harms_no_command_and_is_replaced() -> None:
    task, mark = await started("sleep MARK; exit 7", 1)
    (spawner,) = spawners()
    spawner.kill()
    await until(lambda: has_ended(spawner))
    assert await start("exit 3") == ExitStatus(3, None)
    assert [process.pid for process in spawners()] != [spawner.pid]
    psutil.Process(living(mark, "sleep")[0]).terminate()
    assert await task == ExitStatus(7, None)


async def test_a_spawner_ends_with_its_worker() -> None:
    mark = new_mark()
    worker = await worker_with(f"exec sleep {mark}")
    await until(lambda: living(mark, "sleep"))
    (spawner,) = [child for child in psutil.Process(worker.pid).children() if child.name() == SPAWNER_NAME]
    worker.kill()
    await worker.wait()
    await until(lambda: has_ended(spawner))


async def test_a_guard_that_ends_before_it_reports_is_reaped() -> None:
    assert (await start("true")).code == 0
    (spawner,) = spawners()
    # This process also adopts the guards of killed workers, and those may end at any time.
    others = {child.pid for child in psutil.Process().children()}
    reading, writing = os.pipe()
    spawner.suspend()
    # The guard is asked for, but whoever asked has gone before it starts. So it ends at once.
    asking = asyncio.create_task(guard_start.start_guard(writing, None))
    await asyncio.sleep(0)  # why: lets the request be sent; the answer cannot come
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    spawner.resume()
    os.close(reading)
    os.close(writing)
    await until(lambda: unreaped(others))
    assert (await start("true")).code == 0
    assert not unreaped(others)


def unreaped(others: Collection[int]) -> list[psutil.Process]:
    """Guards that have ended and that this process has not reaped, except for `others`."""
    found = [child for child in psutil.Process().children() if child.pid not in others and has_ended(child)]
    return [child for child in found if child.name() in {SPAWNER_NAME, GUARD_NAME}]


async def test_many_commands_at_once_share_a_spawner() -> None:
    codes = await asyncio.gather(*(start(f"exit {number}") for number in range(1, 60)))
    assert [status.code for status in codes] == list(range(1, 60))
    assert len(spawners()) == 1


@pytest.mark.parametrize("command", ["exit 7", "sleep 60 & exit 7"])
async def test_a_system_that_cannot_copy_a_guard_starts_it_as_a_program(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_start, "CAN_FORK_SIBLING", False)
    assert await start(command, grace=1) == ExitStatus(7, None)


async def test_a_command_dies_with_its_guard_even_when_the_worker_cannot_see_to_it() -> None:
    mark = new_mark()
    worker = await worker_with(f"exec sleep {mark}")
    await until(lambda: living(mark, "sleep"))
    try:
        worker.send_signal(signal.SIGSTOP)
        guards(worker.pid)[0].kill()
        await until(lambda: not living(mark), seconds=GONE_SECONDS)
    finally:
        worker.kill()
        await worker.wait()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_nothing_of_the_worker_leaks_into_the_command(loop: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)
    output = bytearray()
    show = (
        "import os; print(*[fd for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{fd}')]);"
        "print(open('/proc/self/environ').read(), end='')"
    )

    async def run_it() -> ExitStatus:
        argv = [sys.executable, "-I", "-S", "-c", show]
        return await run_guarded(argv, cwd=Path("/"), env=ENV, on_output=output.extend, grace=1)

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with listener, asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(run_it()) == ExitStatus(0, None)
    numbers, _, environment = bytes(output).partition(b"\n")
    assert sorted(numbers.split()) == [b"0", b"1", b"2"]
    assert {pair.split(b"=")[0] for pair in environment.split(b"\0") if pair} <= {b"PATH", b"PWD"}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_command_cannot_speak_for_its_guard(loop: str) -> None:
    forge = (
        "import os\n"
        "for fd in range(3, 256):\n"
        "    try: os.write(fd, b'ended 0 done\\n')\n"
        "    except OSError: pass\n"
        "os._exit(7)"
    )

    async def run_it() -> ExitStatus:
        argv = [sys.executable, "-I", "-S", "-c", forge]
        return await run_guarded(argv, cwd=Path("/"), env=ENV, on_output=bytearray().extend, grace=1)

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(run_it()) == ExitStatus(7, None)


async def test_a_frozen_worker_loses_its_commands() -> None:
    mark = new_mark()
    worker = await worker_with(f"trap '' TERM; setsid sleep {mark} & sleep {mark}; sleep {mark}")
    await until(lambda: len(living(mark, "sleep")) == 2)
    try:
        begin = time.monotonic()
        worker.send_signal(signal.SIGSTOP)
        await until(lambda: not living(mark), seconds=SILENCE + 1)
        assert time.monotonic() - begin > SILENCE - 1
        worker.send_signal(signal.SIGCONT)
        # Its attempt is given up, which nothing in that process handles.
        assert await asyncio.wait_for(worker.wait(), timeout=10) != 0
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def test_a_worker_that_stood_still_gives_the_attempt_up() -> None:
    mark = new_mark()
    work = run_guarded(["sleep", mark], cwd=Path("/"), env=ENV, on_output=bytearray().extend, grace=60, silence=1)
    task = asyncio.create_task(work)
    await until(lambda: living(mark))
    deadline = time.monotonic() + 5
    while living(mark) and time.monotonic() < deadline:
        pass  # this holds the event loop up
    assert not living(mark)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_is_left_in_the_worker() -> None:
    await start("true")

    def left() -> tuple[int, set[int]]:
        zombies = {child.pid for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE}
        return len(list(Path("/proc/self/fd").iterdir())), zombies

    before = left()
    for _ in range(3):
        await start("echo x")
    assert left() == before


async def test_a_flood_neither_blocks_nor_takes_memory() -> None:
    seen = 0

    def count(data: bytes) -> None:
        nonlocal seen
        seen += len(data)

    before = psutil.Process().memory_info().rss
    argv = ["/bin/sh", "-c", "yes | head -c 300M"]
    await run_guarded(argv, cwd=Path("/"), env=ENV, on_output=count, grace=1)
    assert seen == 300 * 1024 * 1024
    assert psutil.Process().memory_info().rss - before < 30 * 1024 * 1024


async def test_both_ways_to_find_descendants_agree() -> None:
    task, mark = await started(*TREES["double fork"])
    process = guards()[0].pid
    tree = set(process_tree.descendants(process))
    assert set(living(mark)) <= tree
    assert set(process_tree.scanned(process)) == tree
    await cancelled(task)
