"""Every snippet of the documents runs, or is listed with the reason why it does not."""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from app.domain.policies import Policies
from tests.conftest import Stack, running_stack
from tests.e2e.snippets import NOT_RUN, ROOT, RUNNABLE, Snippet, pages, run, snippets
from tests.warm_processes import warm_program


def _is_listed(snippet: Snippet) -> bool:
    return any(entry["has"] in snippet.text for entry in NOT_RUN.get(snippet.page, []))


@pytest.fixture(scope="module")
async def policed(
    temporal_server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """A Signoff with the policies of the documents."""
    (file,) = [one for one in snippets("docs/how-to/release.md") if one.argument == "signoff.toml"]
    policies = Policies.model_validate(tomllib.loads(file.text)["signoff"])
    async with running_stack(temporal_server, tmp_path_factory.mktemp("documents"), signoff=policies) as stack:
        yield stack


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `signoff` that starts fast."""
    folder = tmp_path_factory.mktemp("programs")
    warm_program(folder)
    return folder


@pytest.mark.parametrize("page", [page for page in pages() if any(one.kind == "run" for one in snippets(page))])
async def test_the_snippets_of_a_page_run(page: str, policed: Stack, programs: Path) -> None:
    folder = policed.root / page.removesuffix(".md").replace("/", "-")
    folder.mkdir()
    # What a reader of a clone has.
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(policed.root),
        "TERM": "xterm",
        "SIGNOFF_URL": policed.url,
        "SIGNOFF_DATA_DIR": str(policed.settings.data_dir),
    }
    marked = snippets(page)
    for snippet in marked:
        if snippet.kind == "file":
            (folder / snippet.argument).write_text(snippet.text)
    for snippet in marked:
        if snippet.kind == "run":
            # In a thread: the app that answers is on this event loop.
            await asyncio.to_thread(run, snippet, folder, environment)


@pytest.mark.parametrize("page", pages())
def test_every_snippet_runs_or_is_listed(page: str) -> None:
    unmarked = [one for one in snippets(page) if one.language in RUNNABLE and one.kind != "run"]
    assert [f"{one.page}:{one.line}" for one in unmarked if not _is_listed(one)] == []


def test_the_list_names_only_what_there_is() -> None:
    assert set(NOT_RUN) <= set(pages())
    for page, entries in NOT_RUN.items():
        texts = [one.text for one in snippets(page) if one.kind != "run"]
        assert [entry["has"] for entry in entries if not any(entry["has"] in text for text in texts)] == []
        assert all(entry["why"] for entry in entries)
