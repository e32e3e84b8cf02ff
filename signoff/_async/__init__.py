"""The client, written once, for asyncio; `signoff._sync` is made from it by `tools/make_sync_client.py`."""
