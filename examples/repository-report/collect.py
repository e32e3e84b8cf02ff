"""Combines the measures into report.json: the data of the whole report, for people and for other programs."""

from __future__ import annotations

from repository import inputs, load, publish, save


def main() -> None:
    """Combine the measures. This task's inputs are the seconds that each measure took."""
    history, sources, changes, markers = load("history"), load("sources"), load("changes"), load("markers")
    people = load("authors")["authors"]
    totals = {
        "commits": history["commits"],
        "authors": len(people),
        "files": sources["files"],
        "binary_files": sources["binary_files"],
        "bytes": sources["bytes"],
        "lines": sources["lines"],
        "markers": markers["total"],
        "test_lines_per_100_of_code": _percentage(sources["kinds"]["tests"], sources["kinds"]["code"]),
    }
    report = {
        "repository": load("repository"),
        "totals": totals,
        "first_commit": history["first"],
        "last_commit": history["last"],
        "weeks": history["weeks"],
        "commit_chart": history["chart"],
        "authors": people,
        "kinds": sources["kinds"],
        "languages": sources["languages"],
        "largest_files": sources["largest"],
        "commits_compared": changes["commits_compared"],
        "most_changed_files": changes["files"],
        "growth": changes["growth"],
        "markers": markers,
        "releases": load("releases"),
        "seconds": {name: float(text) for name, text in sorted(inputs().items())},
    }
    save("report", report)
    publish(test_ratio="none" if (ratio := totals["test_lines_per_100_of_code"]) is None else ratio)


def _percentage(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


if __name__ == "__main__":
    main()
