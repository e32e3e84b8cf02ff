"""The seam to language models: which one is meant, how it is asked, what it costs.

Only this package, and the conversation of agent tasks, import pydantic-ai.
"""
