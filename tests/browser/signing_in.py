"""Signing in on the page."""

from __future__ import annotations

from playwright.sync_api import Page

KEY = "a key that nobody guesses, of 32 or more"
PASSWORD = "correct horse battery"


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form for signing in, and send it."""
    page.get_by_label("Name or e-mail").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
