"""The dashboard and the alerts in `examples/monitoring`: everything that they ask for exists in what Signoff serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio.testing import WorkflowEnvironment

from tests.conftest import free_port, running_stack
from tests.observing.test_worker_metrics import PLAN
from tests.worker_process import worker_process

FOLDER = Path(__file__).parents[2] / "examples" / "monitoring"
# Prometheus itself makes this metric and adds these labels.
OF_PROMETHEUS, ADDED = "up", {"job", "instance", "le"}


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def expressions() -> Iterator[str]:
    for rule in (rule for group in read("alerts.yml")["groups"] for rule in group["rules"]):
        yield rule["expr"]
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            # Grafana replaces its variable with a duration.
            yield target["expr"].replace("$__rate_interval", "5m")


def wanted() -> set[tuple[str, str]]:
    """The metrics that the files ask for, with each label that they select by."""
    found: set[tuple[str, str]] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name != OF_PROMETHEUS:
            found.add((node.name, ""))
            found.update((node.name, each.name) for each in node.matchers.matchers if each.name not in ADDED)

    for expression in expressions():
        promql_parser.walk(promql_parser.parse(expression), visit)
    return found


async def test_every_metric_of_the_dashboard_and_the_alerts_exists(
    temporal_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with running_stack(temporal_server, tmp_path, worker=False) as stack, httpx.AsyncClient() as http:
        settings = stack.settings.model_copy(update={"metrics": address})
        settings.model_fields_set.add("metrics")
        async with worker_process(settings):
            await stack.finished(await stack.started(PLAN))
            texts = [(await stack.http.get("/metrics")).text, (await http.get(f"http://{address}/metrics")).text]
    samples = [sample for text in texts for family in text_string_to_metric_families(text) for sample in family.samples]
    served = {(sample.name, label) for sample in samples for label in ("", *sample.labels)}
    asked = wanted()
    assert len({name for name, _ in asked}) > 15
    assert asked - served == set()


def test_the_files_fit_together() -> None:
    config = read("prometheus.yml")
    assert config["rule_files"] == ["alerts.yml"]
    assert {each["job_name"] for each in config["scrape_configs"]} == {"signoff-app", "signoff-worker"}
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    # No two panels overlap: Grafana would move one of them.
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert taken.isdisjoint(cells)
        assert max(x for x, _ in cells) < 24
        taken |= cells
