"""Takes a project through its life with the client that openapi-python-client generates. Argument: the server's address.

`test_generated_clients` runs it where the generated package `signoff_client` can be imported, and checks its types.
"""

from __future__ import annotations

import io
import sys
import time
from typing import TypeVar

import httpx
from signoff_client import Client
from signoff_client.api.files import download_project, get_file, list_output_files, upload_file
from signoff_client.api.plans import approve_project, generate_plan, get_plan, preview_outline
from signoff_client.api.projects import create_project, delete_project, get_project, update_project
from signoff_client.api.tasks import list_tasks, update_task
from signoff_client.models import (
    Approve,
    CreateProject,
    DeleteAnswer,
    ErrorBody,
    FileList,
    OutlinePreview,
    Plan,
    PreviewOutline,
    Project,
    ProjectStatus,
    Stage,
    StatusAnswer,
    Strategy,
    Task,
    TaskList,
    TaskStatus,
    UpdateProject,
    UpdateTask,
    Uploaded,
    UploadFileBody,
)
from signoff_client.types import File

OUTLINE = "# Copy\n\n- Copy: `cp in.txt out.txt; echo size=5 >> $SIGNOFF_OUTPUT` {#copy retries=2 files=out.txt}\n"
SECONDS = 60
Answer = TypeVar("Answer")


def expect(kind: type[Answer], answer: object) -> Answer:
    assert isinstance(answer, kind), answer
    return answer


def main(url: str) -> None:
    with Client(base_url=url, raise_on_unexpected_status=True, timeout=httpx.Timeout(90)) as client:
        preview = expect(OutlinePreview, preview_outline.sync(client=client, body=PreviewOutline(description=OUTLINE)))
        assert preview.valid
        assert [task.key for phase in preview.phases for task in phase.tasks] == ["copy"]

        body = CreateProject(name="Copy", description=OUTLINE, strategy=Strategy.ECONOMY)
        project = expect(Project, create_project.sync(client=client, body=body))
        upload = UploadFileBody(file=File(io.BytesIO(b"hello"), "in.txt", "text/plain"))
        uploaded = expect(Uploaded, upload_file.sync(project.id, client=client, body=upload))
        assert (uploaded.path, uploaded.size) == ("in.txt", 5)

        plan = expect(Plan, generate_plan.sync(project.id, client=client, prefer="wait=60"))
        assert expect(Plan, get_plan.sync(project.id, client=client)).digest == plan.digest
        changed = change_one_field_of_each(client, project)
        assert changed.digest != plan.digest

        outdated = approve_project.sync(project.id, client=client, body=Approve(plan_digest=plan.digest))
        assert expect(ErrorBody, outdated).code == "plan_superseded"
        approval = approve_project.sync(project.id, client=client, body=Approve(plan_digest=changed.digest))
        expect(StatusAnswer, approval)
        finish(client, project.id)

        tasks = expect(TaskList, list_tasks.sync(project.id, client=client)).tasks
        assert [(task.key, task.status) for task in tasks] == [("copy", TaskStatus.COMPLETED)]
        assert tasks[0].outputs["size"] == "5"
        files = expect(FileList, list_output_files.sync(project.id, client=client)).files
        assert {file.path for file in files} >= {"in.txt", "out.txt"}
        assert get_file.sync(project.id, client=client, path="out.txt") == b"hello"
        assert get_file.sync(project.id, client=client, path="out.txt", range_="bytes=1-3") == b"ell"
        assert expect(bytes, download_project.sync(project.id, client=client)).startswith(b"PK")

        assert expect(DeleteAnswer, delete_project.sync(project.id, client=client)).deleted
        assert expect(ErrorBody, get_project.sync(project.id, client=client)).code == "project_deleted"


def change_one_field_of_each(client: Client, project: Project) -> Plan:
    """Change one field of the project and of its task, check that the others stay, and return the plan."""
    answer = update_project.sync(project.id, client=client, body=UpdateProject(name="Copy again"))
    renamed = expect(Project, answer)
    assert (renamed.name, renamed.description, renamed.strategy) == ("Copy again", OUTLINE, Strategy.ECONOMY)
    before = expect(TaskList, list_tasks.sync(project.id, client=client)).tasks[0]
    after = expect(Task, update_task.sync(project.id, "copy", client=client, body=UpdateTask(title="Duplicate")))
    assert (after.title, after.action.to_dict()) == ("Duplicate", before.action.to_dict())
    assert (after.retries, after.expected_files) == (before.retries, before.expected_files) == (2, ["out.txt"])
    return expect(Plan, get_plan.sync(project.id, client=client))


def finish(client: Client, project_id: str) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        project = expect(Project, get_project.sync(project_id, client=client))
        if project.stage is Stage.FINISHED:
            break
        assert time.monotonic() < deadline, project
        time.sleep(0.2)  # why: the step of a wait that has a condition and a deadline
    assert project.status is ProjectStatus.COMPLETED, project.failure


if __name__ == "__main__":
    main(sys.argv[1])
