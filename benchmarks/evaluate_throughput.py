"""How many instances a minute are judged, beside swebench's own run_evaluation: same instances, same images, in turn.

Run: python benchmarks/evaluate_throughput.py --tasks FILE [--repositories DIR] [--filter RE] [--rounds N] [--json FILE]

Needs a Docker engine and rows that carry an ``environment`` (their images are built here first, which is not measured).
The peer gets the same images by their tags and an evaluation script in its own form; it runs in a virtual environment
of its own (benchmarks/peers/requirements-swebench.txt). Each round runs one after the other and then swaps the order.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# So that `benchmarks` is found when this is run as a script.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peers.install import environment, listed
from benchmarks.peers.processes import descendants, pss
from tasks.datasets import Selection, load_tasks
from tasks.images import Computers, ComputerSettings, Ready

HERE = Path(__file__).resolve().parent
WORKERS = 2
_END = "EOF_114329324912"
#: What Python 3.11 adds to the id of a unittest, taken out as the rows' own ids want it.
_NEW_ID = re.compile(r"(\w+) \(\S+\.\1\)")
_OLD_IDS = r"sed -E 's/^([A-Za-z0-9_]+) \(([^() ]+)\.\1\)/\1 (\2)/'"


@dataclass(frozen=True)
class Run:
    """One evaluation of all instances.

    Attributes:
        seconds: Of wall time.
        memory: MiB of all its processes together at the peak (proportional set size; containers not counted).
        disk: MiB that it wrote into its directories.
        resolved: Instances that it found resolved.
    """

    seconds: float
    memory: float
    disk: float
    resolved: frozenset[str]


def main() -> None:
    arguments = parsed()
    tasks = load_tasks(arguments.tasks, selection=Selection(filter=arguments.filter), on_fault=print)
    computers = Computers(ComputerSettings(kind="docker", repositories=arguments.repositories), lambda line: None)
    ready = [computers.ready(task) for task in tasks]
    runs: dict[str, list[Run]] = {"Patchwright": [], "swebench": []}
    with tempfile.TemporaryDirectory(prefix="patchwright-throughput-") as scratch:
        for number in range(arguments.rounds):
            order = list(runs) if number % 2 == 0 else list(runs)[::-1]
            for who in order:
                place = Path(scratch) / f"{who}-{number}"
                place.mkdir()
                run = (ours if who == "Patchwright" else swebench)(arguments, ready, place)
                runs[who].append(run)
                print(f"round {number + 1}: {who}: {run.seconds:.1f} s, {len(run.resolved)} resolved", file=sys.stderr)
    show(runs, len(ready))
    if arguments.json:
        found = {who: [{**vars(run), "resolved": sorted(run.resolved)} for run in those] for who, those in runs.items()}
        arguments.json.write_text(json.dumps({"instances": len(ready), "workers": WORKERS, "runs": found}, indent=2))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", required=True, help="rows with an environment")
    parser.add_argument("--repositories", type=Path, help="directory with the rows' repositories")
    parser.add_argument("--filter", default="", help="regular expression on the ids")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def ours(arguments: argparse.Namespace, ready: list[Ready], place: Path) -> Run:
    command = [sys.executable, "-m", "agent", "evaluate", "--tasks", arguments.tasks, "--predictions", "gold",
               "--filter", arguments.filter, "--sandbox", "docker", "--workers", str(WORKERS),
               "--output", str(place / "out")]  # fmt: skip
    if arguments.repositories:
        command += ["--repositories", str(arguments.repositories)]
    seconds, memory = watched(command, place)
    (report,) = (place / "out").glob("gold.*.json")
    return Run(seconds, memory, size(place), frozenset(json.loads(report.read_text())["resolved_ids"]))


def swebench(arguments: argparse.Namespace, ready: list[Ready], place: Path) -> Run:
    (place / "rows.json").write_text(json.dumps([row(one) for one in ready]))
    predictions = [
        {"instance_id": one.task.id, "model_name_or_path": "gold", "model_patch": one.task.patch} for one in ready
    ]
    (place / "preds.json").write_text(json.dumps(predictions))
    python = environment("swebench", listed(HERE / "peers" / "requirements-swebench.txt"))
    command = [str(python), "-m", "swebench.harness.run_evaluation", "-d", "rows.json", "-p", "preds.json",
               "--max_workers", str(WORKERS), "-id", f"throughput-{place.name}"]  # fmt: skip
    seconds, memory = watched(command, place)
    (report,) = place.glob("gold.*.json")
    return Run(seconds, memory, size(place), frozenset(json.loads(report.read_text())["resolved_ids"]))


def row(one: Ready) -> dict[str, Any]:
    """The instance as swebench wants it: our image, and a script in the form of its own."""
    task = one.task
    assert task.environment is not None
    fail_to_pass, pass_to_pass = task.judged
    files = " ".join(shlex.quote(path) for path in re.findall(r"^diff --git a/(\S+) b/", task.test_patch, re.MULTILINE))
    reset = f"git checkout {one.base_commit} {files} 2>/dev/null || true"
    command = task.environment.test_command
    if task.environment.normalize_test_ids and not any(map(_NEW_ID.match, fail_to_pass + pass_to_pass)):
        command = f"({command}) 2>&1 | {_OLD_IDS}"
    variables = [f"export {name}={shlex.quote(value)}" for name, value in task.environment.env.items()]
    script = ["#!/bin/bash", "set -uxo pipefail", "cd /testbed", *variables, reset,
              f"git apply -v - <<'{_END}'", task.test_patch.rstrip("\n"), "", _END,
              ": '>>>>> Start Test Output'", command, ": '>>>>> End Test Output'", reset]  # fmt: skip
    return {
        "instance_id": task.id,
        "repo": task.repo,
        "version": task.version,
        "base_commit": one.base_commit,
        "image": one.spec.image,
        "patch": task.patch,
        "test_patch": task.test_patch,
        "problem_statement": task.problem_statement,
        "FAIL_TO_PASS": list(fail_to_pass),
        "PASS_TO_PASS": list(pass_to_pass),
        "log_parser": task.log_parser,
        "eval_type": task.eval_type,
        "eval_script": "\n".join(script) + "\n",
    }


def watched(command: list[str], place: Path) -> tuple[float, float]:
    """Run a command; its seconds, and its peak memory in MiB."""
    peak = 0.0
    began = time.monotonic()
    log = (place / "log.txt").open("wb")
    with subprocess.Popen(command, cwd=place if "swebench" in command[2] else None, stdout=log, stderr=log) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.2):
                peak = max(peak, pss([process.pid, *descendants(process.pid)]))

        watcher = threading.Thread(target=watch)
        watcher.start()
        process.wait()
        seconds = time.monotonic() - began
        done.set()
        watcher.join()
    if process.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed:\n{(place / 'log.txt').read_text()[-2000:]}")
    return seconds, peak


def size(place: Path) -> float:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 2**20


def show(runs: dict[str, list[Run]], instances: int) -> None:
    print(f"{instances} instances, {WORKERS} workers, medians of {len(runs['swebench'])} rounds")
    print(f"{'':14}{'instances/min':>15}{'(spread)':>16}{'memory MiB':>12}{'written MiB':>13}{'resolved':>10}")
    rates = {}
    for who, those in runs.items():
        rate = [instances * 60 / run.seconds for run in those]
        rates[who] = statistics.median(rate)
        spread = f"({min(rate):.1f}–{max(rate):.1f})"
        memory = statistics.median(run.memory for run in those)
        disk = statistics.median(run.disk for run in those)
        print(f"{who:14}{rates[who]:>15.1f}{spread:>16}{memory:>12.0f}{disk:>13.1f}{len(those[-1].resolved):>10}")
    print(f"ratio {rates['Patchwright'] / rates['swebench']:.2f}")
    found = {who: those[-1].resolved for who, those in runs.items()}
    if found["Patchwright"] != found["swebench"]:
        print(f"verdicts differ: {sorted(found['Patchwright'] ^ found['swebench'])}")


if __name__ == "__main__":
    main()
