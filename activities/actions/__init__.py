"""The built-in actions, and their helpers. Each action has its own file."""
