"""The line numbers of keys in a TOML file."""

from __future__ import annotations

import tomllib

import pytest

from app.settings.file import KeyLines

FILE = '''\
# signoff.toml
port = 8400
agents.quick.kind = "local"   # a dotted key
"quoted key" = 1

[agents.writer]
model = "openai:gpt"
instructions = """
[agents.inside]
tools = ["in a text"]
port = 1 \\
"""
tools = [
    "read_file",  # ] " and [agents.comment]
    "write_file",
]

  [ agents . "two words" ]
  'kind' = "local"
  hosts = ["a"]

[prices."openai:gpt-5"]
input = 1.5

[prices]
"a.b" = { input = 1, output = { deep = 2 } }

[agents.a.b.c]
d = 1
[[many]]
x = 1
[[many]]
y = 2
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("port",), 2),
        (("agents", "quick", "kind"), 3),
        (("agents", "quick"), 3),
        (("agents",), 3),
        (("quoted key",), 4),
        (("agents", "writer"), 6),
        (("agents", "writer", "model"), 7),
        (("agents", "writer", "instructions"), 8),
        (("agents", "writer", "tools"), 13),
        (("agents", "writer", "tools", 1), 13),
        (("agents", "writer", "queue"), 6),
        (("agents", "two words", "kind"), 19),
        (("agents", "two words"), 18),
        (("prices", "openai:gpt-5", "input"), 23),
        (("prices", "openai:gpt-5", "output"), 22),
        (("prices",), 25),
        (("prices", "a.b", "input"), 26),
        (("prices", "a.b", "output", "deep"), 26),
        (("agents", "a"), 28),
        (("agents", "a", "b", "c", "d"), 29),
        (("many", 0, "x"), 31),
        (("many", 1, "y"), 33),
        (("agents", "inside"), 3),
        (("nothing",), None),
        ((), None),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_keys_and_headers_are_found(location: tuple[str | int, ...], line: int | None, ending: str) -> None:
    text = FILE.replace("\n", ending)
    tomllib.loads(text)
    assert KeyLines(text).find(location) == line


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "\ufeff", "not toml", '[a]\nx = "'])
def test_a_file_without_keys_has_no_lines(text: str) -> None:
    assert KeyLines(text).find(("x",)) is None


def test_what_looks_like_an_end_of_line_within_a_value_is_none() -> None:
    text = 'a = "\u2028 \u0085"\nb = 1\n'
    assert KeyLines(text).find(("b",)) == 2
