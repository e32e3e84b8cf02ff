"""The example for Kubernetes: its parts refer to each other, and to settings, commands and policies that exist.

No cluster is needed; docs/how-to/kubernetes.md says what that leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import main
from app.settings import Settings
from app.settings.environment import SECRETS_PREFIX, variable_of
from app.settings.loading import load_settings

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    each for name in KUSTOMIZATION["resources"] for each in yaml.safe_load_all((FOLDER / name).read_text())
]
# What the guide has people make themselves.
SECRETS = {"signoff", "signoff-tasks"}


def found(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == kind}


PODS: dict[str, dict[str, Any]] = {name: each["spec"]["template"]["spec"] for name, each in found("Deployment").items()}


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in PODS.items():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            yield name, container


def settings_of(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def test_every_file_is_used() -> None:
    files = {path.name for path in FOLDER.iterdir()}
    generated = {name for each in KUSTOMIZATION["configMapGenerator"] for name in each.get("files", [])}
    assert files == {"kustomization.yaml", *KUSTOMIZATION["resources"], *generated}


def test_every_variable_is_a_setting() -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    used = {
        name
        for path in [*FOLDER.glob("*.yaml"), FOLDER.parents[1] / "docs" / "how-to" / "kubernetes.md"]
        for name in re.findall(r"SIGNOFF_[A-Z_]+[A-Z]", path.read_text())
        if not name.startswith(SECRETS_PREFIX.rstrip("_"))
    }
    assert used - {"SIGNOFF_CONFIG"} <= known


def test_the_settings_file_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_CONFIG", str(FOLDER / "signoff.toml"))
    (policy,) = load_settings().signoff.policy
    assert (policy.name, policy.approvals, policy.four_eyes) == ("Production", 2, True)


def test_containers_run_commands_that_exist_from_the_image() -> None:
    images = {each["name"] for each in KUSTOMIZATION["images"]}
    for _, container in containers():
        program, command = container["command"]
        assert program == "signoff"
        assert command in main.list_commands(click.Context(main))
        assert container["image"] in images


def test_what_a_pod_refers_to_exists() -> None:
    maps = {each["name"] for each in KUSTOMIZATION["configMapGenerator"]}
    for name, container in containers():
        volumes = {each["name"]: each for each in PODS[name]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
        for volume in volumes.values():
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in found("PersistentVolumeClaim")
        for source in container["envFrom"]:
            assert source.get("configMapRef", {}).get("name", "signoff-settings") in maps
            assert source.get("secretRef", {}).get("name", "signoff") in SECRETS


def test_only_the_app_has_the_record() -> None:
    assert "record" in {volume["name"] for volume in PODS["app"]["volumes"]}
    assert "record" not in {volume["name"] for volume in PODS["worker"]["volumes"]}
    assert found("Deployment")["app"]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_worker_gets_no_key_of_the_app() -> None:
    (worker,) = PODS["worker"]["containers"]
    assert [source["secretRef"]["name"] for source in worker["envFrom"] if "secretRef" in source] == ["signoff-tasks"]
    assert [each["name"] for each in worker["env"] if "valueFrom" in each] == ["SIGNOFF_DATABASE_URL"]


def test_nothing_has_more_rights_than_it_needs() -> None:
    for name, container in containers():
        assert PODS[name]["automountServiceAccountToken"] is False
        assert PODS[name]["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_a_worker_has_time_to_stop() -> None:
    (worker,) = PODS["worker"]["containers"]
    values = settings_of(worker)
    graces = float(values["SIGNOFF_SHUTDOWN_GRACE"]) + float(values["SIGNOFF_KILL_GRACE"])
    assert PODS["worker"]["terminationGracePeriodSeconds"] >= graces + 5


def test_the_service_and_the_autoscaler_find_their_pods() -> None:
    app = found("Deployment")["app"]["spec"]
    assert found("Service")["app"]["spec"]["selector"] == app["template"]["metadata"]["labels"]
    assert app["selector"]["matchLabels"] == app["template"]["metadata"]["labels"]
    assert found("HorizontalPodAutoscaler")["worker"]["spec"]["scaleTargetRef"]["name"] in PODS


def test_probes_ask_by_a_name_that_the_app_answers_to() -> None:
    (app,) = PODS["app"]["containers"]
    allowed = settings_of(app)["SIGNOFF_ALLOWED_HOSTS"].split(",")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        (header,) = app[probe]["httpGet"]["httpHeaders"]
        assert header["name"] == "Host"
        assert header["value"] in allowed
