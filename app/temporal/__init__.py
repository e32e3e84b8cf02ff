"""The only code that talks to a Temporal server as a client."""
