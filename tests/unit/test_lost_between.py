"""What one step sets and a later one needs, although it is gone by then, is pointed out before anybody signs."""

from __future__ import annotations

import pytest

from app.planning.outline.reader import read_outline


def warnings(first: str, second: str, *, attributes: str = "") -> list[str]:
    before = f"1. Get ready\n\n   ```bash\n{_indented(first)}\n   ```\n"
    after = f"2. Act{attributes}\n\n   ```bash\n{_indented(second)}\n   ```\n"
    return read_outline(before + after, has_model=False).warnings


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ('deploy() { echo "$1"; }', "deploy now", "The function 'deploy'"),
        ("function deploy {\n  echo a\n}\ndeploy x", "deploy now && date", "The function 'deploy'"),
        ("alias k=kubectl\nk get pods", "k get nodes", "The alias 'k'"),
        ("source venv/bin/activate\npip list", "pip install x", "The environment"),
        (". ~/env/bin/activate && pip list", "python3 x.py", "The environment"),
        ("conda activate x\npip list", "pytest", "The environment"),
        ("nvm use 20\nnpm ci", "npm test", "The version"),
        ("export KUBECONFIG=prod\nkubectl get pods", "kubectl delete pod x", "$KUBECONFIG"),
        ("export AWS_PROFILE=prod; aws s3 ls", "aws s3 rm s3://x", "$AWS_PROFILE"),
        ("cd app\nmake build", "./run.sh", "The folder of 'cd'"),
        ("cd app && make build", "python3 manage.py migrate", "The folder of 'cd'"),
        ("cd /srv/app\ngit pull", "date\n./build.sh", "The folder of 'cd'"),
    ],
)
def test_it_is_pointed_out_where_it_is_set(first: str, second: str, what: str) -> None:
    found = [warning for warning in warnings(first, second) if "is gone when this step ends, but line " in warning]
    assert len(found) == 1
    needed = 9 + first.count("\n") + second.count("\n")
    assert found[0].startswith(f"Line 4: {what} ")
    assert f"but line {needed} " in found[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("deploy() { echo a; }\ndeploy", "deploy() { echo b; }\ndeploy"),
        ("deploy() { echo a; }\ndeploy", ". ./functions.sh\ndeploy"),
        ("deploy() { echo a; }\ndeploy", "echo deploy"),
        ("source venv/bin/activate\npip list", "source venv/bin/activate\npip list"),
        ("source venv/bin/activate\npip list", "venv/bin/pip list"),
        ("export KUBECONFIG=a\nkubectl get pods", "export KUBECONFIG=b\nkubectl get pods"),
        ("cd app\nmake\ncd ..", "./x"),
        ("cd app\nmake\ncd -", "./x"),
        ("pushd app\nmake\npopd", "./x"),
        ("( cd app && make )", "./x"),
        ("(cd app; make)", "./x"),
        ("cd app\nmake", "cd app\n./x"),
        ("cd app\nmake", "make"),
        ("cd app\nmake", "systemctl restart app"),
        ("cd app\nmake", "cat /etc/app.conf"),
    ],
)
def test_what_a_later_step_does_not_need_is_not(first: str, second: str) -> None:
    assert not [warning for warning in warnings(first, second) if "gone when this step ends, but" in warning]


def test_a_step_that_says_its_folder_does_not_need_that_of_another() -> None:
    assert not [text for text in warnings("cd app\nmake", "./run.sh", attributes=" {cwd=app}") if "folder" in text]


def test_the_last_line_of_a_step_is_pointed_out_once() -> None:
    found = [text for text in warnings("make\ncd app", "./run.sh") if "gone when this step ends" in text]
    assert len(found) == 1


def test_one_line_is_told_of_once() -> None:
    text = "".join(f"{number}. Step: `pip install x`\n" for number in range(2, 6))
    found = read_outline("1. Ready: `. venv/bin/activate; pip list`\n" + text, has_model=False).warnings
    assert [warning.partition(":")[0] for warning in found] == ["Line 1"]


@pytest.mark.parametrize(
    "action", ['{"type": "shell", "argv": 5}', '{"type": "shell", "argv": []}', '{"type": "shell", "command": [1]}']
)
def test_an_action_of_another_form_is_no_script(action: str) -> None:
    assert read_outline(f"- a\n\n  ```action\n  {action}\n  ```\n", has_model=False).tasks()
