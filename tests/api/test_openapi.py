"""The OpenAPI document, which tools read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from litestar.routes import HTTPRoute

from app.api.openapi.known_inputs import known_inputs
from app.main import create_app
from tests.api.answers import KEYS, check_error
from tests.conftest import Stack

METHODS = {"get", "put", "post", "delete", "patch"}


async def document(stack: Stack) -> dict[str, Any]:
    answer = await stack.http.get("/schema/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


async def test_every_operation_has_a_name_and_says_what_it_takes(signoff: Stack) -> None:
    spec = await document(signoff)
    assert spec["openapi"].startswith("3.1")
    found = list(operations(spec))
    names = [operation["operationId"] for _, _, operation in found]
    assert len(set(names)) == len(names) >= 25
    described = {tag["name"] for tag in spec["tags"] if tag["description"]}
    for path, _, operation in found:
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= described, path
        assert any(status.startswith("2") for status in operation["responses"]), path
        in_path = {item["name"] for item in operation.get("parameters", []) if item["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


async def test_it_names_the_inputs_that_each_operation_accepts(signoff: Stack) -> None:
    spec = await document(signoff)
    listed = {
        operation["operationId"]: [(item["in"], item["name"].lower()) for item in operation.get("parameters", [])]
        for _, _, operation in operations(spec)
    }
    app = create_app(signoff.settings)
    handlers = {
        handler.operation_id: handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if isinstance(handler.operation_id, str)
    }
    assert handlers.keys() == listed.keys()
    for name, handler in handlers.items():
        known = known_inputs(handler, name)
        assert sorted(known.query) == sorted(field for kind, field in listed[name] if kind == "query"), name
        assert sorted(known.headers) == sorted(field for kind, field in listed[name] if kind == "header"), name


async def test_no_request_body_has_a_default_that_a_generated_client_would_send(signoff: Stack) -> None:
    spec = await document(signoff)
    contents = [op["requestBody"]["content"] for _, _, op in operations(spec) if "requestBody" in op]
    schemas = [resolved(spec, form["schema"]) for content in contents for form in content.values()]
    fields = [(name, field) for schema in schemas for name, field in schema.get("properties", {}).items()]
    assert [name for name, field in fields if "default" in field] == ["overwrite"]
    created = spec["components"]["schemas"]["CreateProject"]["properties"]
    assert created["strategy"]["description"] == "Default: `performance`."
    upload = spec["paths"]["/api/projects/{project_id}/files/upload"]["post"]["requestBody"]["content"]
    assert upload["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"


def resolved(spec: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        reference: str = value["$ref"]
        value = spec
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
    return value


async def test_every_error_of_every_operation_has_the_one_body(signoff: Stack) -> None:
    spec = await document(signoff)
    for path, method, operation in operations(spec):
        where = f"{method} {path}"
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        expected = {"403", "500", "503"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"400", "409", "413", "415", "422"} if method in {"post", "put", "delete"} else set()
        assert expected <= set(errors), where
        for status, answer in errors.items():
            content = resolved(spec, answer)["content"]
            assert set(content) == {"application/json"}, where
            if (path, status) != ("/ready", "503"):
                assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorBody"}, where
    assert set(spec["components"]["schemas"]["ErrorBody"]["required"]) == KEYS
    assert "status_code" not in str(spec)


async def test_every_answer_carries_the_requests_id(signoff: Stack) -> None:
    spec = await document(signoff)
    for path, method, operation in operations(spec):
        for status, answer in operation["responses"].items():
            headers = resolved(spec, answer)["headers"]
            assert resolved(spec, headers["X-Request-ID"])["required"], f"{method} {path} {status}"


async def test_what_holds_for_all_writes_is_said_of_each(signoff: Stack) -> None:
    spec = await document(signoff)
    for path, method, operation in operations(spec):
        headers = {item["name"] for item in operation.get("parameters", []) if item["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (method == "post"), f"{method} {path}"
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = resolved(spec, content["application/json"]["schema"])
            assert operation["requestBody"].get("required", False) == bool(schema.get("required")), f"{method} {path}"


async def test_only_health_readiness_and_signing_in_need_no_key(signoff: Stack) -> None:
    spec = await document(signoff)
    assert spec["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, method, operation in operations(spec):
        is_open = operation.get("security") == []
        assert is_open == (path in {"/health", "/ready", "/api/session"}), f"{method} {path}"
        # Signing in needs no key, but may fail because of a wrong one.
        assert ("401" in operation["responses"]) == (not is_open or operation["operationId"] == "signIn")


async def test_parameters_never_take_what_cannot_be_sent(signoff: Stack) -> None:
    for path, method, operation in operations(await document(signoff)):
        for parameter in operation.get("parameters", []):
            assert "null" not in str(parameter["schema"]), f"{method} {path} {parameter['name']}"


async def test_its_page_loads_nothing_from_elsewhere(signoff: Stack) -> None:
    page = await signoff.http.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for address in loaded:
        assert address.startswith("/schema/assets/")
        answer = await signoff.http.get(address)
        assert answer.status_code == 200
        assert len(answer.content) > 100
    assert "<script>" not in page.text
    assert "<style" not in page.text


@pytest.mark.parametrize(
    "path", ["/schema/nothing", "/schema/x.json", "/schema/assets/index.html", "/schema/assets/..%2fx"]
)
async def test_nothing_else_is_served_beside_it(signoff: Stack, path: str) -> None:
    answer = await signoff.http.get(path)
    assert answer.status_code == 404
    check_error(answer)


async def test_its_schemas_are_schemas_and_its_references_lead_somewhere(signoff: Stack) -> None:
    spec = await document(signoff)
    for schema in spec["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(references(spec)):
        value: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        assert value


async def test_a_number_fits_one_of_the_alternatives(signoff: Stack) -> None:
    spec = await document(signoff)
    values = spec["components"]["schemas"]["Project"]["properties"]["parameters"]["additionalProperties"]
    for value in ("a", True, 2, 1.5, 1e136):
        Draft202012Validator(values).validate(value)


async def test_real_answers_fit_it(signoff: Stack) -> None:
    spec = await document(signoff)
    project_id = await signoff.planned("- [ ] A\n- B: `true`")
    answers = {
        "/api/projects": await signoff.call("GET", ""),
        "/api/projects/{project_id}": await signoff.project(project_id),
        "/api/projects/{project_id}/tasks": await signoff.call("GET", f"/{project_id}/tasks"),
    }
    for path, answer in answers.items():
        schema = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator(schema | {"components": spec["components"]}).validate(answer)


async def test_real_events_fit_the_schemas_of_their_types(signoff: Stack) -> None:
    spec = await document(signoff)
    one_of_its_type = Draft202012Validator({"$ref": "#/components/schemas/Event", "components": spec["components"]})
    outline = "## One\n\n- A: `true`\n- B: `false` {retries=1}\n\n## Two\n\n- [ ] C\n"
    project_id = await signoff.started(outline, decision_mode="agent")
    await signoff.finished(project_id)
    await signoff.call("POST", f"/{project_id}/retry")
    await signoff.finished(project_id)
    told = await signoff.events(project_id)
    assert {"project.created", "plan.ready", "run.started", "task.retrying", "task.failed", "phase.skipped"} <= {
        event["type"] for event in told
    }
    for event in told:
        one_of_its_type.validate(event)
