"""Activities: what a workflow cannot do itself, each recording its outcome."""
