"""Builds the documentation site from the Markdown in `docs`."""
