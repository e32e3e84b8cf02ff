"""The pure core of Signoff: models, state tables, graph algorithms and errors. It does no I/O and uses no framework."""
