"""Placeholders in commands, and the parameters that take their place."""

from __future__ import annotations

import pytest

from app.domain.errors import Invalid
from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline, read_with_parameters
from app.planning.render import to_markdown


def commands(text: str) -> tuple[list[str], dict[str, str]]:
    """What runs when parameters replace the placeholders, and what they are for."""
    draft = read_with_parameters(text, has_model=False)
    assert draft is not None
    tasks = [task.action.fields() for phase in draft.phases for task in phase.tasks]
    ran = [str(fields.get("command") or fields["argv"][-1]) for fields in tasks]
    return ran, {name: parameter.description for name, parameter in draft.parameters.items()}


@pytest.mark.parametrize(
    ("text", "command", "parameters"),
    [
        ("- a: `git tag v<version>`", 'git tag v"${VERSION}"', {"version": "In place of <version>"}),
        ("- a: `git tag vX.Y.Z`", 'git tag v"${VERSION}"', {"version": "In place of vX.Y.Z"}),
        (
            "- a: `git switch YY.MM.x && git switch -c vX.Y.Z`",
            'git switch "${MAJOR_MINOR}".x && git switch -c v"${VERSION}"',
            {"version": "In place of vX.Y.Z", "major_minor": "In place of YY.MM"},
        ),
        (
            '- a: `git commit -m "0.1.XY" && git tag rust-1.XX.0 && echo <version> {VERSION}`',
            'git commit -m "${VERSION}" && git tag rust-"${VERSION_2}" && echo "${VERSION_3}" "${VERSION_3}"',
            {"version": "In place of 0.1.XY", "version_2": "In place of 1.XX.0", "version_3": "In place of <version>"},
        ),
        (
            "- a: `cp '<b>' <release branch>`",
            "cp '<b>' \"${RELEASE_BRANCH}\"",
            {"release_branch": "In place of <release branch>"},
        ),
        ('- a: `echo "to {HOST} <HOST>"`', 'echo "to ${HOST} ${HOST}"', {"host": "In place of {HOST}"}),
        ("- a: `ls <path>`", 'ls "${PATH_VALUE}"', {"path_value": "In place of <path>"}),
        (
            "- a\n  ```sh\n  cat <<END\n  <MY-NAME>\n  END\n  ```",
            "set -e\ncat <<END\n${MY_NAME}\nEND",
            {"my_name": "In place of <MY-NAME>"},
        ),
        (
            "- a\n  ```console\n\n  $ ls <one-file>\n  one\n  $ cp <one-file> \\\n      <other-file>\n  ```",
            'set -e\nls "${ONE_FILE}"\ncp "${ONE_FILE}" \\\n    "${OTHER_FILE}"',
            {"one_file": "In place of <one-file>", "other_file": "In place of <other-file>"},
        ),
    ],
)
def test_a_parameter_takes_the_place_of_a_placeholder(text: str, command: str, parameters: dict[str, str]) -> None:
    assert commands(text) == ([command], parameters)


def test_a_parameter_is_declared_even_if_the_step_could_set_it_from_a_file() -> None:
    ran, parameters = commands("- a\n  ```sh\n  . ./settings\n  deploy <target>\n  ```")
    assert ran == ['set -e\n. ./settings\ndeploy "${TARGET}"']
    assert parameters == {"target": "In place of <target>"}


def test_a_secret_is_an_input_and_the_problem_says_what_to_write() -> None:
    text = "- a: `push <token> <branch>`\n- b: `pull <branch>`\n"
    draft = read_with_parameters(text, has_model=False)
    assert draft is not None
    first, second = draft.tasks()
    assert first.action.fields()["command"] == 'push "${INPUT_TOKEN}" "${BRANCH}"'
    assert (first.inputs, second.inputs) == ({"TOKEN": "${{ secrets.TOKEN }}"}, {})
    assert list(draft.parameters) == ["branch"]
    again = read_outline(to_markdown(draft, "Plan"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())
    with pytest.raises(Invalid) as refused:
        read_outline(text, has_model=False)
    assert "Write $INPUT_TOKEN in its place, and TOKEN: ${{ secrets.TOKEN }}" in refused.value.info.details[0].message


def test_other_problems_stay_problems() -> None:
    with pytest.raises(Invalid):
        read_with_parameters("- a: `ls <path>` {after=b}", has_model=False)


def test_without_placeholders_there_is_nothing_to_replace() -> None:
    assert read_with_parameters("- a: `ls`", has_model=False) is None


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("ssh username@destination", "username@destination"),
        ("scp a user@host:/tmp", "user@host"),
        ("sleep DURATION", "DURATION"),
        ("sudo systemctl restart SERVICE_NAME", "SERVICE_NAME"),
        ("kubectl drain NODE_NAME --force", "NODE_NAME"),
        ("kubectl get pods -n NAMESPACE | wc -l", "NAMESPACE"),
        ("git checkout BRANCH_NAME && make", "BRANCH_NAME"),
    ],
)
def test_words_that_stand_for_others_are_placeholders(command: str, found: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_outline(f"- a: `{command}`", has_model=False)
    assert f"{found} is a placeholder" in raised.value.info.message
    _, parameters = commands(f"- a: `{command}`")
    assert list(parameters.values()) == [f"In place of {found}"]


@pytest.mark.parametrize(
    "command",
    [
        *("ssh root@server uptime", "git clone git@host:a/b", "ssh user@host.example uptime", "echo 'user@host'"),
        *("git config user.name a", "export NODE_NAME=a", "printenv NODE_NAME", "docker run -e PROJECT_ID app"),
        *(
            "kubectl exec a -- printenv POD_NAME",
            "NODE=a; kubectl drain $NODE",
            "curl --request POST https://a.example",
        ),
        *(
            "sqlite3 a.db 'SELECT NAME FROM USERS'",
            "kubectl get nodes -o custom-columns=NAME:.metadata.name",
            "cat VERSION",
        ),
        *("make DURATION=5 all", "kubectl get pods -l NODE=a", "git add LICENSE README"),
    ],
)
def test_other_words_in_capitals_and_other_addresses_are_not(command: str) -> None:
    (task,) = read_outline(f"- a: `{command}`", has_model=False).tasks()
    assert task.action.fields() == {"command": command}
