"""The forms of a certificate: a DSSE envelope, or a page."""

from __future__ import annotations

from app.api.openapi.json_document import Json
from app.sealing.envelope import MEDIA_TYPE

_ENVELOPE: Json = {
    "schema": {
        "type": "object",
        "properties": {
            "payload": {"type": "string", "contentEncoding": "base64"},
            "payloadType": {"type": "string"},
            "signatures": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"keyid": {"type": "string"}, "sig": {"type": "string"}},
                    "required": ["keyid", "sig"],
                },
            },
        },
        "required": ["payload", "payloadType", "signatures"],
    }
}
FORMS: dict[str, Json] = {MEDIA_TYPE: _ENVELOPE, "text/html": {"schema": {"type": "string"}}}
