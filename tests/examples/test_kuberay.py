"""The manifests of examples/kuberay: they fit KubeRay's schema, and what they name of Patchwright is there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.batch.cluster.placement import Share

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "kuberay"
#: The directory with ``ray.io_rayjobs.yaml`` and others: helm-chart/kuberay-operator/crds in ray-project/kuberay.
CRDS = os.environ.get("KUBERAY_CRDS", "")


def documents(kind: str | None = None) -> list[dict[str, Any]]:
    found = [document for path in sorted(EXAMPLES.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())]
    return [document for document in found if kind is None or document["kind"] == kind]


def clusters() -> list[dict[str, Any]]:
    return [job["spec"]["rayClusterSpec"] for job in documents("RayJob")] + [
        it["spec"] for it in documents("RayCluster")
    ]


def pods() -> list[dict[str, Any]]:
    groups = [group for cluster in clusters() for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    return [group["template"]["spec"] for group in groups]


def closed(schema: Any) -> Any:
    """A schema of Kubernetes that refuses unknown fields, as ``kubectl apply`` does."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        made.setdefault("additionalProperties", schema.get("x-kubernetes-preserve-unknown-fields", False))
    return made


@pytest.mark.skipif(not CRDS, reason="KUBERAY_CRDS names no directory with KubeRay's custom resource definitions")
@pytest.mark.parametrize("kind", ["RayJob", "RayCluster"])
def test_they_fit_the_schema_of_kuberay(kind: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    definition = yaml.safe_load((Path(CRDS) / f"ray.io_{kind.lower()}s.yaml").read_text())
    (version,) = [version for version in definition["spec"]["versions"] if version["name"] == "v1"]
    schema = closed(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    assert documents(kind)
    for document in documents(kind):
        errors = jsonschema.Draft202012Validator(schema).iter_errors(document["spec"])
        assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_every_volume_that_is_mounted_is_there() -> None:
    for pod in pods():
        containers = [*pod.get("initContainers", ()), *pod["containers"]]
        mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", ())}
        assert mounted == {volume["name"] for volume in pod.get("volumes", ())}


def test_workers_have_an_engine_of_their_own_and_offer_sandboxes() -> None:
    for cluster in clusters():
        for group in cluster["workerGroupSpecs"]:
            pod = group["template"]["spec"]
            (worker,), (engine,) = pod["containers"], pod["initContainers"]
            (host,) = [entry["value"] for entry in worker["env"] if entry["name"] == "DOCKER_HOST"]
            assert f"--host={host}" in engine["args"]
            kept = next(volume for volume in pod["volumes"] if volume["name"] == "images")
            assert "ephemeral" in kept  # one for each engine
            params = group["rayStartParams"]
            resources = json.loads(json.loads(params["resources"]))
            per_attempt = Share.parse("cpu=0.4,memory=160")
            memory = int(worker["resources"]["limits"]["memory"].removesuffix("Gi")) << 30
            room = {"CPU": float(params["num-cpus"]), "memory": 0.7 * memory, **resources}
            assert per_attempt.fits(room) == resources["sandbox"]


def test_what_is_run_is_a_command_of_ours() -> None:
    (job,) = documents("RayJob")
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:2] == ["agent", "batch"]
    command = [sys.executable, "-m", "agent", "batch", "--help"]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "COLUMNS": "200"}
    ).stdout
    assert [word for word in words if word.startswith("--") and word not in shown] == []
    assert Share.parse(words[words.index("--per-attempt") + 1])


def test_all_manifests_mean_the_same_version_of_ray() -> None:
    (base,) = [line for line in (EXAMPLES / "Dockerfile").read_text().splitlines() if line.startswith("FROM")]
    versions = {cluster["rayVersion"] for cluster in clusters()}
    assert len(versions) == 1
    assert f":{versions.pop()}-py3" in base
