"""Every snippet of the documents runs, or is listed with the reason why it does not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Signoff, running_signoff
from tests.e2e.snippets import NOT_RUN, ROOT, RUNNABLE, Snippet, pages, run, snippets
from tests.warm_processes import warm_program


def _is_listed(snippet: Snippet) -> bool:
    return any(entry["has"] in snippet.text for entry in NOT_RUN.get(snippet.page, []))


@pytest.fixture(scope="module")
def signoff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signoff]:
    folder = tmp_path_factory.mktemp("documents")
    (policy,) = [one for one in snippets("docs/how-to/release.md") if one.argument == "signoff.toml"]
    (folder / "signoff.toml").write_text(policy.text)
    with running_signoff(folder, SIGNOFF_WORKSPACE_ROOTS=str(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `signoff` that starts fast."""
    folder = tmp_path_factory.mktemp("programs")
    warm_program(folder)
    return folder


@pytest.mark.parametrize("page", [page for page in pages() if any(one.kind == "run" for one in snippets(page))])
def test_the_snippets_of_a_page_run(page: str, signoff: Signoff, programs: Path) -> None:
    folder = signoff.folder / page.removesuffix(".md").replace("/", "-")
    folder.mkdir()
    # What a reader of a clone has.
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = {
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(signoff.folder),
        "TERM": "xterm",
        "SIGNOFF_URL": signoff.url,
        "SIGNOFF_DATA_DIR": signoff.addresses["data_dir"],
    }
    marked = snippets(page)
    for snippet in marked:
        if snippet.kind == "file":
            (folder / snippet.argument).write_text(snippet.text)
    for snippet in marked:
        if snippet.kind == "run":
            run(snippet, folder, environment)


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
