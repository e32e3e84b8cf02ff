"""How well a small model plans: the `model` planner makes plans for 20 short briefs, with a real model and a real database.

`python -m benchmarks.briefs [--only N …] [--show]` starts the model itself (`make test-model` installs it). For each brief it
prints whether the plan was valid at the first attempt, after repairs or not at all, the seconds, and the tokens in and out.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from app.api.http.bodies import CreateProject
from app.database.database import Database
from app.domain.errors import DomainError
from app.domain.identity import new_id
from app.domain.plan import PlanDraft
from app.domain.registry import load_actions
from app.planning.model.planner import ModelPlanner
from app.planning.planner import Brief
from app.settings import Settings
from app.storage import model_steps, projects
from app.storage.migrate import migrate
from tests.small_model.server import small_model

BRIEFS: dict[str, str] = {
    "Weekly report": "Gather the metrics of the last week, write a summary and mail it to the team.",
    "Release": "Run the tests, build the package, let a person approve it and publish version 2.4.",
    "Night import": "Every file in incoming/ is a CSV. Check its columns, load it into the database and keep a log.",
    "New disk": "Move the photo archive from the old disk to the new one, and compare checksums before anything is deleted.",
    "License audit": "List the licenses of all dependencies, flag those that are not permissive and write a report.",
    "First day": "Set up everything for a new colleague: account, laptop, access to the repositories and a welcome conversation.",
    "Site check": "Fetch https://example.org, make sure that it answers with 200 and note how long it took.",
    "Clean up": "Find log files older than 30 days, compress them, and delete the originals once a person agrees.",
    "Survey": "Draft ten questions for a customer survey, have them reviewed, and collect the answers in one file.",
    "Backup drill": "Restore last night's backup into a scratch folder, compare it with the original, report the differences.",
    "Certificates": "Check when the certificates of our servers expire, and warn about those with less than 20 days.",
    "Translation": "Translate the user manual into French and Spanish, have both proof-read, then build the PDF files.",
    "Quarter figures": "Add up the sales of the quarter per region from sales.csv, draw a chart and write one page on it.",
    "Database upgrade": "Upgrade the database to the next major version: back up, rehearse, upgrade, verify, tell users.",
    "Style guide": "Run the formatter over the whole code, commit the result and open a pull request.",
    "Duplicates": "Find duplicate addresses in customers.csv, propose which to keep, and ask a person before merging.",
    "Workshop": "Organize a workshop for 12 people: find a date, book a room, order lunch, send invitations.",
    "Load test": "Start the service, send it 1,000 requests, measure the response times and compare with last month.",
    "Handover": "Collect all documents of the project, write an overview, and hand it over to the operations team.",
    "Inventory": "Count the items of the warehouse list by category, mark what is below its minimum, write the order list.",
}
FIRST = "valid at first try"
NEVER = "not valid"


@dataclass(frozen=True)
class Result:
    """The outcome for one brief."""

    verdict: str
    seconds: float
    usage: model_steps.Usage
    tasks: int = 0
    why: str = ""


async def one(planner: ModelPlanner, database: Database, name: str, description: str, *, show: bool) -> Result:
    project_id = new_id("proj")
    values = {**CreateProject(name=name, description=description).model_dump(), "id": project_id, "workspace": "-"}
    await database.transact(lambda conn: projects.create(conn, values, actor="benchmark"))
    began = time.perf_counter()
    draft: PlanDraft | None = None
    why = ""
    try:
        draft = await planner.plan(
            Brief(project_id=project_id, version=1, name=name, description=description, strategy="performance")
        )
    except DomainError as error:
        why = "; ".join(problem.message for problem in error.info.details[:3]) or error.info.message
    seconds = time.perf_counter() - began
    conversation = model_steps.of_conversation(project_id, "plan:1")
    used = await database.read(lambda conn: model_steps.usage(conn, conversation))
    if show:
        for number in range(1, used.calls + 1):
            print(await database.read(lambda conn, number=number: answer(conn, project_id, number)))
    if draft is None:
        return Result(NEVER, seconds, used, why=why)
    verdict = FIRST if used.calls == 1 else f"valid after {used.calls - 1}"
    return Result(verdict, seconds, used, len(draft.tasks()))


def answer(conn: Connection, project_id: str, number: int) -> str:
    """Return the model's answer, unchanged."""
    row = model_steps.recorded(conn, model_steps.Conversation(project_id, "plan:1"), number)
    parts = row.result["parts"] if row is not None else []
    return "\n".join(str(part.get("content")) for part in parts)


async def measure(only: list[int], *, show: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with small_model() as server:
            settings = Settings(data_dir=Path(folder), **server.settings)
            await asyncio.to_thread(migrate, settings.effective_database_url)
            database = Database(settings.effective_database_url)
            await database.start()
            try:
                await report(ModelPlanner(settings, load_actions(), database), database, only, show=show)
            finally:
                await database.close()


async def report(planner: ModelPlanner, database: Database, only: list[int], *, show: bool) -> None:
    results: list[Result] = []
    print(f"{'':2} {'brief':18} {'':18} {'tasks':>5} {'s':>6} {'in':>6} {'out':>6}")
    for number, (name, description) in enumerate(BRIEFS.items(), 1):
        if only and number not in only:
            continue
        result = await one(planner, database, name, description, show=show)
        results.append(result)
        usage = f"{result.usage.input_tokens:6} {result.usage.output_tokens:6}"
        print(f"{number:2} {name:18} {result.verdict:18} {result.tasks:5} {result.seconds:6.1f} {usage}", flush=True)
        if result.why:
            print(f"   {result.why[:600]}", flush=True)
    counts = Counter(result.verdict for result in results)
    tokens = [sum(getattr(result.usage, side) for result in results) for side in ("input_tokens", "output_tokens")]
    verdicts = ", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items()))
    seconds = sum(result.seconds for result in results)
    print(f"{len(results)} briefs: {verdicts}; {seconds:.0f} s, {tokens[0]:,} tokens in, {tokens[1]:,} out")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of the briefs to plan")
    parser.add_argument("--show", action="store_true", help="print the plans too")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.only, show=arguments.show))
