"""The workflow code. It is deterministic and does no I/O."""
