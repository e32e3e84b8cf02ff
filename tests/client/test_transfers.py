"""Progress of long transfers, results of a project, and typed events, in both versions of the client."""

from __future__ import annotations

import asyncio
import os
import sys
import zipfile
from pathlib import Path

import pytest

import signoff.events
from signoff import AsyncSignoff, Signoff
from signoff.events import MODELS, DecisionRequested, ProjectCompleted, TaskCompleted
from tests.client.proxy import Proxy
from tests.conftest import Stack
from tests.e2e.command_line import CommandLine

pytestmark = pytest.mark.usefixtures("plans_without_workflow")

SIZE = 3_000_000
RESULTS = """
- Rows: `seq 3 > rows.csv; echo draft > draft.txt` {#rows}
- Report: `mkdir -p out; echo "3 rows" > out/report.txt; echo late > zz.log` {#report after=rows files=out/report.txt}
"""


class Told(list[tuple[int, int | None]]):
    """What a progress callback was told."""

    def __call__(self, done: int, size: int | None) -> None:
        self.append((done, size))

    def check(self, size: int | None) -> None:
        done = [each for each, _ in self]
        assert done == sorted(done)
        assert {each for _, each in self} == {size}
        assert len(self) > 2


@pytest.mark.parametrize("is_path", [True, False])
async def test_an_upload_tells_how_far_it_is(signoff: Stack, tmp_path: Path, is_path: bool) -> None:
    project, content, told = await signoff.create(""), os.urandom(SIZE), Told()
    (tmp_path / "big").write_bytes(content)
    source = tmp_path / "big" if is_path else content
    async with AsyncSignoff(signoff.url) as client:
        uploaded = await client.files.upload(project, source, path="big", progress=told)
        assert (uploaded.size, await client.files.read(project, "big")) == (SIZE, content)
    told.check(SIZE)
    assert told[-1] == (SIZE, SIZE)


async def test_a_download_tells_how_far_it_is_and_goes_on_after_a_break(signoff: Stack, tmp_path: Path) -> None:
    project, content, told = await signoff.create(""), os.urandom(SIZE), Told()
    async with Proxy(signoff.url) as proxy, AsyncSignoff(proxy.url) as client:
        await client.files.upload(project, content, path="big")
        proxy.cut_after(1_000_000)
        await client.files.download(project, "big", tmp_path / "big", progress=told)
        assert proxy.cuts == 1
    assert (tmp_path / "big").read_bytes() == content
    told.check(SIZE)
    assert told[-1] == (SIZE, SIZE)


async def test_the_size_of_a_zip_is_not_known_before_its_end(signoff: Stack, tmp_path: Path) -> None:
    project, told = await signoff.create(""), Told()
    async with AsyncSignoff(signoff.url) as client:
        await client.files.upload(project, os.urandom(SIZE), path="big")
        size = await client.projects.download(project, tmp_path / "all.zip", progress=told)
    told.check(None)
    assert told[-1] == (size, None)
    assert zipfile.is_zipfile(tmp_path / "all.zip")


async def test_what_the_plan_names_comes_first_among_the_results(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.started(RESULTS)
    await signoff.finished(project)
    async with AsyncSignoff(signoff.url) as client:
        await client.files.upload(project, b"mine", path="aa.txt")
        results = await client.projects.results(project)
        assert results[0].path == "out/report.txt"
        assert [result.path for result in results[1:]] == sorted(result.path for result in results[1:])
        assert {result.path for result in results} >= {"out/report.txt", "rows.csv"}
        assert "aa.txt" not in {result.path for result in results}
        report = results[0]
        assert (report.is_declared, report.task and report.task.key, report.size) == (True, "report", 7)
        assert [result.is_declared for result in results[1:]] == [False] * (len(results) - 1)
        assert await report.read() == b"3 rows\n"
        told = Told()
        assert await report.download(tmp_path, progress=told) == 7
        assert (tmp_path / "report.txt").read_text() == "3 rows\n"
        assert told == [(7, 7)]
        await report.download(tmp_path / "other.txt")
        assert (tmp_path / "other.txt").is_file()


async def test_the_synchronous_client_has_the_same(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.started(RESULTS)
    await signoff.finished(project)

    def work() -> tuple[bytes, Told]:
        told = Told()
        with Signoff(signoff.url) as client:
            client.files.upload(project, os.urandom(SIZE), path="big", progress=told)
            client.projects.results(project)[0].download(tmp_path)
            return client.projects.results(project)[0].read(), told

    content, told = await asyncio.to_thread(work)
    assert content == (tmp_path / "report.txt").read_bytes() == b"3 rows\n"
    told.check(SIZE)


async def test_events_are_told_apart_by_their_payload(signoff: Stack) -> None:
    outline = "- A: `echo a` {#a}\n- Ship? {#ship decision=yes,no after=a}\n"
    completed: list[str] = []
    async with AsyncSignoff(signoff.url) as client:
        project = await client.projects.create(description=outline, decision_mode="human")
        await client.projects.generate_plan(project.id)
        await client.projects.approve(project.id)
        async for event in client.projects.events(project.id):
            match event.payload:
                case DecisionRequested(question_id=question, options=options):
                    await client.decisions.answer(project.id, question, options[0])
                case TaskCompleted(key=key):
                    completed.append(key)
                case ProjectCompleted():
                    break
                case _:
                    pass
    assert completed == ["a", "ship"]


def test_each_type_of_event_can_be_imported() -> None:
    assert {model.__name__ for model in MODELS.values()} <= set(signoff.events.__all__)


async def test_a_long_transfer_has_a_bar_in_a_terminal_only(signoff: Stack, tmp_path: Path) -> None:
    project = await signoff.create("")
    (tmp_path / "big").write_bytes(os.urandom(SIZE))
    async with Proxy(signoff.url) as proxy:
        run = CommandLine(tmp_path, {"SIGNOFF_URL": proxy.url})
        proxy.pause = 0.1
        for arguments, words in (
            (("files", "upload", project, "big", "--path", "in/big"), "Uploading big"),
            (("files", "get", project, "in/big", "-o", "back"), "Downloading in/big"),
        ):
            async with run.terminal(*arguments) as terminal:
                await terminal.seen(words)
                await terminal.seen("SHA-256" if "upload" in arguments else "back (")
        assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
        ended = await run("files", "get", project, "in/big", "-o", "again")
        assert (ended.code, ended.err) == (0, "")


async def test_the_client_stays_small_and_needs_nothing_of_the_server() -> None:
    package = Path(signoff.__file__).parent
    assert sum(path.stat().st_size for path in package.rglob("*.py")) < 1_000_000
    code = (
        "import sys; from signoff import Signoff, AsyncSignoff; import signoff.events; Signoff(); AsyncSignoff()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('app', 'litestar', 'temporalio', 'sqlalchemy')])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
