# Generated from signoff/_async by tools/make_sync_client.py. Edit signoff/_async instead.
"""The client for programs without an event loop."""
