"""How the list of projects answers when there are many: `python -m benchmarks.many_projects [--projects 1000 1000000]`.

For each number, it fills an SQLite file with projects. It prints the median milliseconds of processor time of each list, next to
those of the first number. Only the database is measured: a page of twenty, the total, and the counts by status.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert

from app.domain.identity import new_id
from app.storage import project_list, project_search
from app.storage.migrate import migrate
from app.storage.project_list import Wanted
from app.storage.tables import projects

CHUNK = 10_000
STATUSES = ("completed",) * 90 + ("failed",) * 4 + ("cancelled",) * 3 + ("pending",) * 2 + ("running",)
LISTS: dict[str, dict[str, Any]] = {
    "newest": {},
    "oldest": {"sort_by": "oldest"},
    "updated": {"sort_by": "updated"},
    "by name": {"sort_by": "name"},
    "by status": {"sort_by": "status"},
    "failed, updated": {"status": "failed", "sort_by": "updated"},
    "failed, by name": {"status": "failed", "sort_by": "name"},
    "running, oldest": {"status": "running", "sort_by": "oldest"},
    "offset of 90 %": {"offset": 0.9},
    "cursor at 90 %": {"offset": 0.9, "cursor": True},
    "search, nothing": {"search": "nowhere at all"},
    "search, 20": {"search": "selten AUSSERST"},
    "search, 2 letters": {"search": "qz"},
    "search, everything": {"search": "report"},
    "label, 20": {"label": "rare"},
    "label, a tenth": {"label": "often"},
    "label and search": {"label": "often", "search": "selten"},
}
# As many projects as this have the rare word, pair of letters and label, however many there are.
RARE = 20
DESCRIPTION = "- Look: `true`\n" * 20


def fill(conn: Connection, number: int) -> None:
    """Insert projects as they are after a while: most of them have completed."""
    common = dict.fromkeys(("path", "agent_id", "sme_archetype", "max_tokens", "max_cost_usd", "signing", "run_id"))
    common |= {"strategy": "performance", "auto_approve_plan": False, "auto_approve_phases": True}
    common |= {"decision_mode": "agent", "parameters": {}, "stage": "finished", "engaged": False}
    common |= {"created_by": "ann", "last_seq": 25, "last_hash": "0" * 64}
    for begin in range(0, number, CHUNK):
        rows: list[dict[str, Any]] = []
        for index in range(begin, min(begin + CHUNK, number)):
            scattered = index * 7_919 % number
            rare, often = scattered < RARE, scattered % 10 == 0
            at = f"2026-01-01T{index // 3_600_000 % 24:02}:{index // 60_000 % 60:02}:{index // 1_000 % 60:02}.{index % 1_000:03}Z"
            description = DESCRIPTION + ("Äußerst selten, qz." if rare else "")
            labels = [*(["rare"] if rare else []), *(["often"] if often else [])]
            rows.append(
                common
                | {
                    "id": new_id("proj"),
                    "name": f"Report {scattered}",
                    "name_key": f"report {scattered}",
                    "description": description,
                    "labels": labels,
                    "text_position": project_search.add(conn, f"Report {scattered}", description, labels),
                    "status": STATUSES[scattered % len(STATUSES)],
                    "workspace": f"/nowhere/{index}",
                    "created_at": at,
                    "updated_at": at,
                }
            )
        conn.execute(insert(projects), rows)
    # The app does this every minute.
    project_list.merge_counts(conn)


def measure(conn: Connection, number: int, wanted: dict[str, Any], rounds: int) -> float:
    """Return the median milliseconds of one list."""
    times: list[float] = []
    query = dict(wanted)
    offset = int(number * query.pop("offset", 0))
    after = project_list.page(conn, Wanted(), limit=1, offset=offset).end if query.pop("cursor", False) else None
    for _ in range(rounds):
        began = time.process_time()
        project_list.page(conn, Wanted(**query), limit=20, offset=0 if after else offset, after=after)
        times.append(1_000 * (time.process_time() - began))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument(
        "--projects", type=int, nargs="+", default=[1_000, 1_000_000], help="how many projects, in turn"
    )
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    first: dict[str, float] = {}
    for number in options.projects:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "signoff.db"
            migrate(f"sqlite+aiosqlite:///{file}")
            engine = create_engine(f"sqlite:///{file}")
            with engine.begin() as conn:
                fill(conn, number)
            with engine.connect() as conn:
                conn.exec_driver_sql("ANALYZE")
                print(f"{number:,} projects, {file.stat().st_size / 1e6:,.0f} MB")
                for name, wanted in LISTS.items():
                    took = measure(conn, number, wanted, options.rounds)
                    ratio = took / first.setdefault(name, took)
                    print(f"  {name:18} {took:9.2f} ms   {ratio:7.1f} times", flush=True)
            engine.dispose()


if __name__ == "__main__":
    main()
