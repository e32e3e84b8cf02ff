"""Runs the repository's examples on the whole stack, and compares their results with Git and with the test's own figures."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import Stack, free_port

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
REPORT = (EXAMPLES / "repository-report.md").read_text()
CHECKLIST = (EXAMPLES / "release-checklist.md").read_text()
DATA_JOB = (EXAMPLES / "data-job.md").read_text()
ODD_NAME = 'Zoë "Z" &lt; Ünal & 김민준'
MONDAYS = ("2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30")
PEOPLE = ("Ada", "Ada", ODD_NAME, "Ada", "Bo")


@pytest.fixture
def folder(signoff: Stack, tmp_path: Path) -> Path:
    """A folder in which projects may work."""
    made = signoff.root / f"{tmp_path.name}-{free_port()}"
    made.mkdir()
    return made


def git(folder: Path, *arguments: str, author: str = "Ada", at: str = "2026-03-02T10:00:00+0000") -> str:
    person = {"NAME": author, "EMAIL": "someone@project.example", "DATE": at}
    roles = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in person.items()}
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **roles}
    command = ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def with_scripts(folder: Path) -> None:
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__", "sales"))


def commit(folder: Path, files: dict[str, str], *, author: str = "Ada", week: int = 0, message: str = "work") -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
        git(folder, "add", "--", name)
    at = f"{MONDAYS[week]}T10:00:00+0000"
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message, author=author, at=at)


def small_repository(folder: Path) -> None:
    """Five commits in five weeks by three people, with names and contents that break careless programs."""
    git(folder, "init", "--quiet", "--initial-branch", "main")
    odd = "src/a b 'ü' \"<x>\" $(touch pwned) 名.py"
    commit(folder, {odd: "x = 1\n" * 10, "README.md": "# Small\n"}, author=PEOPLE[0], week=0)
    commit(folder, {odd: "x = 1\n" * 15, "tests/test_a.py": "def test(): ...\n" * 3}, author=PEOPLE[1], week=1)
    marked = "# TODO: <script>alert(1)</script>\nword = 'TODO'\ny = 2  # FIXME\n"
    commit(folder, {"src/b.py": marked}, author=PEOPLE[2], week=2)
    git(folder, "tag", "v0.1")
    commit(folder, {"data.json": '{\n"a": 1\n}', "empty.py": ""}, author=PEOPLE[3], week=3)
    commit(folder, {}, author=PEOPLE[4], week=4, message="</title> & <nothing>")


class Page(HTMLParser):
    """What a reader sees: text, charts, and the addresses that a browser would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.loads, self.unclosed = "", list[str](), list[str]()
        self.tags = Counter[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.loads += [str(value) for name, value in attrs if name in {"src", "href", "srcset"}]
        if tag not in {"meta", "wbr"}:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def bars(chart: Path) -> list[str]:
    """The tooltips of a chart's bars. The file must be well-formed XML on its own."""
    shapes = ElementTree.parse(chart).getroot().iter("{http://www.w3.org/2000/svg}rect")
    return [str(title.text) for shape in shapes for title in shape]


async def executed(signoff: Stack, plan: str, folder: Path) -> dict[str, Any]:
    return await signoff.finished(await signoff.started(plan, path=str(folder)), seconds=120)


async def reported(signoff: Stack, folder: Path, plan: str = REPORT) -> tuple[dict[str, Any], Page]:
    """Run the report and return its data and its page."""
    project = await executed(signoff, plan, folder)
    assert project["status"] == "completed", project["failure"]
    for task in project["tasks"]:
        assert all((folder / file).is_file() for file in task["expected_files"]), task["key"]
    made = folder / "signoff-report"
    page = Page((made / "report.html").read_text())
    assert page.unclosed == []
    assert page.loads == []
    assert page.tags["svg"] == len(list((made / "charts").glob("*.svg"))) == 6
    return json.loads((made / "report.json").read_text()), page


async def refused(signoff: Stack, folder: Path, plan: str = REPORT) -> str:
    """Run a plan that must fail, and return the error message of its only failed task."""
    project = await executed(signoff, plan, folder)
    assert project["status"] == "failed"
    (failed,) = [task for task in project["tasks"] if task["status"] == "failed"]
    return failed["error"]["message"]


@pytest.mark.parametrize("plan", [REPORT, CHECKLIST, DATA_JOB], ids=["report", "checklist", "data"])
async def test_every_example_is_planned_without_a_warning(signoff: Stack, plan: str) -> None:
    made = await signoff.call("GET", f"/{await signoff.planned(plan)}/plan")
    assert made["warnings"] == []
    assert all(task["description"] or task["action"]["type"] != "manual" for p in made["phases"] for task in p["tasks"])


async def test_the_report_has_its_phases_and_kinds_of_tasks(signoff: Stack) -> None:
    made = await signoff.call("GET", f"/{await signoff.planned(REPORT)}/plan")
    assert [phase["strategy"] for phase in made["phases"]] == ["sequential", "parallel", "dag", "dag"]
    tasks = [task for phase in made["phases"] for task in phase["tasks"]]
    assert len(tasks) == 20
    assert {task["action"]["type"] for task in tasks} == {"shell", "http", "milestone"}


async def test_the_report_of_a_small_repository_agrees_with_git_in_figures_and_charts(
    signoff: Stack, folder: Path
) -> None:
    small_repository(folder)
    with_scripts(folder)
    report, page = await reported(signoff, folder)

    head = git(folder, "rev-parse", "HEAD")
    assert report["repository"]["commit"] == head
    assert report["repository"]["branch"] == "main"
    assert report["totals"]["commits"] == int(git(folder, "rev-list", "--count", "HEAD")) == len(PEOPLE)
    counted = git(folder, "shortlog", "--summary", "--numbered", "HEAD").splitlines()
    assert Counter({a["name"]: a["commits"] for a in report["authors"]}) == Counter(PEOPLE)
    assert len(report["authors"]) == report["totals"]["authors"] == len(counted)
    assert report["weeks"] == [{"from": day, "commits": 1} for day in MONDAYS]

    files = git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD").strip("\0").split("\0")
    assert report["totals"]["files"] == len(files) == 6
    lines = {name: len((folder / name).read_text().splitlines()) for name in files}
    assert report["totals"]["lines"] == sum(lines.values()) == 25
    assert [point["lines"] for point in report["growth"]] == [11, 19, 22, 25, 25]
    assert {f["path"]: f["lines"] for f in report["largest_files"]} == {n: c for n, c in lines.items() if c}
    assert report["kinds"] == {"code": 18, "tests": 3, "prose": 1, "data": 3}
    assert report["totals"]["test_lines_per_100_of_code"] == 17
    assert report["most_changed_files"][0]["changes"] == 2
    assert report["markers"]["by_marker"] == {"TODO": 1, "FIXME": 1}
    assert report["releases"] == {"tags": [{"name": "v0.1", "at": "2026-03-16T10:00:00+00:00"}], "commits_since": 2}
    assert not (folder / "pwned").exists()

    assert head[:12] in page.text
    assert ODD_NAME in page.text
    assert page.tags["script"] == page.tags["b"] - 1 == 0
    for word in ("TODO: <script>alert(1)</script>", "</title> & <nothing>", "took"):
        assert word.lower() in page.text.lower()

    # The charts show the numbers of the report.
    charts = folder / "signoff-report" / "charts"
    assert bars(charts / "commits.svg") == [
        f"day from {day}: 1"
        for day in ("02 March 2026", "09 March 2026", "16 March 2026", "23 March 2026", "30 March 2026")
    ]
    assert bars(charts / "authors.svg") == ["commits by Ada: 3", "commits by Bo: 1", f"commits by {ODD_NAME}: 1"]
    assert bars(charts / "languages.svg") == [
        "Python: 21 lines, files: 4",
        "JSON: 3 lines, files: 1",
        "Markdown: 1 lines, files: 1",
    ]
    summary = (folder / "signoff-report" / "summary.md").read_text()
    assert "- Commits: 5 by 3 authors, from 2026-03-02 to 2026-03-30" in summary

    # The page names what each step took, and the Signoff that made it.
    assert set(report["seconds"]) == {"history", "authors", "sources", "changes", "markers", "releases"}
    assert "chart of hotspots" in page.text
    assert f"Signoff {(await signoff.http.get('/health')).json()['version']}" in page.text


async def test_the_report_of_this_repository(signoff: Stack, folder: Path) -> None:
    folder.rmdir()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True)
    shutil.rmtree(folder / "examples", ignore_errors=True)
    with_scripts(folder)
    report, _ = await reported(signoff, folder)
    assert report["totals"]["commits"] == int(git(folder, "rev-list", "--count", "HEAD"))
    counts = (
        line.split("\t")
        for line in git(
            folder, "diff", "--numstat", git(folder, "hash-object", "-t", "tree", "/dev/null"), "HEAD"
        ).splitlines()
    )
    assert report["totals"]["lines"] == sum(int(added) for added, _, _ in counts if added != "-")


