"""Small runbooks and checklists as teams write them: what runs of each, and what a person does."""

from __future__ import annotations

import pytest

from app.domain.plan import RunSettings, digest_of
from app.planning.outline.reader import read_outline, read_with_parameters
from app.planning.render import to_markdown

DOCUMENTS = {
    "a command as another user, between others": (
        (
            "# Upgrade the forum\n\n## Steps\n\nStop the workers:\n\n```bash\nsystemctl stop forum-worker\n```\n\n"
            "Run the following commands as your forum user:\n\n```bash\nbundle install\nbundle exec rake db:migrate\n```\n\n"
            "Now run the following as your root user:\n\n```bash\nsystemctl start forum-worker\n```\n"
        ),
        ["shell", "manual", "manual"],
    ),
    "a setting that looks like a command": (
        (
            "# Preview\n\n- Get the image: `docker pull app:develop`\n- In the override, set: `image: app:1`\n"
            "- Start it again: `docker compose restart app`\n"
        ),
        ["shell", "manual", "shell"],
    ),
    "a command to change before it runs": (
        (
            "# Move\n\n1. Dump\n\n   ```sh\n   pg_dump -Fc app -f app.dump\n   ```\n\n## Load\n\n"
            "Then import it (replace 4 with the number of processors):\n\n```sh\npg_restore -j4 -d app app.dump\n```\n"
        ),
        ["shell", "shell released"],
    ),
    "the same in an item": (
        "1. Tag it, replacing 2.4 with the new version: `git tag v2.4`\n2. Push it: `git push origin main`\n",
        ["shell released", "shell"],
    ),
    "a session that a wrapper opens": (
        (
            "# Look at the data\n\n1. Start the pod: `aws-vault exec admin -- kubectl apply -f jump.yaml`\n"
            "2. Go into it: `aws-vault exec admin -- kubectl exec -it jump -- bash`\n3. Look: `ls x`\n4. Leave: `exit`\n"
            "5. Remove it: `aws-vault exec admin -- kubectl delete -f jump.yaml`\n"
        ),
        ["shell", "manual", "manual", "manual", "shell"],
    ),
    "numbered headings with and without commands": (
        (
            "# Rotate the certificate\n\n## Step 1: Tell the team\n\nWrite to the channel.\n\n## Step 2: Make a new one\n\n"
            "```sh\nmake certificate\n```\n\n## Step 3: Look at the dashboard\n\nNothing is red.\n"
        ),
        ["manual", "shell", "manual"],
    ),
    "numbered headings below a phase": (
        (
            "# Fail over\n\n## Before\n\n- [ ] Everybody agrees\n\n## Do it\n\n### 1. Freeze writes\n\nIn the console.\n\n"
            "### 2. Promote\n\n- Promote: `make promote`\n\n## Rollback\n\n### 1. Go back\n\n- Promote: `make old`\n"
        ),
        ["manual", "manual", "shell", "shell"],
    ),
    "an optional command in the middle": (
        "# Tidy\n\n1. Vacuum: `make vacuum`\n2. Reindex: `make reindex` (optional)\n3. Statistics: `make statistics`\n",
        ["shell", "shell released", "shell"],
    ),
    "root, by a lead-in and by the command": (
        "# Patch\n\nAs root, run:\n\n```sh\napt-get update\n```\n\nThen look at it:\n\n```sh\nsudo systemctl status app\n```\n",
        ["manual", "shell"],
    ),
    "a switch to another user in a numbered step": (
        (
            "# Restore\n\n1. Get the backup: `make fetch`\n2. Switch to the postgres user and load it\n\n   ```sh\n"
            "   pg_restore -d app app.dump\n   ```\n3. Check the rows: `make count`\n"
        ),
        ["shell", "manual", "shell"],
    ),
    "an adapted command for another machine": (
        (
            "# Move\n\n## Copy\n\nCopy the data (adjust the folder as needed). On your old machine, as the root user, run:\n\n"
            "```sh\nmake copy\n```\n\nLook at it here:\n\n```sh\nls x\n```\n"
        ),
        ["manual", "shell"],
    ),
    "chapters that only explain": (
        (
            "# Guide\n\n## 1. Overview\n\nWords.\n\n## 2. Prerequisites\n\nAn account.\n\n"
            "## 3. Install\n\n```sh\nmake install\n```\n\n## 4. Troubleshooting\n\nAsk.\n"
        ),
        ["shell"],
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_only_what_its_author_means_to_run_here_runs(name: str) -> None:
    text, expected = DOCUMENTS[name]
    draft = read_outline(text, has_model=False)
    found = [task.action.type + (" released" if task.requires_approval else "") for task in draft.tasks()]
    assert found == expected
    again = read_outline(to_markdown(draft, "X"), has_model=False)
    assert digest_of(again, RunSettings()) == digest_of(draft, RunSettings())


def test_brackets_around_a_name_are_a_placeholder() -> None:
    draft = read_with_parameters("1. Dump: `pg_dump --host [rds-hostname] [database-name]`\n", has_model=False)
    assert draft is not None
    assert list(draft.parameters) == ["rds_hostname", "database_name"]
    assert not read_outline("1. Look: `ls log.[0-9] [a-z]*` \n", has_model=False).parameters


@pytest.mark.parametrize(
    "words", ["Replace the old binary", "Replace a with b", "Change the owner (of the files)", "Make sure to save it"]
)
def test_a_step_that_changes_something_simply_runs(words: str) -> None:
    draft = read_outline(f"1. {words}: `make x`\n", has_model=False)
    assert [(task.action.type, task.requires_approval) for task in draft.tasks()] == [("shell", False)]
