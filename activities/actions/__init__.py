"""What a task can do, one file an action."""
