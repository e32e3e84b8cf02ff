"""Variables that nothing sets: which of their forms need a value, and that a printed plan asks for nothing else."""

from __future__ import annotations

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown

DEFAULTS = [
    "echo ${VERSION:-1.0}",
    "echo ${VERSION-1.0}",
    ': "${VERSION:=1.0}"\necho $VERSION',
    ': "${VERSION=1.0}"; echo "${VERSION%.*}"',
    "VERSION=${VERSION:-1.0}\necho $VERSION",
    "echo ${VERSION:+-v}",
    "echo '$VERSION ${VERSION%.*} ${#VERSION}'",
    "echo ${!VERSION*}",
]
NEEDED = [
    "echo $VERSION",
    "echo ${VERSION}",
    'echo "${VERSION%.*}"',
    'echo "${VERSION##*/}"',
    "echo ${#VERSION}",
    "echo ${VERSION:?say which}",
    "echo ${VERSION?}",
    "echo ${VERSION:0:3}",
    "echo ${VERSION/a/b} ${VERSION^^}",
    "echo ${!VERSION}",
    ': "${VERSION:?}"\necho $VERSION',
    "echo ${OTHER:-$VERSION}",
    "echo ${OTHER:-${VERSION%.*}}",
    "cat <<X\n${VERSION%.*}\nX",
]


def document(script: str) -> str:
    return "# Do\n\n```bash\n" + script + "\n```\n"


@pytest.mark.parametrize("script", DEFAULTS)
def test_what_has_a_default_needs_no_parameter(script: str) -> None:
    draft = read_outline(document(script), has_model=False)
    assert list(draft.parameters) == []
    assert not any("Nothing in this step sets" in warning for warning in draft.warnings)


@pytest.mark.parametrize("script", NEEDED)
def test_every_other_form_makes_the_same_parameter(script: str) -> None:
    draft = read_outline(document(script), has_model=False)
    assert list(draft.parameters) == ["version"]
    assert sum("the parameter 'version'" in warning for warning in draft.warnings) == 1


def test_a_check_of_what_the_plan_cannot_ask_for_is_enough() -> None:
    for name in ("OLD", "API_TOKEN", "CI"):
        text = f"1. A\n\n   ```sh\n   OLD=$(ls); ls $OLD\n   ```\n2. B: `rm ${{{name}:?}}`\n"
        draft = read_outline(text, has_model=False)
        assert (list(draft.parameters), [w for w in draft.warnings if name in w and "empty" in w]) == ([], [])


@pytest.mark.parametrize("script", DEFAULTS + NEEDED)
@pytest.mark.parametrize(
    "front", ["", "---\nunset_variables: warn\n---\n", "---\nparameters: {version: {default: a}}\n---\n"]
)
def test_a_printed_plan_asks_for_what_it_says_and_nothing_else(script: str, front: str) -> None:
    draft = read_outline(front + document(script), has_model=False)
    printed = to_markdown(draft, "Do")
    again = read_outline(printed, has_model=False)
    assert again.parameters == draft.parameters
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    assert to_markdown(again, "Do") == printed
