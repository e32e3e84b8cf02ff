"""HTTP for all endpoints: credentials, idempotency, preconditions, errors, uploads and downloads."""
