"""References in requests, seen from the server: what it takes out of the bytes is the value, and nothing is added."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from activities.actions.attempt_log import AttemptLog
from activities.actions.http import Http, HttpFields
from app.domain.actions import TaskContext
from app.domain.references import Reference, ReferenceMisplaced, as_text
from tests.recording_server import RawRequest, Recorder, recording

X = "${{ tasks.t.outputs.x }}"
Y = "${{ tasks.t.outputs.y }}"
HOSTILE = [
    "7#",
    "7?admin=true#",
    "../admin",
    "..",
    ".",
    "..\\admin",
    "a b/c&d=e",
    "50% off",
    "%2f..%2f",
    "a;b",
    "a+b",
    "é/ü",
    "\\",
    'line 1\nsaid "ok"',
    'x", "admin": true, "y": "',
    "\r\nX-Admin: true\r\n\r\nGET /evil HTTP/1.1\r\n",
    "@evil.example/",
    ":80",
    "evil.example#",
    "a\tb",
    "${{ secrets.KEY }}",
    "\x7f\x01",
    "</data>",
    "null",
    "true",
    "7",
    "1e5",
    "-",
    "",
]
TEXTS = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
)
SCALARS = (
    TEXTS | st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
often = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def sent(workspace: Path, server: Recorder, fields: dict[str, Any], **values: Any) -> RawRequest:
    """What arrives when a task with these fields runs, its references having these values."""

    def look_up(reference: Reference) -> Any:
        return values[reference.output or reference.name]

    whole = {"method": "POST"} | fields
    assert list(Http.misplaced(whole)) == []
    log = AttemptLog(workspace, "task-1", 1)
    context = TaskContext(
        project_id="project-1",
        project_name="Project",
        task_id="task-1",
        key="the_task",
        attempt=1,
        workspace=workspace,
        fields=HttpFields.model_validate(Http.fill_fields(whole, look_up)),
        inputs={},
        log=log,
        timeout_seconds=20,
        http_allow=["127.0.0.1"],
    )
    try:
        asyncio.run(Http().run(context))
    finally:
        log.close()
    return server.only()


@often
@given(VALUES)
@example("7")
@example("7#")
@example("7?admin=true#")
@example("a b/c&d=e")
@example("50% off")
@example("%2e%2e%2fadmin")
@example("../admin")
@example("..")
@example("..\\admin")
def test_a_value_in_the_path_is_one_segment(workspace: Path, server: Recorder, value: Any) -> None:
    fields = {"url": f"http://{server.address}/users/{X}/comments?limit=1"}
    text = as_text(value)
    if not text or {".", ".."} & set(re.split(r"[/\\]", text)):
        with pytest.raises(ReferenceMisplaced):
            sent(workspace, server, fields, x=value)
        return
    target = urlsplit(sent(workspace, server, fields, x=value).target)
    assert target.query == "limit=1"
    empty, users, segment, comments = target.path.split("/")
    assert (empty, users, comments) == ("", "users", "comments")
    assert unquote(segment) == text


@often
@given(VALUES, VALUES)
def test_a_value_in_the_query_is_one_parameter(workspace: Path, server: Recorder, x: Any, y: Any) -> None:
    request = sent(workspace, server, {"url": f"http://{server.address}/search?q={X}&of=a-{Y}&limit=1"}, x=x, y=y)
    path, _, query = request.target.partition("?")
    assert path == "/search"
    expected = [("q", as_text(x)), ("of", f"a-{as_text(y)}"), ("limit", "1")]
    assert parse_qsl(query, keep_blank_values=True) == expected


@often
@given(VALUES, VALUES)
@example('line 1\nsaid "ok"', 'x", "admin": true, "y": "')
def test_a_value_in_json_is_a_text_within_quotes_and_a_value_outside(
    workspace: Path, server: Recorder, x: Any, y: Any
) -> None:
    body = f'{{"text": "say: {X}!", "obj": {Y}, "list": [1, {Y}], "admin": false}}'
    fields = {"url": f"http://{server.address}/", "body": body, "headers": {"Content-Type": "application/json"}}
    for without_header in (False, True):
        if without_header:
            fields.pop("headers")
        pairs = json.loads(sent(workspace, server, fields, x=x, y=y).body, object_pairs_hook=list)
        assert [name for name, _ in pairs] == ["text", "obj", "list", "admin"]
        seen = json.loads(sent(workspace, server, fields, x=x, y=y).body)
        assert seen["text"] == f"say: {as_text(x)}!"
        assert seen["admin"] is False
        if isinstance(y, str) and is_scalar_literal(y):
            assert seen["obj"] == seen["list"][1] == json.loads(y)
        else:
            assert seen["obj"] == seen["list"][1] == y


def is_scalar_literal(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    number = isinstance(value, int | float) and math.isfinite(value)
    return text.strip() == text and not isinstance(value, str) and (value is None or number)


@often
@given(VALUES, VALUES)
def test_a_value_in_a_form_is_one_field(workspace: Path, server: Recorder, x: Any, y: Any) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    fields = {"url": f"http://{server.address}/", "body": f"name={X}&role=user&note=({Y})", "headers": headers}
    body = sent(workspace, server, fields, x=x, y=y).body.decode("ascii")
    assert parse_qsl(body, keep_blank_values=True) == [
        ("name", as_text(x)),
        ("role", "user"),
        ("note", f"({as_text(y)})"),
    ]


@often
@given(VALUES)
def test_a_value_in_lines_of_json_adds_no_line(workspace: Path, server: Recorder, value: Any) -> None:
    headers = {"content-type": "application/x-ndjson"}
    fields = {"url": f"http://{server.address}/", "body": f'{{"a": "{X}"}}\n{{"b": 1}}\n', "headers": headers}
    lines = sent(workspace, server, fields, x=value).body.split(b"\n")
    assert [json.loads(line) for line in lines if line] == [{"a": as_text(value)}, {"b": 1}]


@often
@given(VALUES)
def test_a_value_in_a_header_adds_no_header(workspace: Path, server: Recorder, value: Any) -> None:
    fields = {"url": f"http://{server.address}/", "headers": {"X-One": f"a {X} b", "X-Two": f'name="{X}"'}}
    text = as_text(value)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        with pytest.raises(ReferenceMisplaced, match="line break"):
            sent(workspace, server, fields, x=value)
        return
    request = sent(workspace, server, fields, x=value)
    own = {"host", "accept", "accept-encoding", "user-agent", "content-length", "signoff-task"}
    assert [name for name, _ in request.headers if name not in own] == ["x-one", "x-two"]
    headers = dict(request.headers)
    assert headers["x-one"] == f"a {text} b"
    assert re.sub(r"\\(.)", r"\1", headers["x-two"].removeprefix('name="').removesuffix('"')) == text
    assert len(re.findall(r'(?<!\\)(?:\\\\)*"', headers["x-two"])) == 2


@often
@given(TEXTS)
def test_a_value_in_the_host_is_a_host_and_nothing_else(workspace: Path, server: Recorder, value: str) -> None:
    port = server.address.rpartition(":")[2]
    for url in (f"http://{X}:{port}/fixed?a=1", f"http://a{X}.example.test/fixed"):
        try:
            filled: str = Http.fill_fields({"url": url}, lambda _: value)["url"]
        except ReferenceMisplaced:
            continue
        parts = urlsplit(filled)
        assert (parts.path, parts.username, parts.password) == ("/fixed", None, None)
        assert parts.netloc.removesuffix(f":{port}").strip("[]") in {value, f"a{value}.example.test"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_host_and_a_port_may_come_from_values(workspace: Path, server: Recorder, host: str) -> None:
    port = int(server.address.rpartition(":")[2])
    fields = {"url": f"http://{X}:{Y}/a"}
    # What allows this is the setting, here 127.0.0.1 alone.
    request = sent(workspace, server, fields, x=host, y=port)
    assert request.target == "/a"
    assert dict(request.headers)["host"] == f"{host}:{port}"


@pytest.mark.parametrize(
    "value",
    [
        "evil.example/",
        "user@evil.example",
        "evil.example:80",
        "evil.example#",
        "evil.example?x",
        "a..b",
        "",
        ".",
        "a b",
        "[::1",
        "evil.example\\",
        "::1]",
        "℀.example",
        "a%2eb",
        7,
        None,
        ["a"],
        "a" * 64,
        "evil。example",
        "a\nb",
    ],
)
def test_what_is_no_host_is_refused(value: Any) -> None:
    with pytest.raises(ReferenceMisplaced, match="not a host name"):
        Http.fill_fields({"url": f"http://{X}/"}, lambda _: value)


@pytest.mark.parametrize("value", ["0", "65536", "80/", "80@x", "", "8 0", -1, 1.5, None, "٣"])
def test_what_is_no_port_is_refused(value: Any) -> None:
    with pytest.raises(ReferenceMisplaced, match="not a port"):
        Http.fill_fields({"url": f"http://example.test:{X}/"}, lambda _: value)


@pytest.mark.parametrize("value", ["evil.", ".evil", "evil.example/", "a:b", "", "a@b", "é"])
def test_a_part_of_a_host_stays_one_label(value: str) -> None:
    with pytest.raises(ReferenceMisplaced, match="part of a host name"):
        Http.fill_fields({"url": f"http://a{X}.example.test/"}, lambda _: value)


def test_a_whole_address_and_the_beginning_of_one_stay_as_they_are(workspace: Path, server: Recorder) -> None:
    address = f"http://{server.address}/a%2Fb/c?d=e%20f&g"
    assert sent(workspace, server, {"url": X}, x=address).target == "/a%2Fb/c?d=e%20f&g"
    fields = {"url": f"{X}/users/{Y}?z={Y}"}
    for base in (f"http://{server.address}/api", f"http://{server.address}/api/"):
        assert sent(workspace, server, fields, x=base, y="a/b").target == "/api/users/a%2Fb?z=a%2Fb"


@pytest.mark.parametrize(
    "value", ["http://h/?a=", "http://h/#", "http://u@h", "ftp://h", "h", "", 7, "http://h\\@x", "//h"]
)
def test_the_beginning_of_an_address_must_be_one(value: Any) -> None:
    with pytest.raises(ReferenceMisplaced, match="not the start of a URL"):
        Http.fill_fields({"url": f"{X}/users"}, lambda _: value)


@pytest.mark.parametrize("value", ['{"a": 1}', {"a": [1, None]}, "any text", [1], 7, True])
def test_a_whole_body_stays_as_it_is(workspace: Path, server: Recorder, value: Any) -> None:
    body = sent(workspace, server, {"url": f"http://{server.address}/", "body": X}, x=value).body
    assert body.decode() == value if isinstance(value, str) else json.loads(body) == value


@often
@given(VALUES)
def test_a_body_that_is_an_object_keeps_its_values(workspace: Path, server: Recorder, value: Any) -> None:
    body = {"a": X, "b": [f"<{X}>"]}
    seen = json.loads(sent(workspace, server, {"url": f"http://{server.address}/", "body": body}, x=value).body)
    assert seen == {"a": value, "b": [f"<{as_text(value)}>"]}


@often
@given(VALUES)
def test_a_body_in_another_form_gets_the_value_as_text(workspace: Path, server: Recorder, value: Any) -> None:
    headers = {"content-type": "text/plain"}
    fields = {"url": f"http://{server.address}/", "body": f'{{"a": "{X}"}}', "headers": headers}
    assert sent(workspace, server, fields, x=value).body.decode() == f'{{"a": "{as_text(value)}"}}'


@pytest.mark.parametrize("value", ["a; admin=1", "a b", 'a"', "a,b", "é", "a\\", "a\n"])
def test_a_value_in_a_cookie_adds_no_cookie(value: str) -> None:
    with pytest.raises(ReferenceMisplaced, match="cookie"):
        Http.fill_fields({"url": "http://h/", "headers": {"Cookie": f"id={X}; role=user"}}, lambda _: value)


@pytest.mark.parametrize("value", ["a/b", "..", ".", "", "a\\b"])
def test_a_value_in_the_name_of_a_file_stays_in_its_folder(value: str) -> None:
    with pytest.raises(ReferenceMisplaced, match="in a file name"):
        Http.fill_fields({"url": "http://h/", "save_to": f"out/{X}"}, lambda _: value)
    assert Http.fill_fields({"url": "http://h/", "save_to": f"out/{X}.json"}, lambda _: "a")["save_to"] == "out/a.json"


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"url": f"{X}.example.test/"}, "must follow it"),
        ({"url": f"{X}://example.test/"}, "must follow it"),
        ({"url": f"http{X}://example.test/"}, "must start with http:// or https://"),
        ({"url": f"http://{X}@example.test/"}, "user name or password"),
        ({"url": f"http://user:{X}@example.test/"}, "user name or password"),
        ({"url": f"http://example.test:80{X}/"}, "whole port"),
        ({"url": f"http://[{X}]/"}, "without brackets"),
        ({"url": f"http://example.test:99999/{X}"}, "port"),
        ({"url": f"http://example.test/?{X}"}, "value of a parameter"),
        ({"url": f"http://example.test/?a=1&{X}=2"}, "value of a parameter"),
        ({"url": f"http://example.test/%{X}"}, "percent escape"),
        ({"body": f'{{"a": "{X}",}}'}, "not valid JSON"),
        ({"body": f'{{"a": 1{X}}}'}, "not valid JSON"),
        ({"body": f'{{"a": "\\{X}"}}'}, "not valid JSON"),
        ({"body": f'{{"a": "\\u00{X}"}}'}, "not valid JSON"),
        ({"body": f"{{{X}: 1}}"}, "not valid JSON"),
        ({"body": f'{{"{X}": 1}}'}, "write the name in the plan"),
        ({"body": f"a={X}", "headers": {"content-type": "application/json"}}, "not valid JSON"),
        ({"body": f"{X}=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, "value of a field"),
        ({"body": f"a=%2{X}", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, "percent escape"),
        ({"body": f"a {X}", "headers": {"content-type": "multipart/form-data; boundary=b"}}, "multipart"),
        ({"body": f"a {X}", "headers": {"content-type": X}}, "Content-Type"),
    ],
)
def test_a_reference_that_cannot_be_made_safe_is_refused_when_planned(fields: dict[str, Any], advice: str) -> None:
    found = list(Http.misplaced({"url": "http://example.test/"} | fields))
    assert len(found) == 1
    assert advice in found[0][1]