async def test_a_merge_grows_the_branch_once_and_each_of_its_commits_is_counted(signoff: Stack, folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, {"a.py": "1\n" * 4, ".mailmap": "Ada <a@project.example> Countess <someone@project.example>\n"})
    git(folder, "switch", "--quiet", "--create", "side")
    commit(folder, {"b.py": "1\n" * 2}, author="Countess", week=1)
    commit(folder, {"b.py": "1\n" * 5}, author="Countess", week=2)
    git(folder, "switch", "--quiet", "main")
    commit(folder, {"a.py": "1\n" * 6}, week=3)
    git(folder, "merge", "--quiet", "--no-ff", "--message", "merged", "side", at=f"{MONDAYS[4]}T10:00:00+0000")
    with_scripts(folder)
    report, _ = await reported(signoff, folder)
    assert report["totals"]["commits"] == 5
    assert report["authors"] == [{"name": "Ada", "commits": 5}]
    assert [point["lines"] for point in report["growth"]] == [5, 7, 12]
    assert {file["path"]: file["changes"] for file in report["most_changed_files"]} == {
        ".mailmap": 1,
        "a.py": 2,
        "b.py": 1,
    }


async def test_one_commit_without_files_is_reported_too(signoff: Stack, folder: Path) -> None:
    git(folder, "init", "--quiet")
    commit(folder, {})
    with_scripts(folder)
    report, page = await reported(signoff, folder)
    assert (report["totals"]["commits"], report["totals"]["lines"]) == (1, 0)
    assert "weeks before this report" in page.text


