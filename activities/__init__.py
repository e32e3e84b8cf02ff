"""Activities, which do what a workflow cannot do itself. Each records its own outcome."""
