"""How the app seals the record of each project, with a key that nothing else has."""
