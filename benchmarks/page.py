"""How long the list of projects takes in Chromium with 10,000 projects, compared with the bare API call.

`python -m benchmarks.page [--projects N]` fills a new database, starts only the app, and prints the milliseconds until rows are
painted: from opening the page (`cold`, nothing cached), and from a key press or click. It prints the median and the worst of 10,
the same query over HTTP within the same minute, and the ratio of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Connection, update

from app.database.database import Database
from app.settings import Settings
from app.storage.migrate import migrate
from app.storage.tables import projects as table
from benchmarks.databases import project
from tests.browser.conftest import BROWSERS, FLAGS
from tests.ports import free_port

ROUNDS = 10
BATCH = 1000
# How many of every 20 projects have each status.
STATUSES = ["completed"] * 10 + ["pending"] * 5 + ["failed"] * 3 + ["running", "cancelled"]
STAGES = {"pending": "draft", "running": "executing"}
WORDS = ("Sales report", "Restore test", "Access review", "Release", "Import of addresses", "Invoice run", "Clean-up")
TEXT = "What it is for, and what to check before you approve it.\n\n## Prepare\n\n" + "- `true`\n" * 60
# Resolves with the milliseconds from a person's first event until the rows have changed on the screen.
WATCH = """() => {
  const rows = () => document.querySelector("main li a")?.textContent + document.querySelector("main nav p")?.textContent;
  const before = rows();
  let began = null;
  const begin = (event) => (began ??= event.timeStamp);
  for (const type of ["keydown", "click", "change"]) addEventListener(type, begin, { capture: true, once: true });
  window.painted = new Promise((resolve) => {
    const look = () => {
      if (began === null || rows() === before) return requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now() - began);
      requestAnimationFrame(() => port2.postMessage(null));
    };
    look();
  });
}"""
FIRST_ROWS = """() => new Promise((resolve) => {
  const look = () => document.querySelector("main li a")
    ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
    : requestAnimationFrame(look);
  look();
})"""


async def fill(url: str, number: int) -> None:
    database = Database(url)
    await database.start()

    def some(conn: Connection, first: int) -> None:
        for index in range(first, min(first + BATCH, number)):
            project_id, status = project(conn), STATUSES[index * 7 % len(STATUSES)]
            values = {"name": f"{WORDS[index % len(WORDS)]} {index}", "description": TEXT, "status": status}
            values |= {"stage": STAGES.get(status, "finished")}
            conn.execute(update(table).where(table.c.id == project_id).values(values))

    for first in range(0, number, BATCH):
        await database.transact(lambda conn, first=first: some(conn, first))
    await database.close()


def click(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("navigation", name="Projects by status").get_by_role("link", name=name).click()


def turn(page: Page) -> None:
    page.get_by_role("link", name="Next").click()


# For each action: the page to start from, what is done and measured, and the query that it leads to.
Action = tuple[str, Callable[[Page], object], dict[str, Any]]
ACTIONS: dict[str, Action] = {
    "filter: 1 of 20": ("/", click("Running"), {"status": "running"}),
    "filter: half of them": ("/", click("Completed"), {"status": "completed"}),
    "search: a letter": ("/?search=Release+4", lambda page: page.keyboard.press("2"), {"search": "Release 42"}),
    "search: no match": ("/?search=Release+4", lambda page: page.keyboard.press("z"), {"search": "Release 4z"}),
    "sort by name": ("/", lambda page: page.get_by_label("Sort by").select_option("name"), {"sort_by": "name"}),
    "sort by change": ("/", lambda page: page.get_by_label("Sort by").select_option("oldest"), {"sort_by": "oldest"}),
    "next page": ("/?page=2", turn, {"offset": 40}),
    "page of 200": ("/", lambda page: page.get_by_label("Rows").select_option("200"), {"limit": 200}),
    "last page": ("/", lambda page: page.get_by_role("link", name="Last").click(), {"offset": 9980}),
}


def call(http: httpx.Client, query: dict[str, Any]) -> float:
    began = time.perf_counter()
    http.get("/api/projects", params=query).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def cold(browser: Browser, url: str) -> float:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url, wait_until="commit")
        return page.evaluate(FIRST_ROWS)


def warm(page: Page, url: str, start: str, act: Callable[[Page], object]) -> float:
    page.goto(url + start)
    page.locator("main li a").first.wait_for()
    if "search" in start:
        page.get_by_role("searchbox").focus()
        page.keyboard.press("End")
    page.wait_for_timeout(300)
    page.evaluate(WATCH)
    act(page)
    return page.evaluate("window.painted")


def show(name: str, seen: list[float], bare: list[float]) -> None:
    cells = [f"{statistics.median(times):8.1f} {max(times):8.1f}" for times in (seen, bare)]
    print(f"{name:22} {cells[0]}  {cells[1]}  {statistics.median(seen) / statistics.median(bare):6.1f} x", flush=True)


def measure(browser: Browser, url: str) -> None:
    print(f"{'milliseconds':22} {'page':>8} {'worst':>8}  {'API':>8} {'worst':>8}  {'ratio':>8}")
    with httpx.Client(base_url=url) as http, browser.new_context() as context:
        page = context.new_page()
        seen: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            seen.append(cold(browser, url))
            bare.append(call(http, {}))
        show("cold", seen, bare)
        for name, (start, act, query) in ACTIONS.items():
            seen, bare = [], []
            for _ in range(ROUNDS):
                seen.append(warm(page, url, start, act))
                bare.append(call(http, query))
            show(name, seen, bare)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=10_000)
    number = parser.parse_args().projects
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), port=free_port())
        migrate(settings.effective_database_url)
        began = time.perf_counter()
        asyncio.run(fill(settings.effective_database_url, number))
        print(f"{number} projects in {time.perf_counter() - began:.1f} s")
        environment = os.environ | {"SIGNOFF_DATA_DIR": folder, "SIGNOFF_PORT": str(settings.port)}
        environment |= {"SIGNOFF_LOG_LEVEL": "error"}
        serve = subprocess.Popen([sys.executable, "-m", "app.cli", "serve"], env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{settings.port}"
        try:
            wait_until_up(url)
            found = next(path for name in BROWSERS if (path := shutil.which(name)))
            with sync_playwright() as playwright:
                measure(playwright.chromium.launch(executable_path=found, args=FLAGS), url)
        finally:
            serve.terminate()
            serve.wait()


def wait_until_up(url: str) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{url}/health").raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("Signoff did not start")


if __name__ == "__main__":
    main()
