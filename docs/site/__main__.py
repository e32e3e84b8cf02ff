"""Builds the documentation site: `python -m docs.site`. The app serves the result under `/docs`.

The build needs the group `docs` of pyproject.toml, which `make site` installs. It fails at the first broken link, and makes
nothing that loads from another site.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

from docs import reference
from docs.site.accessible import improve
from docs.site.markdown import rewritten

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# The app serves this folder, and the wheel contains it if it has been built.
BUILT = ROOT / "app" / "dashboard" / "built_docs"
# In the package, where files are compressed.
_MAX_BYTES = 3_000_000
# Pages that are kept at the top of the repository, where people look for them, and folders that only GitHub shows.
_FROM_THE_TOP = {"SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_EXAMPLES = "examples"
_LOADS = re.compile(
    r"""<(?:script|img|source|iframe)\b[^>]*\ssrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
)
_IMAGE = re.compile(r"\]\((?:[\w./-]*/)?(pictures/[\w.-]+)\)")


def stage(pages: Path) -> None:
    """Write every page of the site, and the pictures that they show, into a folder."""
    sources = {path.relative_to(ROOT).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
    addresses = {name: name.removeprefix("docs/").replace("README.md", "index.md") for name in sources}
    for name, address in _FROM_THE_TOP.items():
        sources[name], addresses[name] = ROOT / name, address
    for path in sorted((ROOT / _EXAMPLES).glob("*.md")):
        name = path.relative_to(ROOT).as_posix()
        sources[name], addresses[name] = path, name
    addresses |= {"README.md": "index.md", _EXAMPLES: "examples/index.md"}
    pictures = {path.relative_to(ROOT).as_posix(): path for path in (DOCS / "pictures").iterdir()}
    addresses |= {name: name.removeprefix("docs/") for name in pictures}
    generated = reference.pages()
    addresses |= {f"docs/{name}": name for name in generated}
    texts = {name: path.read_text() for name, path in sources.items()} | {
        f"docs/{name}": text for name, text in generated.items()
    }
    addresses["examples/README.md"] = "examples/index.md"
    texts["examples/README.md"] = _gallery(sources)
    for name, text in texts.items():
        body = _example(text) if name.startswith("examples/") and name != "examples/README.md" else text
        target = pages / addresses[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rewritten(body, name, addresses))
    shown = {f"docs/{found}" for text in texts.values() for found in _IMAGE.findall(text)}
    for name in shown & set(pictures):
        (pages / addresses[name]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(pictures[name], pages / addresses[name])


def _example(text: str) -> str:
    """An example as a page: its title, then its whole text as code."""
    title = next(line for line in text.splitlines() if line.startswith("# "))
    return f"{title}\n\n````markdown\n{text.rstrip()}\n````\n"


def _gallery(sources: dict[str, Path]) -> str:
    names = [name for name in sources if name.startswith("examples/")]
    titles = {name: sources[name].read_text().splitlines()[0].removeprefix("# ") for name in names}
    lines = [f"- [{title}]({Path(name).name}): `signoff run {name}`" for name, title in titles.items()]
    return "# Examples\n\nComplete plans that run as they are. Run them in a clone of the repository.\n\n" + "\n".join(
        lines
    )


def build(work: Path) -> None:
    """Stage the pages below `work`, build the site, check it, and put it where the app serves it.

    Raises:
        SystemExit: A link is broken, a page loads something from another site, or the site is too large for the package.
    """
    shutil.rmtree(work, ignore_errors=True)
    stage(work / "pages")
    shutil.copy2(DOCS / "site" / "zensical.toml", work)
    shutil.copy2(DOCS / "site" / "extra.css", work / "pages")
    (work / "pages" / "pictures").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "app/dashboard/public/favicon.svg", work / "pages" / "pictures")
    # Everything that the generator says about a page is an error.
    if subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=work, check=False).returncode:
        raise SystemExit("The site has not been built. Correct what is named above.")
    site = work / "site"
    improve(site)
    for path in site.rglob("*.html"):
        if found := _LOADS.search(path.read_text()):
            raise SystemExit(f"{path.relative_to(site)} loads something from another site: {found[0]}")
    size = sum(len(zlib.compress(path.read_bytes())) for path in site.rglob("*") if path.is_file())
    if size > _MAX_BYTES:
        raise SystemExit(f"The site takes {size:,} bytes of the package; it may take {_MAX_BYTES:,}.")
    earlier = work / "earlier"
    if BUILT.exists():
        BUILT.rename(earlier)  # an app that starts meanwhile finds the whole site or none
    site.rename(BUILT)
    print(f"{len(list(BUILT.rglob('*.html')))} pages, {size:,} bytes compressed, in {BUILT.relative_to(ROOT)}")


if __name__ == "__main__":
    build(ROOT / "build" / "site")
