"""Access to language models: choosing a model, calling it, and recording what it costs.

Only this package and the conversations of agent tasks import pydantic-ai.
"""
