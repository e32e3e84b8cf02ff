"""Realistic projects, one for each situation that the page shows."""

from __future__ import annotations

import io
from typing import Any

from tests.browser.conftest import Signoff

WEEKLY = """\
Counts what happened in the week, writes it up, and mails it.

## Gather (parallel)

- Count users {#users retries=2 timeout=5m}

  ```sh
  sleep 1
  printf '\\033[32m42 users\\033[0m\\n'
  echo users=42 >> "$SIGNOFF_OUTPUT"
  ```
- Count orders {#orders timeout=5m}

  ```sh
  for n in 1 2 3; do echo "page $n of 3"; sleep 0.3; done
  echo orders=7 >> "$SIGNOFF_OUTPUT"
  printf 'region,orders,amount\\nnorth,4,120.50\\nsouth,3,88.00\\n' > orders.csv
  ```
- Ask the shop whether it is well {#health timeout=30s}

  ```http expect=200
  GET ${{ signoff.url }}/health
  ```

## Report

- Write the summary {#write timeout=1m files=report.md}

  ```inputs
  users: ${{ tasks.users.outputs.users }}
  orders: ${{ tasks.orders.outputs.orders }}
  ```

  ```sh
  cat > report.md <<END
  # The week

  | what | count |
  |---|---|
  | users | $INPUT_USERS |
  | orders | $INPUT_ORDERS |
  END
  cat report.md
  ```
- Clear what older reports left {#clean after=write timeout=1m}

  ```sh
  rm -rf "$HOME/reports/old" /var/reports/*
  ```
- [ ] Read it and mail it {#mail after=write}
"""
RELEASE = """\
## Build (sequential)

- Run the tests {#tests timeout=10m}

  ```sh
  for n in $(seq 1 40); do printf '\\033[32m✓\\033[0m test %s\\n' "$n"; sleep 0.02; done
  ```
- Pack it {#pack timeout=5m}: `echo packed > release.tgz`

## Publish

- Where to? {#where decision=staging,production default=staging expires=2d}
- Copy it there {#copy after=where timeout=5m}: `sleep 600`
- [ ] Tell the people who wait for it {#tell}
"""
GATED = """\
## Dump (parallel)

- Dump the orders {#orders timeout=5m}: `sleep 0.3; echo 1200 rows | tee orders.sql`
- Dump the users {#users timeout=5m}: `sleep 0.5; echo 480 rows | tee users.sql`

## Restore

- Load the orders {#load_orders timeout=5m}: `test -s orders.sql`
- Load the users {#load_users timeout=5m}: `test -s users.sql`
- Compare the counts {#compare after=load_orders,load_users timeout=5m}: `wc -l *.sql`
"""
FLAKY = """\
## Fetch

- Fetch the prices {#fetch retries=2 timeout=1m}

  ```sh
  echo "attempt at $(date +%T)"
  test -e ready || { touch ready; echo "the source is not ready" >&2; exit 1; }
  ```
- Check them {#check after=fetch timeout=1m}: `echo "3 prices are missing"; exit 3`
- Publish them {#publish after=check timeout=1m}: `true`
"""


def wide(tasks: int, phases: int, command: str = "sleep 0.2") -> str:
    """A plan with many tasks. Each of them depends on one or two earlier ones."""
    parts: list[str] = []
    for phase in range(phases):
        parts.append(f"## Stage {phase + 1}\n")
        for number in range(tasks // phases):
            before = [f"s{phase}_{other}" for other in (number - 4, number - 5) if other >= 0]
            after = f" after={','.join(before)}" if before else ""
            parts.append(f"- Step {phase + 1}.{number + 1}: `{command}` {{#s{phase}_{number}{after} timeout=1m}}")
        parts.append("")
    return "\n".join(parts)


def build(signoff: Signoff) -> dict[str, str]:
    """Create every scene; return the ids of their projects by name."""
    ids: dict[str, str] = {}
    ids["finished"] = signoff.finished("Graph of forty", wide(40, 4))
    ids["thousand"] = signoff.planned("A thousand steps", wide(1000, 20))
    ids["failed"] = signoff.finished("Price list", FLAKY)
    ids["cancelled"] = signoff.started("Nightly export", "- Export {timeout=5m}: `sleep 300`\n- Mail it: `true`")
    signoff.eventually(ids["cancelled"], lambda project: project["progress"]["running"] > 0)
    post(signoff, ids["cancelled"], "cancel", reason="The source moves tonight")
    ids["draft"] = signoff.create("Clean up the archive", "Find what is older than a year, list it, ask, delete it.")
    ids["gate"] = signoff.started("Move the shop's data", GATED, auto_approve_phases=False)
    signoff.eventually(ids["gate"], lambda project: project["stage"] == "awaiting_phase_approval")
    ids["decision"] = signoff.started("Release 2.4", RELEASE, decision_mode="human")
    signoff.eventually(ids["decision"], lambda project: project["stage"] == "awaiting_decision")
    ids["manual"] = signoff.started(
        "Weekly report, last week", WEEKLY.replace('rm -rf "$HOME/reports/old" /var/reports/*', "true")
    )
    signoff.eventually(ids["manual"], lambda project: _waits(project, "mail"))
    body = {"file": ("logo.png", io.BytesIO(_PIXEL))}
    signoff.api.post(f"/api/projects/{ids['manual']}/files/upload", files=body).raise_for_status()
    ids["pending"] = signoff.planned("Weekly report", WEEKLY)
    edits = [{"op": "update_task", "task": "users", "title": "Count users of all regions", "timeout_seconds": 600}]
    post(signoff, ids["pending"], "refine-plan", edits=edits)
    return ids


def post(signoff: Signoff, project_id: str, call: str, **body: Any) -> dict[str, Any]:
    return signoff.api.post(f"/api/projects/{project_id}/{call}", json=body).raise_for_status().json()


def _waits(project: dict[str, Any], key: str) -> bool:
    return any(task["key"] == key and task["status"] == "waiting" for task in project["tasks"])


_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000d49444154789c6364f8ffbf1e00058402804cf2d5d50000000049454e44ae426082"
)
