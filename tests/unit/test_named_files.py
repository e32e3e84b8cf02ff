"""What a command names: files of the workspace, what lies elsewhere, and what only the run can name."""

from __future__ import annotations

import pytest

from app.domain.named_files import Named, named_by

WORKSPACE = "/srv/work/one"


def named(command: str) -> Named:
    return named_by({"type": "shell", "command": command}, WORKSPACE)


@pytest.mark.parametrize(
    ("command", "outside"),
    [
        ("sh /opt/x.sh", "/opt/x.sh"),
        ("sh ../../x.sh", "/srv/x.sh"),
        ("../run.sh a", "/srv/work/run.sh"),
        (". ../env.sh", "/srv/work/env.sh"),
        ("bash -s < ../z.sh", "/srv/work/z.sh"),
        ("sort < ../data", "/srv/work/data"),
        ("wc -l < /etc/hosts", "/etc/hosts"),
        ("exec 3< ../data", "/srv/work/data"),
        ("sh -c '. ../env.sh'", "/srv/work/env.sh"),
        ("cd sub && sh ../../y.sh", "/srv/work/y.sh"),
        ("python ../tool.py in.csv", "/srv/work/tool.py"),
        ("sh .signoff/x.sh", "/srv/work/one/.signoff/x.sh"),
    ],
)
def test_what_is_run_or_read_elsewhere_is_said_to_be_outside(command: str, outside: str) -> None:
    assert named(command).outside == (outside,)


@pytest.mark.parametrize(
    "command",
    [
        "./run.sh",
        "sh build.sh",
        "cd sub && sh ../build.sh",
        "sort < data",
        "true < /dev/null",
        "echo hi > /srv/x",
        "cat <<< ../x",
    ],
)
def test_what_lies_in_the_workspace_or_is_written_is_not(command: str) -> None:
    assert named(command).outside == ()


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("./run", "run"),
        ("sh < data.sh", "data.sh"),
        ("cat data.sh | sh", "data.sh"),
        ("sh -c 'sh data.sh'", "data.sh"),
        ("cd sub && sh data.sh", "sub/data.sh"),
        ("make -s", "Makefile"),
        ("env X=1 timeout 20 sh data.sh", "data.sh"),
        (". ./data.sh", "data.sh"),
        ('sh "$PWD"/other.sh; f=data.sh; sh $f', "data.sh"),
    ],
)
def test_what_a_command_runs_in_the_workspace_is_named(command: str, path: str) -> None:
    assert path in named(command).paths


def test_names_that_only_the_run_knows_are_listed() -> None:
    assert named('sh "$SCRIPT"').unknown == ('"$SCRIPT"',)
