"""Temporal's Web UI links from a run back to its project."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings
from tests.conftest import Stack, running_stack


async def details_of(stack: Stack, project_id: str) -> str:
    description = await stack.temporal.get_workflow_handle(project_id).describe()
    return await description.static_details() or ""


async def test_a_run_links_to_its_project(signoff: Stack) -> None:
    project_id = await signoff.planned("- [ ] A")
    details = await details_of(signoff, project_id)
    assert f"]({signoff.url}/projects/{project_id})" in details
    assert f"]({signoff.url}/api/projects/{project_id})" in details


async def test_the_link_goes_to_where_people_reach_the_app(temporal_server, tmp_path: Path) -> None:
    public = "https://signoff.example/"
    async with running_stack(temporal_server, tmp_path, public_url=public) as stack:
        project_id = await stack.planned("- [ ] A")
        assert f"](https://signoff.example/projects/{project_id})" in await details_of(stack, project_id)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://127.0.0.1:8400"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80"),
        ({"host": "::1"}, "http://[::1]:8400"),
        ({"public_url": "https://a.example/"}, "https://a.example"),
        ({"public_url": "https://a.example/signoff", "host": "0.0.0.0"}, "https://a.example/signoff"),
    ],
)
def test_where_people_reach_the_app(values: dict[str, object], url: str, tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path, **values).effective_public_url == url  # type: ignore[arg-type]
