"""The bodies of answers. They need only pydantic and `app.domain`, so clients can import them."""
