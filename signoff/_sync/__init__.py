# Made from signoff/_async by tools/make_sync_client.py; change that instead.
"""The client for programs without an event loop."""
