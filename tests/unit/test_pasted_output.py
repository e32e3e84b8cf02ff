"""Output that stands below the commands of a script, where it would run as commands."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import RunSettings, digest_of
from app.planning.outline.pasted_output import pasted_output
from app.planning.outline.reader import read_outline
from app.planning.render import to_markdown


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("kubectl get nodes\nNAME   STATUS   AGE\none    Ready    5d", 1),
        ("docker ps\nCONTAINER ID   IMAGE   COMMAND", 1),
        ("df -h\nFilesystem      Size  Used Avail Use% Mounted on", 1),
        ("free -h\n               total        used        free", 1),
        ("ls -l\ntotal 12\n-rw-r--r-- 1 root root 3 Jan 1 a", 1),
        ("mysql --version\n\nServer version: 5.7", 2),
        ("git log\n\ncommit 1\nAuthor: somebody", 3),
        ("kubectl get pod a -o yaml\napiVersion: v1\nkind: Pod", 1),
        ('curl localhost\n{"a": 1}', 1),
        ('curl localhost\n{\n  "a": 1\n}', 2),
        ("kubectl apply -f a.yaml\ndeployment.apps/web created", 1),
        ("etcdctl --write-out=table endpoint status\n+----+-----+\n| ID | OK  |", 1),
        ("journalctl -u web\n2026-01-02T03:04:05Z started", 1),
        ("systemctl status web\n\u25cf web.service - The web", 1),
        ("make\n...\nmake install", 1),
        ("make\n[...]", 1),
    ],
)
def test_output_is_found(script: str, line: int) -> None:
    assert pasted_output(script) == line


@pytest.mark.parametrize(
    "script",
    [
        "# Note: a comment\nmake all",
        "cat > a.yaml <<E\nkind: Pod\nNAME   STATUS\nE\nkubectl apply -f a.yaml",
        "curl -d '{\n  \"a\": 1\n}' localhost",
        'curl -d "{\n  \\"a\\": 1\n}" localhost',
        "echo 'NAME   STATUS\nServer version: 5'",
        "f() {\n  a\n}\nf",
        "case $1 in\n  a) b ;;\n  *) c ;;\nesac",
        "while :\ndo\n  a && break\ndone",
        ": ${A:=1}\nA=1  B=2 make",
        "kubectl get nodes \\\n  NAME  STATUS",
        "a=(\n  one:\n  two:\n)",
        "b=$(\n  c:\n)",
        "scp a host:\nmake a:b\nrsync -a x y::z",
        "export A=1   B=2\nfor i in A  B; do echo $i; done",
    ],
)
def test_a_script_has_none(script: str) -> None:
    assert pasted_output(script) is None


STEP = "# A\n\n1. Look\n\n   ```{0}\n   kubectl get nodes\n   NAME   STATUS   AGE\n   ```\n2. Go on: `make all`\n"


@pytest.mark.parametrize("language", ["sh", "bash", "shell"])
def test_nothing_of_such_a_block_runs(language: str) -> None:
    draft = read_outline(STEP.format(language), has_model=False)
    assert [task.action.type for task in draft.tasks()] == ["manual", "shell"]
    assert "NAME   STATUS   AGE" in draft.tasks()[0].description
    (warning,) = draft.warnings
    assert warning.startswith("Line 5: A person does what this block says: line 7 is output")
    assert "console" in warning
    again = read_outline(to_markdown(draft, "A"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())


def test_an_attribute_of_commands_is_refused_with_the_reason_why_a_person_does_the_step() -> None:
    text = "- Show the nodes {timeout=5m}\n\n  ```sh\n  kubectl get nodes\n  NAME   STATUS   AGE\n  ```\n"
    with pytest.raises(Invalid) as refused:
        read_outline(text, has_model=False)
    assert "'timeout' means nothing for a task of a person" in str(refused.value)
    assert "A person does this step: line 5 is output" in str(refused.value)


def test_all_of_it_runs_if_its_author_says_so() -> None:
    draft = read_outline(STEP.format("sh run"), has_model=False)
    assert [task.action.type for task in draft.tasks()] == ["shell", "shell"]
    assert draft.warnings == []
    again = read_outline(to_markdown(draft, "A"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())


def test_a_session_shows_what_to_expect() -> None:
    text = STEP.format("sh").replace("kubectl get", "$ kubectl get")
    task = read_outline(text, has_model=False).tasks()[0]
    assert task.action.fields() == {"command": "kubectl get nodes"}
    assert "NAME   STATUS   AGE" in task.description


class TestHistory:
    @pytest.mark.parametrize("command", ["sudo !!", "ls !$", "cd a && ls !$; b"])
    def test_a_person_does_what_takes_up_the_command_before(self, command: str) -> None:
        draft = read_outline(f"- a: `{command}`\n", has_model=False)
        assert [task.action.type for task in draft.tasks()] == ["manual"]
        assert draft.warnings[0].startswith("Line 1: A person does this step: it takes up what was typed before it")

    @pytest.mark.parametrize("command", ["echo 'no !!'", "! grep a b", "[ ! -e a ]", "echo $!", "echo 'a!'"])
    def test_other_marks_are_none(self, command: str) -> None:
        draft = read_outline(f"- a: `{command}`\n", has_model=False)
        assert [task.action.type for task in draft.tasks()] == ["shell"]
