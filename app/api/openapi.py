"""The OpenAPI document, and the page to read it on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any

from litestar import Request, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPI, SecurityScheme, Tag

from app.api.explorer import CONTENT_SECURITY_POLICY, Explorer
from app.api.openapi_document import complete

PATH = "/schema"

_TAGS = {
    "projects": "Create, find, change, duplicate and delete projects.",
    "plans": "Have a plan made, read it, see its graph, send it back, approve it, and cancel.",
    "phases": "The phases of a plan.",
    "tasks": "The tasks of a plan, their outputs and logs, and a person's word on those that wait for it.",
    "control": "Pause, resume and retry a run.",
    "decisions": "What people are asked, and what was decided.",
    "events": "What happens, as server-sent events.",
    "files": "Files of a project: list, upload, read, download.",
    "history": "Versions of the plan, and runs.",
    "insight": "Metrics, and the audit of plan and run.",
    "record": "The key that records are sealed with, and whether the database has all that was sealed.",
    "catalogue": "What may be named in a project.",
    "session": "Signing in with a browser; programs send the key.",
    "system": "The process, and what it needs.",
}
_DESCRIPTION = """Automation projects that are planned, signed off by a person, and carried out by durable workflows.

`200` means decided or done, `202` durably recorded: the outcome comes as an event. Every error has the one body `ErrorBody`,
whose `code` programs can rely on. A POST may be repeated safely with the same `Idempotency-Key`."""


class _Config(OpenAPIConfig):
    """Makes documents that are complete."""

    def to_openapi_schema(self) -> OpenAPI:
        """An empty document that completes itself when it is written out."""
        plain = super().to_openapi_schema()
        return _Document(**{field.name: getattr(plain, field.name) for field in fields(plain)})


@dataclass
class _Document(OpenAPI):
    def to_schema(self) -> dict[str, Any]:
        """The document as JSON values."""
        return complete(super().to_schema())


def configuration(*, key_needed: bool) -> OpenAPIConfig:
    """The OpenAPI document at `/schema/openapi.json`, and the page at `/schema`.

    Both are readable without a key: they tell what the program can do, which is public, and nothing of what it holds.
    """
    bearer = SecurityScheme(type="http", scheme="bearer", description="The server's API key, where it has one.")
    return _Config(
        title="Signoff",
        version=version("signoff"),
        description=_DESCRIPTION,
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}] if key_needed else [{"bearer": []}, {}],
        use_handler_docstrings=True,
        create_examples=False,
        render_plugins=[JsonRenderPlugin(), Explorer()],
        openapi_router=Router(
            PATH,
            route_handlers=[],
            include_in_schema=False,
            before_request=_only_what_is_there,
            response_headers={
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        ),
    )


def _only_what_is_there(request: Request[Any, Any, Any]) -> None:
    # Litestar answers everything else below the path with a page of its own; ours is the one body for all errors.
    if "path" in request.path_params:
        raise NotFoundException
