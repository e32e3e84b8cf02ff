"""Rules for commands that somebody should look at before they sign, each with examples of what it is about and what not."""
