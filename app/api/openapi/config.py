"""The OpenAPI document, and the page that shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import version

from litestar import Litestar, Router
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, OpenAPI, SecurityScheme, Server, Tag

from app.api.http.any_request import AnyRequest
from app.api.http.gateway import OPENAPI_PATH
from app.api.openapi.document import complete
from app.api.openapi.explorer import CONTENT_SECURITY_POLICY, Explorer
from app.api.openapi.json_document import Json
from signoff.vocabulary import Scope

_TAGS = {
    "projects": "Create, find, change, duplicate and delete projects.",
    "plans": "Generate, read, review and approve plans, see their graph, and cancel projects.",
    "phases": "The phases of a plan.",
    "tasks": "The tasks of a plan, their outputs and logs, and people's decisions on tasks that wait for one.",
    "control": "Pause, resume and retry runs.",
    "decisions": "Questions for people, and the decisions that were made.",
    "events": "Events as server-sent events.",
    "files": "Files of a project: list, upload, read, download.",
    "history": "Versions of the plan, and runs.",
    "insight": "Metrics, and the audit of plan, run and record.",
    "record": "The key that seals records, and whether the database still contains everything that was sealed.",
    "catalogue": "The agents, strategies and archetypes that a project may name, and templates.",
    "notifications": "Who was told about what, and what came of it.",
    "people": "People and the keys of programs: who they are, and what they may do.",
    "session": "Sign in with a browser. Programs send a key instead.",
    "system": "The state of the server process and of the services that it needs.",
}
_DESCRIPTION = """Automation that is planned, approved by a person, and executed by durable workflows.

`200` means that the request is decided or done. `202` means that it is durably recorded and that its outcome will be an event.
All errors have the same body, `ErrorBody`; programs can rely on its `code`. A POST may safely be repeated with the same
`Idempotency-Key`."""


class _Config(OpenAPIConfig):
    """Creates OpenAPI documents that are complete."""

    def to_openapi_schema(self) -> OpenAPI:
        """An empty document that completes itself when it is serialized."""
        plain = super().to_openapi_schema()
        return _Document(**{field.name: getattr(plain, field.name) for field in fields(plain)})


@dataclass
class _Document(OpenAPI):
    def to_schema(self) -> Json:
        """The document as JSON values. Made once; do not change them."""
        return self._schema

    @cached_property
    def _schema(self) -> Json:
        return complete(super().to_schema())


def configuration(*, key_needed: bool, prefix: str) -> OpenAPIConfig:
    """Configure the OpenAPI document at `/schema/openapi.json` and the page at `/schema`.

    Neither needs a key: they describe what the program can do, which is public, and reveal none of its data.

    Args:
        key_needed: whether requests must carry a key.
        prefix: the path below which people reach the app; empty if it is at the root.
    """
    making = asyncio.Lock()

    async def before_request(request: AnyRequest) -> None:
        # Litestar would answer all other addresses under this path with its own page instead of our error body.
        if "path" in request.path_params:
            raise NotFoundException
        # It takes a second to make. So the first request makes it, in a thread, and others are answered meanwhile.
        async with making:
            await asyncio.to_thread(_make, request.app)

    bearer = SecurityScheme(type="http", scheme="bearer", description="The server's API key, if it has one.")
    return _Config(
        title="Signoff",
        version=version("signoff-server"),
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        components=Components(security_schemes={"bearer": bearer}),
        servers=[Server(url=prefix or "/")],
        security=[{"bearer": []}] if key_needed else [{"bearer": []}, {}],
        use_handler_docstrings=True,
        create_examples=False,
        render_plugins=[JsonRenderPlugin(), Explorer()],
        openapi_router=Router(
            OPENAPI_PATH,
            route_handlers=[],
            include_in_schema=False,
            opt={"scope": Scope.ANYBODY},
            before_request=before_request,
            response_headers={
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        ),
    )


def _make(app: Litestar) -> None:
    app.openapi_schema.to_schema()
