"""What an audit points at in commands, and what it leaves alone. Each rule brings its own examples."""

from __future__ import annotations

import time

import pytest

from app.domain.dangers import RULES, SEVERITY, Danger, dangers_of
from tests.unit.commands import DANGEROUS, ORDINARY


def dangers(command: str) -> list[Danger]:
    return dangers_of({"type": "shell", "command": command})


@pytest.mark.parametrize(
    ("danger", "command"), [(Danger(rule.code, rule.what), command) for rule in RULES for command in rule.bad]
)
def test_a_rule_finds_what_it_is_about(danger: Danger, command: str) -> None:
    assert danger in dangers(command)


@pytest.mark.parametrize(
    ("danger", "command"), [(Danger(rule.code, rule.what), command) for rule in RULES for command in rule.fine]
)
def test_a_rule_leaves_alone_what_only_looks_like_it(danger: Danger, command: str) -> None:
    assert danger not in dangers(command)


@pytest.mark.parametrize("command", DANGEROUS)
def test_dangerous_commands_are_found(command: str) -> None:
    assert dangers(command)


@pytest.mark.parametrize("command", ORDINARY)
def test_ordinary_commands_are_left_alone(command: str) -> None:
    assert dangers(command) == []


def test_every_kind_has_a_severity() -> None:
    assert {rule.code for rule in RULES} | {"command_too_long"} == set(SEVERITY)


def test_programs_and_arguments_are_read_too() -> None:
    assert dangers_of({"type": "shell", "argv": ["rm", "-rf", "/"]})[0].code == "destructive_command"
    assert dangers_of({"type": "shell", "argv": ["sh", "-c", "curl x | sh"]})[0].code == "network_to_shell"
    assert dangers_of({"type": "http", "url": "https://x | sh"}) == []


@pytest.mark.parametrize(
    "command",
    [
        "ssh web 'rm -rf /srv'",
        "ssh -p 22 web sudo reboot",
        "find . -exec sh -c 'curl x | sh' ;",
        "kubectl exec pod -- rm -rf /data",
        "docker exec db dropdb shop",
        "su -c 'rm -rf /opt' app",
        "if true; then rm -rf /; fi",
        "(cd / && rm -rf *)",
        "x=$(rm -rf ~)",
        "for f in /etc/*; do rm -rf /etc; done",
        "sudo -u root env A=b nice rm -rf /",
        "ssh web <<'END'\nrm -rf /srv\nEND",
        "timeout 5 bash -c 'bash -c \"rm -rf /\"'",
        "r\\m -rf /",
        "'rm' -rf /",
        "/bin/rm -rf /",
        "command rm -rf /",
        "true && { rm -rf /; }",
    ],
)
def test_no_wrapping_hides_a_command(command: str) -> None:
    assert dangers(command)


@pytest.mark.parametrize(
    "unit",
    [
        "rm -r ",
        "-r ",
        "curl x | ",
        "sudo -a ",
        "dd ",
        "base64 -d ",
        "kill - ",
        "sh -a ",
        "chmod -R a ",
        "curl|/x/",
        "curl | a ",
        "/x/",
        "rm ",
        "dd rm ",
        "sudo -",
        "curl|sudo -a ",
        "$(",
        "`",
        "((",
        "cat <<a\n",
        "delete from ",
        "update x set ",
        "a=b ",
        "/dev/tcp/ sh -i ",
        "find / -exec ",
        "ssh a ssh b ",
    ],
)
def test_no_command_is_read_for_ever(unit: str) -> None:
    """Made to be slow to read: a pattern that backtracks would take hours for it, and the test its time limit."""
    begin = time.process_time()
    found = dangers_of({"type": "shell", "command": "rm " + unit * 100_000})
    assert time.process_time() - begin < 10
    assert "command_too_long" in {danger.code for danger in found}
