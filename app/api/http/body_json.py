"""Reads the JSON body of a request."""

from __future__ import annotations

import json
from typing import Any

from litestar import Request

from app.domain.errors import BadRequest
from app.domain.unique_json import DuplicateName, unique_members


class JsonRequest(Request[Any, Any, Any]):
    """A request whose body is refused if a JSON object in it has a key twice: only one of the values would count."""

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            BadRequest: `duplicate_key`: an object has a key twice.
            SerializationException: the body is not JSON.
        """
        value: Any = await super().json()
        body = await self.body()
        try:
            json.loads(body or b"null", object_pairs_hook=unique_members)
        except DuplicateName as error:
            raise BadRequest(
                f"The body has the key '{error.name[:64]}' twice in the same object. Send it once.",
                code="duplicate_key",
            ) from error
        return value
