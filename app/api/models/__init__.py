"""The bodies of answers; they need pydantic and `app.domain` only, so that clients can import them."""
