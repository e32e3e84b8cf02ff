"""Starts processes of Signoff and keeps them running: all parts on one machine (the stack), or several worker processes."""
