"""Brings a whole Signoff up on one machine and keeps it running."""

from app.supervisor.errors import AlreadyRunning, PortTaken, StackError
from app.supervisor.stack import Addresses, running_stack

__all__ = ["Addresses", "AlreadyRunning", "PortTaken", "StackError", "running_stack"]
