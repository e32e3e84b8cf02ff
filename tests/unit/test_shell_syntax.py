"""Shell commands taken apart, and texts that are made to be slow or to break the parser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.shell_syntax import MAX_SCRIPT_LENGTH, Command, Script, parse, parse_argv


def values(command: Command) -> list[str | None]:
    return [word.value for word in command.words]


def programs(script: Script) -> list[str | None]:
    return [command.program for command in script.commands]


def test_words_have_the_value_that_the_command_gets() -> None:
    text = r"""run 'a b' "c \" d" e\ f $'g\nh' i"j"'k' "" --x=1 5"""
    assert values(parse(text).commands[0]) == ["run", "a b", 'c " d', "e f", "g\nh", "ijk", "", "--x=1", "5"]


@pytest.mark.parametrize(
    "word", ["$x", '"$x"', "a$x", "`id`", "$(id)", '"a $(id)"', "~/x", "<(id)", "$((1+2))", "${x:-y}"]
)
def test_what_is_known_only_when_it_runs_has_no_value(word: str) -> None:
    command = parse(f"run {word} z").commands[0]
    assert values(command) == ["run", None, "z"]
    assert command.words[1].text == word


@pytest.mark.parametrize(
    ("word", "pattern"), [("*.txt", True), ("a?", True), ("{a,b}", True), ("'*'", False), (r"\*", False)]
)
def test_patterns_are_told_from_names(word: str, pattern: bool) -> None:
    assert parse(f"run {word}").commands[0].words[1].pattern is pattern


def test_redirections_with_descriptor_and_target() -> None:
    (command,) = parse("A=1 B=$x run < in 2>err >>out 2>&1").commands
    found = [(item.operator, item.descriptor, item.target.value) for item in command.redirections]
    assert found == [("<", None, "in"), (">", "2", "err"), (">>", None, "out"), (">&", "2", "1")]
    assert [(name, word.value) for name, word in command.assignments] == [("A", "1"), ("B", None)]


def test_a_redirection_belongs_to_the_last_command_of_a_pipeline_and_to_all_of_a_group() -> None:
    pipe = parse("a < in | b > out")
    assert [[item.target.value for item in command.redirections] for command in pipe.commands] == [["in"], ["out"]]
    group = parse("while read line; do b; done < f")
    assert [[item.target.value for item in command.redirections] for command in group.commands] == [["f"], ["f"]]


def test_pipelines_say_what_feeds_what() -> None:
    script = parse("curl x | sudo sh; echo y | (cat; bash)\nls")
    sh, bash, ls = script.commands[1], script.commands[4], script.commands[5]
    assert programs(script) == ["curl", "sh", "echo", "cat", "bash", "ls"]
    assert [command.program for command in script.inputs_of(sh)] == ["curl"]
    assert [command.program for command in script.inputs_of(bash)] == ["echo"]
    assert list(script.inputs_of(ls)) == []


def test_a_pipeline_goes_on_behind_a_here_document() -> None:
    script = parse("cat <<'END' | sh && rm x\necho $hi\nEND\nls")
    assert programs(script) == ["cat", "sh", "rm", "ls"]
    assert script.commands[0].redirections[0].target.value == "echo $hi\n"
    assert script.commands[0].feeds(script.commands[1])


@pytest.mark.parametrize(
    ("text", "inside", "found"),
    [
        ("sh -c 'rm x; ls'", ("sh -c",), ["sh", "rm", "ls"]),
        ("sudo -u bob env A=1 timeout 5 bash -eo pipefail -c 'rm x'", ("sh -c",), ["bash", "rm"]),
        ("eval 'rm x'", ("eval",), ["eval", "rm"]),
        ("sh <<'E'\nrm x\nE\n", ("sh <<",), ["sh", "rm"]),
        ("sh -c \"sh -c 'rm x'\"", ("sh -c", "sh -c"), ["sh", "sh", "rm"]),
        ('echo "$(rm x)"', ("$()",), ["echo", "rm"]),
        ("echo `rm x`", ("$()",), ["echo", "rm"]),
        ("bash <(rm x)", ("<()",), ["bash", "rm"]),
        ("x=$(rm x)", ("$()",), [None, "rm"]),
        ("echo > $(rm x)", ("$()",), ["echo", "rm"]),
        ("(rm x)", ("()",), ["rm"]),
        ("f() { rm x; }", ("function",), ["rm"]),
        ("for i in a b; do rm x; done", ("loop",), ["rm"]),
        ("if true; then :; else rm x; fi", (), ["true", ":", "rm"]),
        ("case $x in a) rm x;; esac", (), ["rm"]),
        ("a && b || ! rm x &", (), ["a", "b", "rm"]),
        ("[ -f x ] && rm x", (), ["[", "rm"]),
    ],
)
def test_commands_are_found_wherever_they_stand(text: str, inside: tuple[str, ...], found: list[str | None]) -> None:
    script = parse(text)
    assert script.complete
    assert programs(script) == found
    assert script.commands[-1].inside == inside


@pytest.mark.parametrize(
    "text", ["a; sh -c 'rm x'", 'a; echo "$(rm x)"', "a; bash <(rm x)", "a; x=$(rm x)", "a; eval 'rm x'"]
)
def test_a_command_within_a_word_names_the_command_that_it_belongs_to(text: str) -> None:
    script = parse(text)
    assert (script.commands[-1].program, script.commands[-1].parent) == ("rm", 1)


def test_a_program_that_is_not_known_before_it_runs() -> None:
    assert programs(parse('$cmd x; "./my run" y; /usr/bin/env make')) == [None, "my run", "make"]


def test_words_without_a_shell() -> None:
    script = parse_argv(["bash", "-c", "rm $x *", "a b"])
    assert programs(script) == ["bash", "rm"]
    assert values(script.commands[0]) == ["bash", "-c", "rm $x *", "a b"]


@pytest.mark.parametrize(
    "text", ["if true", "a | | b", "echo 'x", "a\0b", "x" * (MAX_SCRIPT_LENGTH + 1), "sh -c '" + "$(" * 50 + "'"]
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    assert not parse(text).complete


HOSTILE = [
    "a|",
    "a||",
    "a&&",
    "$(",
    '"$(',
    "(",
    "{ ",
    "`",
    "'",
    '"',
    "<<A\n",
    "cat <<A\n",
    "[[ (",
    "\0",
    "\\",
    "#",
    "${a:-",
    "$((",
    "a <(",
    "case a in ",
    "if a; then ",
    "f(){ ",
    ">a ",
    "é",
    "a",
    "()",
    ")<>&",
    "x=f(){ ",
    "|]]",
    'sh -c "',
    "eval ",
    "$'\\",
    "a;",
    "! ",
    "{a,",
    "a=(",
    "a=b ",
    "\ud800",
    "sh <<A\n",
]


def test_texts_that_are_made_to_be_slow(tmp_path: Path) -> None:
    """In a process of its own with 1 GB of memory: a parser in C that runs out of it takes its process along."""
    program = f"""
import resource, time
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from app.domain.shell_syntax import parse
for unit in {HOSTILE!r}:
    began = time.process_time()
    parse(unit * (100_000 // len(unit)))
    assert time.process_time() - began < 3, unit
for depth in (10, 100, 1000, 10_000):
    for left, right in (("(", ")"), ("$(", ")"), ('"$(', ')"'), ("{{ ", ";}}"), ("if a; then ", "fi;"), ("sh -c '", "'")):
        began = time.process_time()
        parse(left * depth + "a;" + right * depth)
        assert time.process_time() - began < 3, (left, depth)
print("done")
"""
    path = tmp_path / "hostile.py"
    path.write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.stdout == "done\n", (done.returncode, done.stderr[-2000:])
