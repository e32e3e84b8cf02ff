"""Runs the examples of the guide and writes them down, with their answers shortened."""

from __future__ import annotations

import getpass
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx

SHOWN_URL = "http://127.0.0.1:8400"
_ID = re.compile(r"\b(proj|phase|task|dec|run|req|person|key|cmt|link|passkey|filter)_[0-9a-z]{26}\b")
_TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# The text of a key of a program, or its beginning.
_KEY_TEXT = re.compile(r"\bsignoff_[0-9a-f]{12}(_[\w-]{43})?")
_MAX_TEXT, _MAX_ITEMS = 160, 2
# Of a task or a phase inside another object, only these fields are shown.
_OF_A_TASK = ("id", "key", "title", "status", "outputs")
_OF_A_PHASE = ("id", "key", "name", "status", "tasks")


class Guide:
    """The text of the guide so far, and the server that the examples run on."""

    def __init__(self, url: str, workspaces: str) -> None:
        self._url = url
        self._workspaces = workspaces
        self._http = httpx.Client(base_url=url, timeout=90)
        self._ids: dict[str, str] = {}
        self._parts: list[str] = []
        self.operations: set[str] = set()

    def write(self, text: str) -> None:
        """Append prose."""
        self._parts.append(text.strip())

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        show: bool = True,
        lines: int = 12,
        about: str = "",
    ) -> Any:
        """Call an endpoint with curl and append the example; returns the answer, decoded if it is JSON."""
        command = ["curl", "-s"] + (["-X", method] if method not in {"GET", "POST"} or body is None else [])
        command = [part for part in command if (part != "GET")]
        command = ["curl", "-s"] if method == "GET" else command
        command.append(f"{self._url}{path}")
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}: {value}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
        command += arguments
        run = subprocess.run([*command, "-w", "\n%{http_code} %{content_type}"], capture_output=True, check=False)
        # curl's own time limit ends a stream that continues; that is exit code 28.
        if run.returncode not in {0, 28}:
            raise SystemExit(f"{operation}: curl exited with {run.returncode}")
        raw = run.stdout
        answer, _, trailer = raw.rpartition(b"\n")
        found, _, content_type = trailer.decode().partition(" ")
        if int(found) != status:
            raise SystemExit(f"{operation}: {found} instead of {status}: {answer[:2000]!r}")
        self.operations.add(operation)
        value = json.loads(answer) if content_type.startswith("application/json") else answer
        if show:
            self._parts.append(f"### `{method} {re.sub(r'[?].*', '', self._plain(self._template(path)))}`")
            if about:
                self._parts.append(about.strip())
            self._parts.append(f"```sh\n$ {self._plain(_line(command))}\n```")
            self._parts.append(self._answer(int(found), content_type, value, lines))
        return value

    def get(self, path: str) -> Any:
        """The answer to a GET that is not part of the guide."""
        return self._http.get(path).json()

    def until(self, path: str, condition: Callable[[Any], Any], what: str) -> Any:
        """Wait until the answer of `path` fulfills a condition; returns that answer."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            value = self.get(path)
            if condition(value):
                return value
            time.sleep(0.05)
        raise SystemExit(f"This did not happen within 30 s: {what}")

    def text(self) -> str:
        """The whole guide as Markdown."""
        return "\n\n".join(self._parts) + "\n"

    def _template(self, path: str) -> str:
        """The path with placeholders for its ids, as in the OpenAPI document."""
        path = re.sub(r"proj_[0-9a-z]{26}", "{id}", path)
        path = re.sub(r"sess_[0-9a-z]{26}", "{session_id}", path)
        path = re.sub(r"dec_[0-9a-z]{26}", "{decision_id}", path)
        path = re.sub(r"person_[0-9a-z]{26}", "{person_id}", path)
        path = re.sub(r"passkey_[0-9a-z]{26}", "{passkey_id}", path)
        path = re.sub(r"key_[0-9a-z]{26}", "{key_id}", path)
        path = re.sub(r"link_[0-9a-z]{26}", "{link_id}", path)
        path = re.sub(r"filter_[0-9a-z]{26}", "{filter_id}", path)
        path = re.sub(r"msg_[0-9a-z]{26}", "{notification_id}", path)
        return re.sub(r"/tasks/[a-z0-9_]+", "/tasks/{task_id}", path)

    def _answer(self, status: int, content_type: str, value: Any, lines: int) -> str:
        if isinstance(value, bytes):
            if b"\0" in value[:4096] or content_type.startswith(("application/zip", "application/vnd.dsse")):
                return f"```text\n{status} {content_type}, {len(value)} bytes\n```"
            shown = self._plain(value.decode("utf-8", "replace")).rstrip("\n").split("\n")
            more = [f"… ({len(shown) - lines} more lines)"] if len(shown) > lines else []
            cut = [line if len(line) <= 200 else line[:200] + "…" for line in shown[:lines]]
            # Markdown inside Markdown needs a longer fence.
            fence = "````" if any(line.lstrip().startswith("```") for line in cut) else "```"
            return "\n".join([f"{fence}text", f"{status} {content_type}".strip(), "", *cut, *more, fence])
        text = json.dumps(shortened(value), indent=2, ensure_ascii=False)
        return f"```json\n{status}\n{self._plain(text)}\n```"

    def _plain(self, text: str) -> str:
        """The text without ids, times and paths of this machine."""
        text = text.replace(self._workspaces, "/var/lib/signoff/workspaces").replace(self._url, SHOWN_URL)
        text = re.sub(r"@/\S+/", "@", text)
        text = re.sub(r"http://127\.0\.0\.1:\d+/namespaces", "http://127.0.0.1:8233/namespaces", text)
        # Whoever runs the examples is recorded by name.
        text = re.sub(rf'"(\w+)": "{re.escape(getpass.getuser())}"', r'"\1": "you"', text)
        text = _KEY_TEXT.sub(lambda match: "signoff_0123456789ab" + ("_…" if match[1] else ""), text)
        text = _TIME.sub("2026-11-24T09:30:00.000Z", text)
        return _ID.sub(lambda match: self._ids.setdefault(match[0], _numbered(match[1], len(self._ids))), text)


def shortened(value: Any, depth: int = 0) -> Any:
    """A JSON value as examples show it: long lists and texts are cut, and nested tasks and phases are reduced."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT] + "…"
    if isinstance(value, list):
        items = [shortened(item, depth + 1) for item in value[:_MAX_ITEMS]]
        return items + ([f"… {len(value) - _MAX_ITEMS} more"] if len(value) > _MAX_ITEMS else [])
    if isinstance(value, dict):
        chosen = value
        if depth >= 2 and {"id", "key", "title", "action"} <= value.keys():
            chosen = {name: value[name] for name in _OF_A_TASK} | {"…": "…"}
        elif depth >= 2 and {"id", "key", "name", "strategy"} <= value.keys():
            chosen = {name: value[name] for name in _OF_A_PHASE if name in value} | {"…": "…"}
        return {name: shortened(item, depth + 1) for name, item in chosen.items()}
    return value


def _numbered(prefix: str, number: int) -> str:
    return f"{prefix}_01k{number:023d}"


def _line(command: list[str]) -> str:
    return " ".join(
        part if re.fullmatch(r"[A-Za-z0-9_./:@%?=&{}-]+", part) and "?" not in part else shlex.quote(part)
        for part in command
    )
