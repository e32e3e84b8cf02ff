"""Reads random and changed documents: `python -m benchmarks.reading [--documents 50000] [--seed 1] [--dense 10000]`.

A document must give a plan or a list of problems; the plan, printed as Markdown, must be the same plan again. Prints each
document that does not keep to this, and how long reading takes per 10 KB. Then reads dense documents, where every few characters
are a step, and prints the time of each kind beside that of the Markdown parser alone. Fails if a document was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt

from app.domain.errors import Invalid
from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

ROOT = Path(__file__).parents[1]
# Real documents are longer. In a shorter one, what a plan costs anyway outweighs the reading.
MIN_TIMED = 2_000
SLOW_MS = 50.0
PIECES = [
    *("# ", "## ", "### ", "- ", "* ", "1. ", "2) ", "  ", "    ", "\t", "\n", "\n\n", "---\n", "> ", "<div>"),
    *("<!-- ", "-->", "```", "```sh\n", "```bash\n", "```console\n$ ", "~~~", "```inputs\nA: 1\n```\n"),
    *("```task\n", "```phase\n", "```env\nA=1\n```\n", "`a`", ": `make x`", "`", "``", "[ ] ", "[x] "),
    *("- [ ] Do: `do it`\n", "- [ ] a\n\n  ```sh\n  b\n  ```\n", "{", "}", '"', "\\", "{#a}", "{run}", "{run=no}"),
    *("{approval=yes}", "{approval=no}", "{after=a}", "{if=a:completed}", "{wait=5m}", "{milestone}"),
    *("{decision=yes,no}", '{decision="" stop=""}', "{on=failure}", "{on=always}", "(parallel)"),
    *("(sequential)", "{timeout=5 cwd=x}", "## Rollback\n", "### Recovery\n", "## Prerequisites\n"),
    *("## References\n", "## Overview\n", "## If it is down\n", "## Do (optional)\n", "## Option A\n"),
    *("## Option B, or so\n", "### On Debian\n", "### On macOS\n", "On Debian:\n\n", "On macOS:\n\n"),
    *("If it failed:\n\n", "- On Debian: `a`\n- On macOS: `b`\n", "1. Option A: `a`\n2. Option B: `b`\n", "If "),
    *("Optional: ", "when needed", "[a](b)", "[a][b]", "[b]: c\n", "| a |\n|---|\n", "<name>", "$A", "YOUR_KEY"),
    *("\ufeff", "\r\n", "\u2028", "\u00e9", "\u96c6", "a", "b c", ". ", ", "),
]

# 10 KB of each of these are hundreds of steps, and up to 2,500.
DENSE = {
    "bullets": "- a\n",
    "words": "- Tell the team\n",
    "numbered": "1. a\n",
    "checkboxes": "- [ ] a\n",
    "checkboxes with commands": "- [ ] Do: `make x`\n",
    "commands": "- Do: `make x`\n",
    "commands with variables": "1. Do: `make $X y`\n",
    "commands with placeholders": "- Do: `make <x>`\n",
    "inline codes": "- a `b` and `c` or `d`\n",
    "nested": "- a\n  - b: `c d`\n",
    "nested numbers": "1. a\n   1. b\n   2. c\n",
    "deep": "".join(f"{'  ' * depth}- a: `b c`\n" for depth in range(18)),
    "items with blocks": "1. a\n\n   ```sh\n   b\n   ```\n",
    "blocks": "```sh\na b\n```\n\n",
    "sessions": "```console\n$ a b\nx\n```\n\n",
    "sections": "## a\n\nDo it:\n\n```sh\nb c\n```\n\n",
    "conditions": "- If a: `b c`\n",
    "alternatives": "- On Debian: `a b`\n- On macOS: `b c`\n- c\n",
    "other machines": "- On db-1: `a b`\n",
    "mixed": "1. a: `b c`\n2. d\n\n   ```sh\n   e f\n   ```\n\nText `g`.\n\n- [ ] h: `i j`\n- If k: `l m`\n\n",
}


def seeds() -> list[str]:
    """The documents of the tests, the examples and the documentation."""
    cases = json.loads((ROOT / "tests" / "cases" / "outline.json").read_text())
    pages = [*ROOT.glob("examples/*.md"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
    # Long pages would take all of the time. Their pieces are documents as well.
    sections = [f"#{part}" for page in pages for part in page.read_text().split("\n#") if len(part) < 6_000]
    return [case["input"] for case in cases] + sections


def changed(chance: random.Random, known: list[str]) -> str:
    """A document made of known ones, with pieces cut out, repeated, moved or put in; or of pieces alone."""
    if chance.random() < 0.2:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 60)))
    text = "\n".join(chance.choices(known, k=chance.randint(1, 3)))
    for _ in range(chance.randint(1, 8)):
        begin = chance.randint(0, len(text))
        end = min(begin + chance.randint(0, 40), len(text))
        cut = text[begin:end]
        piece = chance.choice(["", chance.choice(PIECES), cut * 2, chance.choice(PIECES) + cut, chance.choice(known)])
        text = text[:begin] + piece + text[end:]
        if chance.random() < 0.2:
            lines = text.split("\n")
            chance.shuffle(part := lines[len(lines) // 3 : len(lines) // 2])
            lines[len(lines) // 3 : len(lines) // 2] = part
            text = "\n".join(lines)
    return text


def why_wrong(text: str, *, has_model: bool) -> str | None:
    """What is wrong with how a document is read. None: nothing."""
    try:
        try:
            draft = read_outline(text, has_model=has_model)
        except Invalid as error:
            return None if error.info.details else "problems without details"
        again = read_outline(to_markdown(draft, "Plan"), has_model=has_model)
    except Exception:  # noqa: BLE001 - whatever it is, the document that causes it is to be shown
        return traceback.format_exc()
    same = digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return None if same else "printed as Markdown, it is another plan"


def milliseconds(read: Callable[[], object], size: int, times: int = 3) -> float:
    """The shortest of several times that reading `size` bytes took, in milliseconds of this process per 10 KB."""
    taken: list[float] = []
    for _ in range(times):
        begin = time.process_time()
        with contextlib.suppress(Invalid):
            read()
        taken.append(time.process_time() - begin)
    return min(taken) * 1e7 / size


def time_to_read(text: str, times: int = 3) -> float:
    """How long a plan takes, as `milliseconds` counts it."""
    return milliseconds(lambda: read_outline(text, has_model=False), len(text.encode("utf-8", "surrogatepass")), times)


def print_dense(size: int) -> None:
    """Print how long each kind of dense document of `size` bytes takes, beside what the Markdown parser takes for it."""
    parser = MarkdownIt("commonmark").enable("table")
    print("dense documents: ms per 10 KB for the plan, for markdown-it alone, and how often that is")
    for kind, unit in DENSE.items():
        text = unit * max(1, size // len(unit))
        plan, markdown = time_to_read(text, 9), milliseconds(functools.partial(parser.parse, text), len(text), 9)
        late = "" if plan <= max(SLOW_MS, 1.5 * markdown) else "  over the limit"
        print(f"{kind:28}{plan:8.1f}{markdown:8.1f}{plan / markdown:6.1f}{late}", flush=True)


def main() -> None:
    """Read that many documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dense", type=int, default=10_000, help="bytes of each dense document")
    options = parser.parse_args()
    # As in the app, whose threshold this is: the collector looks for garbage far less often than by default.
    gc.set_threshold(100_000, 10, 10)
    chance, known = random.Random(options.seed), seeds()
    wrong, timed = 0, list[tuple[float, str]]()
    for number in range(options.documents):
        text = changed(chance, known)
        found = why_wrong(text, has_model=number % 2 == 1)
        if found is not None:
            wrong += 1
            print(f"document {number}: {found}\n{text!r}\n", flush=True)
        if len(text) >= MIN_TIMED and number % 5 == 0:
            timed.append((time_to_read(text), text))
    timed.sort(reverse=True)
    slow = [entry for entry in timed if entry[0] > SLOW_MS]
    for taken, text in slow[:3]:
        print(f"{taken:.0f} ms per 10 KB: {text[:2000]!r}\n")
    middle = timed[len(timed) // 2][0] if timed else 0.0
    print(
        f"{options.documents} documents, {wrong} wrong; {len(timed)} timed: median {middle:.1f} ms per 10 KB, ", end=""
    )
    print(f"worst {timed[0][0] if timed else 0.0:.1f}, {len(slow)} over {SLOW_MS:.0f}")
    print_dense(options.dense)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
