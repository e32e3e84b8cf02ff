"""A run leaves nothing of a secret that its tasks print, encode and send: not in answers, events or the zip."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from tests.conftest import running_stack
from tests.recording_server import recording

TOKEN = "p w&s/q+é=x7"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nAgEAAoIBAQDHx1v2nn8b9vYc5cV7Q4yR\n-----END KEY-----"
KEY = "the-key-of-the-server-0123456789abcdef"
PLAN = """\
- Print {{#print}}

  ```inputs
  T: ${{{{ secrets.TOKEN }}}}
  P: ${{{{ secrets.PEM }}}}
  ```

  ```bash
  printf '%s' "$INPUT_P" | sed 's/^/> /'
  printf '%s' "$INPUT_T" | base64
  printf '%s' "$INPUT_T" | od -An -tx1
  printf '%q\\n' "$INPUT_T"
  echo {key}
  printf 'joined=%s\\n' "$(printf '%s' "$INPUT_P" | tr '\\n' ' ')" >> "$SIGNOFF_OUTPUT"
  echo "not an output: $INPUT_T" > rest
  ```
- Ask {{#ask}}

  ```http
  GET http://{address}/echo?t=${{{{ secrets.TOKEN }}}}
  ```
- Fail {{#fail}}

  ```http expect=404
  GET http://{address}/${{{{ secrets.TOKEN }}}}
  ```
- Break {{#break}}

  ```inputs
  P: ${{{{ secrets.PEM }}}}
  ```

  ```sh
  echo "$INPUT_P" >> "$SIGNOFF_OUTPUT"
  ```
"""
FORMS = [
    TOKEN,
    quote(TOKEN),
    quote(TOKEN, safe=""),
    quote(TOKEN, safe="&/+="),
    json.dumps(TOKEN)[1:-1],
    TOKEN.encode().hex(" "),
    base64.b64encode(TOKEN.encode()).decode()[:20],
    "p\\ w\\&s",
    KEY,
    *PEM.split("\n")[1:3],
    PEM.split("\n")[1][:10],
]


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_SECRET_TOKEN", TOKEN)
    monkeypatch.setenv("SIGNOFF_SECRET_PEM", PEM)


async def test_no_form_of_a_secret_is_kept(temporal_server: WorkflowEnvironment, tmp_path: Path, secrets: None) -> None:
    with recording() as recorder:
        async with running_stack(
            temporal_server, tmp_path, http_allow=["127.0.0.1"], model_api_key=SecretStr(KEY)
        ) as stack:
            project_id = await stack.started(PLAN.format(address=recorder.address, key=KEY))
            project = await stack.finished(project_id)
            assert {task["key"]: task["status"] for task in project["tasks"]} == {
                "print": "completed",
                "ask": "completed",
                "fail": "failed",
                "break": "failed",
            }
            outputs = {task["key"]: task["outputs"] for task in project["tasks"]}
            assert outputs["print"]["joined"] == "*** *** *** ***"
            assert outputs["ask"]["url"] == f"http://{recorder.address}/echo?t=***"
            archive = await stack.http.get(f"/api/projects/{project_id}/download")
            assert archive.status_code == 200
            kept = [
                json.dumps(project, ensure_ascii=False),
                json.dumps(await stack.events(project_id), ensure_ascii=False),
            ]
            logs = list(Path(project["workspace"]).glob(".signoff/attempts/*/*/log"))
            assert len(logs) >= 4
            kept += [log.read_text(errors="replace") for log in logs]
            with zipfile.ZipFile(io.BytesIO(archive.content)) as files:
                names = [name for name in files.namelist() if not name.endswith("rest")]
                assert any(name.endswith("tasks.json") for name in names)
                kept += [files.read(name).decode(errors="replace") for name in names]
    # The plan itself contains the key that this test printed with `echo`.
    shown = "\n".join(kept).replace(f"echo {KEY}", "")
    for form in FORMS:
        assert form not in shown
