"""Signoff's server: REST API, storage, planning and the seam to Temporal."""
