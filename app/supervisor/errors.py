"""What can keep a stack from starting; each message is one a person can act on."""


class StackError(Exception):
    """A stack cannot start, or did not become ready."""


class AlreadyRunning(StackError):
    """Another process works on the same data folder."""


class PortTaken(StackError):
    """A port that is needed is in use."""
