"""What each command does, in the one transaction that records it."""
