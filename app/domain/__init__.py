"""The pure core: models, state tables, graph algorithms and errors. No I/O, no framework."""
