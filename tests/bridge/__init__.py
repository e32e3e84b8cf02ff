"""A model that a person plays, and the conversations that were kept: see README.md in this folder."""
