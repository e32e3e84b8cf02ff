"""Reads random documents: pieces of real ones, cut, repeated, moved and replaced.

`python -m tests.planning.campaign 20000` reads that many. Each must give a plan or a list of problems, soon, and what
`signoff outline --rewrite` prints must be read as the same plan. The campaign prints each document that does not, and then fails.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

from app.domain.errors import Invalid
from app.domain.plan import PlanDraft, RunSettings, digest_of
from app.planning.outline.reader import read_outline, read_with_parameters
from app.planning.render import to_markdown

ROOT = Path(__file__).parents[2]
SHORTEST, LONGEST = 200, 3000
# Processor time for one document, in seconds. Far more than any of this length takes.
LIMIT = 0.5
MARKS = (
    *(
        "# ",
        "## ",
        "- ",
        "1. ",
        "2) ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "---\n",
        "> ",
        "```",
        "```sh\n",
        "```console\n",
    ),
    *(
        "~~~",
        "`",
        "``",
        "{#key}",
        "{run}",
        "{run=no}",
        "{if=a:yes}",
        "{after=a}",
        "{wait=5m}",
        "{approval=yes}",
        "[ ] ",
    ),
    *(
        "(parallel)",
        "(sequential)",
        "<!--",
        "-->",
        "<name>",
        "$NAME",
        "$(name)",
        "$ ",
        "${{ x }}",
        "<<E\n",
        "\\",
        "*",
        "_",
    ),
    *(
        "If ",
        "Optional: ",
        "On Debian:\n\n",
        "## Rollback\n",
        "## Option A\n",
        "## Option B\n",
        "If it failed:\n\n",
        ":",
    ),
    *(
        "ssh host\n",
        "cd x\n",
        "export A=b\n",
        "A=$(b)\n",
        "<details>",
        "</details>",
        "| a |\n|---|\n",
        "[a]: b\n",
        "[a]",
    ),
    *("\xe9", "\u2028", "\x85", "\r\n", "\r", "\ufeff", "\x0b", "&amp;", "run", "do not ", "for example:\n"),
)


def sources() -> list[str]:
    """The documents of the repository, and the small ones of its tests."""
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("app/planning/templates/*.md")]
    cases = json.loads((ROOT / "tests" / "cases" / "outline.json").read_text())
    return [*(page.read_text() for page in sorted(pages)), *(case["input"] for case in cases)]


def document(chance: random.Random, texts: list[str]) -> str:
    """A document of at least 200 characters that nobody has written."""
    text = ""
    while len(text) < SHORTEST:
        whole = chance.choice(texts)
        begin = chance.randrange(max(1, len(whole) - SHORTEST)) if len(whole) > LONGEST else 0
        text += whole[begin : begin + chance.randrange(SHORTEST, LONGEST)] + "\n"
    for _ in range(chance.randrange(8)):
        begin = chance.randrange(len(text))
        end = begin + chance.randrange(60)
        other = chance.choice(texts)
        at = chance.randrange(len(other))
        pieces = (
            "",
            text[begin:end] * 2,
            chance.choice(MARKS),
            chance.choice(MARKS),
            other[at : at + chance.randrange(200)],
        )
        text = text[:begin] + chance.choice(pieces) + text[end:]
    return text[:LONGEST]


def fault(text: str, *, has_model: bool) -> str:
    """What is wrong with how a document is read; empty if nothing is. `Invalid` is no fault."""
    begun = time.process_time()
    try:
        draft = read_outline(text, has_model=has_model)
    except Invalid:
        draft = _repaired(text, has_model=has_model)
    seconds = time.process_time() - begun
    if seconds > LIMIT:
        return f"it takes {seconds:.2f} seconds"
    if draft is None:
        return ""
    try:
        again = read_outline(to_markdown(draft, "Plan"), has_model=has_model)
    except Invalid as error:
        return f"its canonical form is refused: {error}"
    same = digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    return "" if same else "its canonical form is another plan"


def _repaired(text: str, *, has_model: bool) -> PlanDraft | None:
    """The plan of a document whose only problems are placeholders."""
    try:
        return read_with_parameters(text, has_model=has_model)
    except Invalid:
        return None


def main() -> None:
    """Read random documents, and exit with 1 if one of them shows a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=int, help="how many to read")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance, texts = random.Random(arguments.seed), sources()
    found = Counter[str]()
    for number in range(1, arguments.documents + 1):
        text, has_model = document(chance, texts), chance.random() < 0.5
        try:
            why = fault(text, has_model=has_model)
        except Exception as error:  # noqa: BLE001 - a crash is what is looked for
            why = f"it ends with {error!r}"
        if why:
            found["faults"] += 1
            print(f"Document {number}, has_model={has_model}: {why}\n{text!r}", flush=True)
        if number % 1000 == 0:
            print(f"{number} documents read, {found['faults']} faults", flush=True)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
