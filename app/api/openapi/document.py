"""Completes the OpenAPI document.

Litestar derives the document from the signatures of the handlers. This module adds what the gateway and the error handling do
for all operations, so that no handler needs to repeat it. It also adds, per operation, what a signature cannot express.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, cast

from pydantic import BaseModel

from app.api.http.bodies import RequestBody, UpdateProject, UpdateTask
from app.api.openapi.certificate_schema import FORMS
from app.api.openapi.event_schemas import event_schemas
from app.api.openapi.further_headers import IF_MATCH, further_headers
from app.api.openapi.json_document import Json
from app.domain.error_body import KINDS
from signoff.schemas.answers import ErrorBody
from signoff.schemas.events import LiveEvent
from signoff.vocabulary import EventType

METHODS = ("get", "put", "post", "delete", "patch")

_ERRORS = {
    400: "The request is not valid: not JSON, a parameter out of range, or an input that this operation does not support.",
    401: "The API key is missing or wrong.",
    403: "The server does not answer to this host name, or the request comes from another site.",
    404: "The requested resource does not exist.",
    409: "The current state does not allow the request; `code` says why.",
    412: "The resource has changed since the version that `If-Match` names.",
    413: "The body is too large.",
    415: "The type of the body is not supported here.",
    416: "The file does not contain the part that `Range` names.",
    422: "A value is not valid; `details` names each field.",
    500: "An internal error. The server's log has details under `request_id`.",
    503: "Temporal or the database does not answer. The same request may be repeated.",
}
_SUCCESSES = {"200": "The requested data, or the result of the operation.", "201": "Created."}
_LITESTARS_DESCRIPTION = {str(status.value): status.description for status in HTTPStatus}
_PATH_PARAMETERS = {
    "project_id": "The project's id, `proj_…`.",
    "task_id": "The task's id, or its key.",
    "phase_id": "The phase's id, or its key.",
    "decision_id": "The decision's id, `dec_…`.",
}
# Operations that need no key.
_OPEN = frozenset({"health", "ready", "getSession", "signIn", "signOut"})
# Operations whose successful answer has an ETag.
_WITH_ETAG = frozenset(
    {
        "createProject",
        "getProject",
        "updateProject",
        "getPlan",
        "failTask",
        "generatePlan",
        "regeneratePlan",
        "refinePlan",
        "getFile",
    }
)


# Operations that make a decision but do not return it: the decision's seal is in a header.
_WITH_SEAL = frozenset(
    {
        "answerDecision",
        "approveProject",
        "cancelProject",
        "completeTask",
        "createPhase",
        "createTask",
        "deleteTask",
        "discardEdit",
        "generatePlan",
        "pauseProject",
        "refinePlan",
        "regeneratePlan",
        "rejectPlan",
        "requestChanges",
        "resumeProject",
        "retryProject",
        "retryTask",
        "skipTask",
        "updateTask",
    }
)


def _stream_of(content: Json, types: Iterable[str], *, ends: bool = False) -> Json:
    """The schema of server-sent events by their fields. The data is JSON; in an `end` event it is an empty object."""
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"anyOf": [content, {"type": "object", "maxProperties": 0}]} if ends else content,
    }
    fields: Json = {"id": {"type": "string"}, "event": {"enum": [str(name) for name in types]}, "data": data}
    return {"schema": {"type": "object", "properties": fields, "required": ["event", "data"]}}


_TEXT: Json = {"schema": {"type": "string"}}
# In OpenAPI 3.1, an empty schema means arbitrary bytes.
_BYTES: Json = {"schema": {}}
# A file has the type that its name suggests. Generators of clients do not know `*/*`, and take the other one.
_ANY_FILE: dict[str, Json] = {"application/octet-stream": _BYTES, "*/*": _BYTES}
_EVENT: Json = {"$ref": "#/components/schemas/Event"}
_EVENT_OR_SEAL: Json = {"anyOf": [_EVENT, {"$ref": "#/components/schemas/RecordSeal"}]}
_LIVE_EVENT: Json = {"$ref": "#/components/schemas/LiveEvent"}
_LOG_PIECE: Json = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
# Additional content types of an operation's successful answers, by status.
_FORMS: dict[str, dict[str, dict[str, Json]]] = {
    "getPlan": {"200": {"text/markdown": _TEXT}},
    "getGraph": {"200": dict.fromkeys(("image/svg+xml", "text/vnd.graphviz", "text/vnd.mermaid"), _TEXT)},
    "getFile": {"200": _ANY_FILE, "206": _ANY_FILE},
    "downloadProject": {"200": {"application/zip": _BYTES}},
    "getCertificate": {"200": FORMS},
    "getTaskLog": {"200": {"text/event-stream": _stream_of(_LOG_PIECE, ["log", "end"], ends=True)}},
    "metrics": {"200": {"text/plain": _TEXT}},
    "streamEvents": {
        "200": {"text/event-stream": _stream_of(_EVENT_OR_SEAL, [*EventType, "record.sealed", "end"], ends=True)}
    },
    "streamLiveEvents": {"200": {"text/event-stream": _stream_of(_LIVE_EVENT, EventType)}},
}
# Operations that do not send what their handlers declare: the declared content is replaced.
_REPLACED = frozenset({"getCertificate", "getFile", "downloadProject", "metrics", "streamEvents", "streamLiveEvents"})
_MAY_CONFLICT = ("getPlan", "getCertificate", "downloadProject")
# The lists with pages by cursor.
_WITH_CURSOR = ("listNotifications", "listProjects", "listTasks")
_FURTHER_ERRORS = (
    {"signIn": {401}, "getFile": {416, 422}}
    | {name: {409} for name in _MAY_CONFLICT}
    | {name: {422} for name in _WITH_CURSOR}
)
_FURTHER_STATUSES = {
    "streamEvents": {"204": "The project is finished, and there are no more events."},
    "getFile": {"206": "The requested part of the file.", "304": "The reader's copy is current."},
}
# Bodies that handlers read directly from the request, piece by piece.
_BODIES: dict[str, Json] = {
    "uploadFile": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    # `format` is OpenAPI 3.0's way to say it, which generators of clients still look for.
                    "file": {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"},
                    "path": {
                        "type": "string",
                        "maxLength": 4096,
                        "description": "Relative path in the workspace; by default the file's name.",
                    },
                    "overwrite": {"type": "boolean", "default": False},
                },
                "required": ["file"],
                "additionalProperties": False,
            }
        }
    }
}


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """The path, method and definition of every operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def complete(document: Json) -> Json:
    """Add what applies to all operations. Changes the document and returns it."""
    components: Json = document["components"]
    schemas: Json = components.setdefault("schemas", {})
    for node in _nodes(document):
        # Litestar generates examples from the schema: they add nothing to it, and may not even conform to it.
        if isinstance(node.get("examples"), list):
            del node["examples"]
        _join_numbers(node)
    # In request bodies, Litestar omits that unknown fields, and keys that do not match a pattern, are refused.
    for model in (ErrorBody, LiveEvent, *_below(RequestBody)):
        _add_schema(schemas, model)
    schemas.update(event_schemas())
    for model in _below(RequestBody):
        _describe_defaults(schemas[model.__name__], partial=model in {UpdateProject, UpdateTask})
    schemas["ErrorBody"]["properties"]["error"]["enum"] = list(KINDS.values())
    components["responses"] = {_name(status): _error_answer(status) for status in _ERRORS}
    components["headers"] = {
        "RequestId": {
            "description": "The request's id, which also appears in the server's log.",
            "required": True,
            "schema": {"type": "string"},
        },
        "Seal": {
            "description": "The app's signature over the record up to the decision that this request made, as JSON. The "
            "header is missing if the request made no decision, or if the record could not be sealed in time.",
            "schema": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": "#/components/schemas/RecordSeal"},
            },
        },
        "Location": {
            "description": "The address of what was created.",
            "schema": {"type": "string", "format": "uri-reference"},
        },
        "Replayed": {
            "description": "`true` if this repeats the first answer to the same key.",
            "schema": {"const": "true"},
        },
        "ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}},
        "RetryAfter": {
            "description": "Seconds to wait before repeating the request.",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        },
    }
    for path, method, operation in operations(document):
        if not operation.get("deprecated"):
            operation.pop("deprecated", None)
        _complete_parameters(operation, method)
        _complete_body(operation, schemas)
        _complete_successes(operation, method)
        _complete_errors(operation, path, method)
    used = {tag for _, _, operation in operations(document) for tag in operation.get("tags", [])}
    document["tags"] = [tag for tag in document["tags"] if tag["name"] in used]
    return document


