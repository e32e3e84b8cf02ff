"""How the app seals the record of each project, with a key that only the app has."""