async def test_another_repository_is_named_in_the_plan_and_may_be_a_shallow_clone(signoff: Stack, folder: Path) -> None:
    origin, other = folder / "origin", folder / "the other"
    origin.mkdir()
    small_repository(origin)
    subprocess.run(["git", "clone", "--quiet", "--depth=2", f"file://{origin}", str(other)], check=True)
    with_scripts(folder)
    report, page = await reported(signoff, folder, REPORT.replace("REPOSITORY: .", "REPOSITORY: the other"))
    assert report["repository"]["name"] == "the other"
    assert not (other / "signoff-report").exists()
    assert report["totals"]["commits"] == 2
    assert report["growth"][-1]["lines"] == report["totals"]["lines"] == 25
    assert "shallow clone" in page.text


async def test_if_there_is_nothing_to_report_the_first_task_says_why(signoff: Stack, folder: Path) -> None:
    assert "examples/repository-report is not here" in await refused(signoff, folder)
    with_scripts(folder)
    assert f"Git finds no repository in {folder}" in await refused(signoff, folder)
    git(folder, "init", "--quiet")
    assert "has no commit yet" in await refused(signoff, folder)
    assert "There is no folder nowhere" in await refused(signoff, folder, REPORT.replace("TORY: .", "TORY: nowhere"))


def releasable(folder: Path) -> None:
    git(folder, "init", "--quiet")
    changelog = (
        "# Changelog\n\n## Unreleased\n\n- soon\n\n## [1.4.0] - 2026-03-02\n\n- Faster.\n\n## 1.3.0\n\n- Slower.\n"
    )
    commit(folder, {"CHANGELOG.md": changelog, "VERSION": "1.4.0\n", "Makefile": "test:\n\t@echo tested\n"})


