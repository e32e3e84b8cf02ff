"""Generates `signoff/_sync` from `signoff/_async`, so that the client is written only once.

python tools/make_sync_client.py            write it
python tools/make_sync_client.py --check    only check whether it is up to date (exit code 1: it is not)
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "client" / "signoff"
NOTICE = "# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.\n"
_REPLACEMENTS = [
    (r"from asyncio import sleep", "from time import sleep"),
    (r"httpx\.AsyncClient", "httpx.Client"),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\baclosing\b", "closing"),
    (r"\ba(close|read|iter_bytes)\(", r"\1("),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\bsignoff\._async\b", "signoff._sync"),
]


def translate(source: str) -> str:
    """Return the synchronous version of an async module, formatted."""
    for pattern, replacement in _REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    source = re.sub(r" *# noqa: ASYNC\d+.*", "", source)
    # A Generator without send and return types needs two more parameters than its async counterpart.
    source = re.sub(r"\bGenerator\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", r"Generator[\1, None, None]", source)
    for command in (["check", "--select", "I,UP028", "--fix", "--unsafe-fixes"], ["format"]):
        arguments = [
            sys.executable,
            "-m",
            "ruff",
            *command,
            "--quiet",
            "--stdin-filename",
            str(PACKAGE / "_sync" / "module.py"),
            "-",
        ]
        source = subprocess.run(arguments, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return NOTICE + source


def modules() -> dict[Path, str]:
    """Return each module of the sync client, with its expected content."""
    made = {PACKAGE / "_sync" / path.name: path for path in sorted((PACKAGE / "_async").glob("*.py"))}
    initial = '"""The client for programs without an event loop."""\n'
    return {
        target: NOTICE + initial if target.name == "__init__.py" else translate(path.read_text())
        for target, path in made.items()
    }


def main() -> None:
    """Write the modules, or check them with `--check`."""
    expected = modules()
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in (PACKAGE / "_sync").glob("*.py") if path not in expected]
    if "--check" in sys.argv:
        sys.exit("\n".join(f"{path} is not up to date" for path in stale) or 0)
    for path in stale:
        path.write_text(expected[path]) if path in expected else path.unlink()


if __name__ == "__main__":
    main()
