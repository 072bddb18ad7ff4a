"""A run on a Ray cluster on this machine: a node is killed in the middle, then the driver, and then it goes on.

Run: python benchmarks/ray_cluster.py [--tasks 60] [--nodes 3] [--sandboxes 2] [--steps 8] [--think 0.3] [--json FILE].
Needs a Docker engine, the image of scripts/base-image and the extra `ray`. The same tasks are attempted and graded in
containers, with a scripted model: by the local engine, undisturbed; then on the cluster, where the last node is killed
with SIGKILL when a third of the events are recorded, and the driver when two thirds are; the same command then goes on
to the end, on the nodes that are left.

The figures: predictions and verdicts that differ from the local engine's, attempts in which a model call is recorded
twice or missing, finished attempts whose trajectory changed afterwards, attempts a node, containers that are left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.workload import Workload
from tests.e2e.clusters import Nodes, nodes
from trajectories.events import AttemptEnded, ModelReplied, Resumed
from trajectories.log import read_events

#: Bytecode, which has the time in it, would be part of patches.
_SAME = "sandbox.env={PYTHONDONTWRITEBYTECODE: '1'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--sandboxes", type=int, default=2, help="attempts that a node has room for")
    parser.add_argument("--steps", type=int, default=8, help="model calls of an attempt")
    parser.add_argument("--think", type=float, default=0.3, help="seconds that a model call takes")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="patchwright-ray-") as place:
        work = Workload.make(Path(place), given.tasks, given.steps, given.think)
        width = given.nodes * given.sandboxes
        judged = ("--evaluate", "--set", _SAME)
        began = time.monotonic()
        finish(work, work.batch("local", width, *judged))
        alone = time.monotonic() - began
        with nodes(given.nodes, given.sandboxes, work.env) as cluster:
            asked = ("--engine", "ray", "--address", cluster.address, "--per-attempt", "memory=16", *judged)
            finished = disturb(work, cluster, work.batch("ray", width, *asked), given.nodes - 1)
            finish(work, work.batch("ray", width, *asked))
        found = compare(work, finished) | {"tasks": given.tasks, "nodes": given.nodes, "local_seconds": round(alone, 1)}
    for name, value in found.items():
        print(f"{name.replace('_', ' '):42} {value}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


def disturb(work: Workload, cluster: Nodes, command: list[str], node: int) -> dict[Path, bytes]:
    """Kill a node and then the driver; the trajectories of the attempts that were finished by then."""
    output = work.home / "ray"
    total = events(work.home / "local")
    driver = begin(work, command)
    wait_until(driver, lambda: events(output) >= total // 3)
    cluster.kill(node)
    wait_until(driver, lambda: events(output) >= total * 2 // 3)
    driver.kill()
    print(driver.communicate()[1].decode(), file=sys.stderr)
    content = {path: path.read_bytes() for path in output.rglob("trajectory.jsonl")}
    return {path: text for path, text in content.items() if b'"attempt_ended"' in text}


def begin(work: Workload, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=work.env, cwd=work.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(work: Workload, command: list[str]) -> None:
    process = begin(work, command)
    said = process.communicate()[1].decode()
    print(said, file=sys.stderr)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")


def wait_until(driver: subprocess.Popen[bytes], done: Any) -> None:
    while not done():
        if driver.poll() is not None:
            raise SystemExit(f"the driver ended too early: {driver.communicate()[1].decode()}")
        time.sleep(0.1)


def events(output: Path) -> int:
    """Events in all trajectories of an output."""
    return sum(path.read_bytes().count(b"\n") for path in output.rglob("trajectory.jsonl"))


def compare(work: Workload, finished: dict[Path, bytes]) -> dict[str, Any]:
    local, ray = (json.loads((work.home / name / "preds.json").read_text()) for name in ("local", "ray"))
    verdicts = [json.loads((work.home / name / "results.json").read_text()) for name in ("local", "ray")]
    judged = [{row["task_id"]: row["verdict"] for row in known["attempts"]} for known in verdicts]
    calls: Counter[str] = Counter()
    resumed = ends = 0
    for path in (work.home / "ray").rglob("trajectory.jsonl"):
        recorded = read_events(path)
        steps = [event.step for event in recorded if isinstance(event, ModelReplied)]
        calls["right" if steps == list(range(1, len(steps) + 1)) else "twice or missing"] += 1
        calls["made"] += len(steps)
        resumed += any(isinstance(event, Resumed) for event in recorded)
        ends += sum(isinstance(event, AttemptEnded) for event in recorded)
    run_id = json.loads((work.home / "ray" / "run.json").read_text())["run_id"]
    row = ["docker", "ps", "-aq", "--filter", f"label=patchwright.run={run_id}"]
    return {
        "predictions": len(ray),
        "predictions_that_differ": sum(local.get(task) != ray.get(task) for task in {*local, *ray}),
        "verdicts_that_differ": sum(judged[0].get(task) != judged[1].get(task) for task in {*judged[0], *judged[1]}),
        "resolved": sum(verdict == "resolved" for verdict in judged[1].values()),
        "model_calls_recorded": calls["made"],
        "attempts_with_calls_twice_or_missing": calls["twice or missing"],
        "finished_when_the_driver_died": len(finished),
        "of_these_changed_afterwards": sum(path.read_bytes() != text for path, text in finished.items()),
        "attempts_gone_on_with": resumed,
        "attempts_that_ended_more_than_once": ends - len(ray),
        "containers_left": len(subprocess.run(row, capture_output=True, text=True, check=True).stdout.split()),
    }


if __name__ == "__main__":
    main()
