"""Rules for commands that a person should check before signing, each with examples that match and examples that do not."""
