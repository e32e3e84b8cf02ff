"""The seam to language models: which one is meant, how it is asked, what it costs. Only this package imports pydantic-ai."""
