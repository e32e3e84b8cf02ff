"""Signoff's server: REST API, storage, planning and the interface to Temporal."""