async def test_the_checklist_leads_to_a_tag_through_people_and_a_gate(signoff: Stack, folder: Path) -> None:
    releasable(folder)
    project_id = await signoff.started(CHECKLIST.replace("wait=10m", "wait=0.1"), path=str(folder))

    async def done(key: str) -> None:
        task = await signoff.task_in(project_id, key, "waiting")
        await signoff.call("POST", f"/{project_id}/tasks/{task['id']}/complete")

    await done("version")
    for key in ("read", "try", "risk"):
        await done(key)
    at = (await signoff.at_gate(project_id))["gate"]
    assert git(folder, "tag") == ""
    await signoff.call("POST", f"/{project_id}/approve", json={"phase_id": at["phase_id"]})
    await done("push")
    assert git(folder, "tag") == "v1.4.0"
    assert git(folder, "rev-parse", "v1.4.0^{commit}") == git(folder, "rev-parse", "HEAD")
    assert git(folder, "tag", "--list", "--format=%(contents)") == "- Faster."
    await done("announce")
    project = await signoff.finished(project_id)
    assert project["status"] == "completed", project["failure"]


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (["tag", "v1.4.0"], "the tag v1.4.0 exists already"),
        (["rm", "--cached", "Makefile"], "There are changes that are not committed"),
        (["mv", "VERSION", "OTHER"], "contains 1.4.0"),
    ],
)
async def test_the_checklist_stops_where_a_check_fails(
    signoff: Stack, folder: Path, breaks: list[str], message: str
) -> None:
    releasable(folder)
    git(folder, *breaks)
    if breaks[0] == "mv":
        git(folder, "commit", "--quiet", "--message", "moved")
    project_id = await signoff.started(CHECKLIST, path=str(folder))
    task = await signoff.task_in(project_id, "version", "waiting")
    await signoff.call("POST", f"/{project_id}/tasks/{task['id']}/complete")
    project = await signoff.finished(project_id)
    assert project["status"] == "failed"
    assert message in next(t["error"]["message"] for t in project["tasks"] if t["status"] == "failed")
    assert all(task["status"] == "skipped" for task in project["tasks"] if task["key"] in {"read", "tag", "push"})


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


async def test_the_data_job_agrees_with_the_orders(signoff: Stack, folder: Path) -> None:
    shutil.copy(EXAMPLES / "data-job" / "orders.csv", folder)
    project = await executed(signoff, DATA_JOB, folder)
    assert project["status"] == "completed", project["failure"]
    months, products = Counter[str](), Counter[tuple[str, str]]()
    for order in table(folder / "orders.csv"):
        amount = int(order["quantity"]) * Decimal(order["unit_price"])
        months[order["date"][:7]] += amount
        products[order["product"], order["region"]] += amount
    assert {row["month"]: Decimal(row["amount"]) for row in table(folder / "sales/by_month.csv")} == months
    found = {(row["product"], row["region"]): Decimal(row["amount"]) for row in table(folder / "sales/by_product.csv")}
    assert found == products
    total = sum(months.values())
    assert f"- Total: {total:.2f}\n" in (folder / "sales/summary.md").read_text()
    chart = ElementTree.parse(folder / "sales/by_month.svg").getroot()
    texts = {text.text for text in chart.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"{amount:,.2f}" for amount in months.values()} | months.keys() <= texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file orders.csv in "),
        ("", "but has none"),
        ("date;region;product\n", "orders.csv must have the columns ['date', 'region'"),
        ("date,region,product,quantity,unit_price\n", "it is empty"),
        (
            "date,region,product,quantity,unit_price\n2026-01-01,N,Lamp,1,2\n2026-13-01,N,Lamp,1,2\n",
            "line 3: month must be",
        ),
        ("date,region,product,quantity,unit_price\n2026-01-01,N,Lamp,many,2\n", "line 2: invalid literal"),
        (
            "date,region,product,quantity,unit_price\n2026-01-01,N,Lamp,1,dear\n",
            "line 2: has a price that is not a number",
        ),
        ("date,region,product,quantity,unit_price\n2026-01-01,N,Lamp,1,NaN\n", "line 2: needs a quantity"),
        ("date,region,product,quantity,unit_price\n2026-01-01,N\n", "line 2: must have one field for each column"),
        ("\xff\xfe", "is not a CSV file in UTF-8"),
    ],
    ids=["missing", "empty", "columns", "no orders", "date", "quantity", "price", "nan", "fields", "binary"],
)
async def test_the_data_job_says_what_is_wrong_with_its_file(
    signoff: Stack, folder: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (folder / "orders.csv").write_bytes(content.encode("latin-1"))
    assert message in await refused(signoff, folder, DATA_JOB)
    assert not (folder / "sales" / "orders.jsonl").exists()
