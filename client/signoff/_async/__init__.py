"""The asyncio client. `tools/make_sync_client.py` generates `signoff._sync` from it."""
