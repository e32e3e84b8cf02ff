"""Clients that generators make from the OpenAPI document work, and their types fit what the server accepts and answers."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

from tests.api.test_openapi import document
from tests.conftest import Stack
from tools.build_dashboard import PAGE, with_node

DRIVERS = Path(__file__).parent / "generated"
# Without this option, the generator leaves out the answer that is a zip.
PYTHON_OPTIONS = {"content_type_overrides": {"application/zip": "application/octet-stream"}, "post_hooks": []}
TYPESCRIPT_OPTIONS = {"extends": str(PAGE / "tsconfig.json"), "include": ["*.ts"]}


async def test_a_generated_python_client(signoff: Stack, tmp_path: Path) -> None:
    source = await _document_in(tmp_path, signoff)
    options = tmp_path / "options.json"
    options.write_text(json.dumps(PYTHON_OPTIONS))
    await _run(
        tmp_path,
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        source,
        "--config",
        options,
        "--meta",
        "none",
        "--output-path",
        "signoff_client",
        "--fail-on-warning",
    )
    shutil.copy(DRIVERS / "lifecycle.py", tmp_path)
    await _run(tmp_path, sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "lifecycle.py")
    await _run(tmp_path, sys.executable, "lifecycle.py", signoff.url)


async def test_generated_typescript_types(signoff: Stack, tmp_path: Path) -> None:
    source = await _document_in(tmp_path, signoff)
    (tmp_path / "node_modules").symlink_to(PAGE / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(TYPESCRIPT_OPTIONS))
    shutil.copy(DRIVERS / "lifecycle.ts", tmp_path)
    programs = tmp_path / "node_modules" / ".bin"
    await _run(tmp_path, programs / "openapi-typescript", source, "--output", "schema.d.ts")
    await _run(tmp_path, programs / "tsc", "--project", ".")
    await _run(tmp_path, "node", "lifecycle.ts", signoff.url)


async def _document_in(folder: Path, stack: Stack) -> Path:
    source = folder / "openapi.json"
    source.write_text(json.dumps(await document(stack)))
    return source


async def _run(folder: Path, *command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=with_node(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{command}: {output.decode()}"
