"""From rows to answers."""