def _join_numbers(node: Json) -> None:
    """Each whole number is a number, so the two are no alternatives."""
    if {"type": "number"} in (alternatives := node.get("oneOf", [])) and {"type": "integer"} in alternatives:
        alternatives.remove({"type": "integer"})


def _add_schema(schemas: Json, model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for node in _nodes(schema):
        # Pydantic omits that other keys are refused.
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema


def _describe_defaults(schema: Json, *, partial: bool) -> None:
    """Have descriptions of fields name their defaults.

    Generated clients send what `default` names: in a partial update, this would overwrite what the caller left out.
    """
    for field in schema.get("properties", {}).values():
        default = field.pop("default", None)
        if not partial and default is not None and default != "":
            value = default if isinstance(default, str) else json.dumps(default)
            field["description"] = f"{field.get('description', '')} Default: `{value}`.".strip()


def _nodes(value: Any) -> Iterator[Json]:
    """Every object within a JSON value, itself included."""
    if isinstance(value, dict):
        node = cast("Json", value)
        yield node
        for item in node.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _nodes(item)


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in model.__subclasses__():
        yield kind
        yield from _below(kind)


def _name(status: int) -> str:
    return KINDS[status].title().replace("_", "")


def _error_answer(status: int) -> Json:
    headers: Json = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in {409, 503}:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"const": "Bearer"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
    return {"description": _ERRORS[status], "headers": headers, "content": content}


def _complete_parameters(operation: Json, method: str) -> None:
    parameters: list[Json] = operation.setdefault("parameters", [])
    for parameter in parameters:
        _plain_parameter(parameter)
        if parameter["in"] == "path" and parameter["name"] in _PATH_PARAMETERS:
            parameter["description"] = _PATH_PARAMETERS[parameter["name"]]
    named = {parameter["name"].lower() for parameter in parameters if parameter["in"] == "header"}
    for name, (description, schema) in further_headers(operation["operationId"], method).items():
        if name.lower() not in named:
            parameters.append({"name": name, "in": "header", "description": description, "schema": schema})
    if not parameters:
        del operation["parameters"]


def _plain_parameter(parameter: Json) -> None:
    """Remove null, which a parameter cannot be, and flags that have their default value."""
    schema: Json = parameter["schema"]
    alternatives = [item for item in schema.pop("oneOf", []) if item != {"type": "null"}]
    if len(alternatives) == 1:
        schema.update(alternatives[0])
    elif alternatives:
        schema["oneOf"] = alternatives
    if isinstance(schema.get("type"), list):
        types = [name for name in schema["type"] if name != "null"]
        schema["type"] = types[0] if len(types) == 1 else types
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    for flag in ("deprecated", "allowEmptyValue", "allowReserved"):
        if not parameter.get(flag):
            parameter.pop(flag, None)


def _complete_body(operation: Json, schemas: Json) -> None:
    """Complete the request body. A body may be omitted if all of its fields may."""
    if operation["operationId"] in _BODIES:
        operation["requestBody"] = {"required": True, "content": _BODIES[operation["operationId"]]}
    content: Json = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        schema: Json = content["application/json"]["schema"]
        schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        operation["requestBody"]["required"] = bool(schema.get("required"))


def _complete_successes(operation: Json, method: str) -> None:
    name = operation["operationId"]
    responses: Json = operation["responses"]
    for status, description in _FURTHER_STATUSES.get(name, {}).items():
        responses.setdefault(status, {"description": description})
    for status, forms in _FORMS.get(name, {}).items():
        declared: Json = {} if name in _REPLACED else responses[status].get("content", {})
        responses[status]["content"] = declared | forms
    for status, response in responses.items():
        if status >= "4":
            continue
        if response["description"] == _LITESTARS_DESCRIPTION.get(status):
            response["description"] = _SUCCESSES[status]
        headers: Json = response.setdefault("headers", {})
        headers["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
        if status == "201":
            headers["Location"] = {"$ref": "#/components/headers/Location"}
        if method == "post":
            headers["Idempotency-Replayed"] = {"$ref": "#/components/headers/Replayed"}
        if name in _WITH_ETAG and status in {"200", "201", "206", "304"}:
            headers["ETag"] = {"$ref": "#/components/headers/ETag"}
        if name in _WITH_SEAL:
            headers["Signoff-Seal"] = {"$ref": "#/components/headers/Seal"}


def _complete_errors(operation: Json, path: str, method: str) -> None:
    responses: Json = operation["responses"]
    for status in [status for status, response in responses.items() if status >= "4" and _is_litestars(response)]:
        del responses[status]
    for status in sorted(_possible_errors(operation, path, method)):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{_name(status)}"})
    for status, response in responses.items():
        if status >= "4" and "$ref" not in response:
            response.setdefault("headers", {})["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
    operation["responses"] = dict(sorted(responses.items()))


def _is_litestars(response: Json) -> bool:
    """Whether this is Litestar's default body for errors."""
    forms: Json = response.get("content", {})
    return any("status_code" in form.get("schema", {}).get("properties", {}) for form in forms.values())


def _possible_errors(operation: Json, path: str, method: str) -> set[int]:
    found = {400, 403, 500, 503}
    if operation["operationId"] in _OPEN:
        operation["security"] = []
    else:
        found.add(401)
    if "{" in path:
        found.add(404)
    if method != "get":
        found |= {409, 413, 415, 422}
    if operation["operationId"] in IF_MATCH:
        found.add(412)
    return found | _FURTHER_ERRORS.get(operation["operationId"], set())
