"""The web page in a real browser, against a whole Signoff."""
