"""The TLS settings of every connection that a worker makes."""

from __future__ import annotations

from functools import cache
from ssl import SSLContext

import httpx


@cache
def shared_tls() -> SSLContext:
    """Return the shared TLS context. SSL_CERT_FILE is respected.

    To load the certificates takes a tenth of a second, in which a worker does nothing else.
    """
    return httpx.create_ssl_context()
