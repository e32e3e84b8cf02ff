"""Starts all parts of Signoff (the stack) on one machine and keeps them running."""

from app.supervisor.errors import AlreadyRunning, PortTaken, StackError
from app.supervisor.stack import Addresses, running_stack

__all__ = ["Addresses", "AlreadyRunning", "PortTaken", "StackError", "running_stack"]
