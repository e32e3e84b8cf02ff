"""A real OpenID Connect provider for tests: `oidc-provider`, installed by npm with the versions in package-lock.json."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port
from tools.build_dashboard import npm, with_node

FOLDER = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "signoff", "a secret that the provider gave to Signoff"
_ACTION = re.compile(r'action="([^"]+)"')


def install() -> None:
    """Install the provider unless it is installed."""
    wanted, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    # Several test runs may need it at the same moment.
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
            return
        npm("ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", folder=FOLDER)


@contextmanager
def identity_provider(app_url: str, accounts: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Run a provider at which these people have accounts, by login. Yields its issuer."""
    install()
    port = free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{app_url}/api/session/oidc/callback"],
    }
    options = json.dumps({"accounts": accounts, "client": client, "port": port})
    command = ["node", "server.mjs", options]
    process = subprocess.Popen(command, cwd=FOLDER, env=with_node(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert any(line == b"ready\n" for line in process.stdout), "the identity provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


async def give_consent(browser: httpx.AsyncClient, url: str, login: str) -> str:
    """Go through the provider's pages as this person, and return the address to which it sends the browser back."""
    for _ in range(12):
        answer = await browser.get(url)
        while answer.has_redirect_location:
            url = str(answer.url.join(answer.headers["location"]))
            if "/api/session/oidc/callback" in url:
                return url
            answer = await browser.get(url)
        action = _ACTION.search(answer.text)
        assert action is not None, answer.text
        prompt = "login" if 'value="login"' in answer.text else "consent"
        form = {"prompt": prompt, "login": login, "password": "any"} if prompt == "login" else {"prompt": prompt}
        answer = await browser.post(str(answer.url.join(action[1])), data=form)
        assert answer.has_redirect_location, answer.text
        url = str(answer.url.join(answer.headers["location"]))
        if "/api/session/oidc/callback" in url:
            return url
    raise AssertionError("the provider's pages did not end")
