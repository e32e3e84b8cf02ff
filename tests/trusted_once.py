"""Has the HTTP clients of one process share the certificates that they trust. Loading them takes longer than a request."""

from __future__ import annotations

import os
from ssl import SSLContext
from typing import Any

import pytest
from httpx._transports import default


def share_certificates(patch: pytest.MonkeyPatch) -> None:
    """Load the certificates once for each pair of files named by the environment, until `patch` is undone."""
    create = default.create_ssl_context
    made: dict[tuple[Any, ...], SSLContext] = {}

    def shared(verify: Any = True, cert: Any = None, trust_env: bool = True) -> SSLContext:
        if verify is not True or cert is not None:
            return create(verify, cert, trust_env)
        key = trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        if key not in made:
            made[key] = create(trust_env=trust_env)
        return made[key]

    patch.setattr(default, "create_ssl_context", shared)
