"""Reasons why a stack cannot start. Each message tells a person what to do."""


class StackError(Exception):
    """A stack cannot start, or did not become ready."""


class AlreadyRunning(StackError):
    """Another process uses the same data folder."""


class PortTaken(StackError):
    """A required port is in use or cannot be opened."""
