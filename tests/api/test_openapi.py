"""The description of the API that tools read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

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
    assert len(set(names)) == len(names) >= 18
    for path, _, operation in found:
        assert operation["summary"], path
        assert any(status.startswith("2") for status in operation["responses"]), path
        in_path = {item["name"] for item in operation.get("parameters", []) if item["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


async def test_its_schemas_are_schemas_and_its_references_lead_somewhere(signoff: Stack) -> None:
    spec = await document(signoff)
    for schema in spec["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(references(spec)):
        value: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        assert value


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
