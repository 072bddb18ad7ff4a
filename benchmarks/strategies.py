"""What each strategy is worth with a small model that anyone can run: solved tasks, tokens and time, beside peers.

Run: python benchmarks/strategies.py --data DIR --output OUTPUT [--half final] [--arms NAME ...] [--width N]

Tasks are programs with one bug: QuixBugs and HumanEvalFix, of which DIR has the rows
(``quixbugs/quixbugs_python.jsonl`` with ``support.json``, ``humanevalfix/humanevalpack_python.jsonl``) and
``splits.json``, the halves for development and for the final table. One server of the embedded model serves all arms
(see strategies_arms.py); every arm has the same limits, the same statement of the task, and containers of the same
image without a network; one grader judges all by the hidden tests. Needs a Docker engine, the extra `local`, and the
package index for the peers.

Each finished pair of task and arm is a line of OUTPUT/results.jsonl, and what happened is kept in OUTPUT/ARM/TASK. The
same command goes on where it was interrupted. Without tasks left to do it only prints the table, and with --json FILE
writes its figures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strategies_arms import ABLATION, ARMS, METHODS, Limits, Stage, peers_python
from strategies_report import figures, pairing_lines, pairings, table_lines

from agent.config import ModelConfig
from agent.models.local import LocalModel
from tasks.datasets import Selection, load_tasks
from tasks.grading import Evaluator, Prediction
from tasks.images import Computers, ComputerSettings
from tasks.images.base_image import default_image
from tasks.task import Task

MODEL = "qwen2.5-coder-1.5b"
#: What the model was trained for; an arm that keeps its prompt short gains nothing by it.
WINDOW = 32_768
ROWS = {"quixbugs": "quixbugs/quixbugs_python.jsonl", "humanevalfix": "humanevalfix/humanevalpack_python.jsonl"}
IMAGE = "patchwright/bench:python"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def chosen_tasks(data: Path, half: str, first: dict[str, int | None]) -> list[Task]:
    """The first tasks of each set in a half, in the order of ``splits.json``; all of a set for ``None``."""
    halves = json.loads((data / "splits.json").read_text("utf-8"))
    found = []
    for name, rows in ROWS.items():
        keys: list[str] = halves[name][half][: first[name]]
        if not keys:
            continue
        ids = [f"{name}__{re.sub(r'[^A-Za-z0-9.-]+', '_', key)}" for key in keys]
        selection = Selection(filter="^(" + "|".join(map(re.escape, ids)) + ")$")
        known = {task.id: task for task in load_tasks(str(data / rows), selection=selection, on_fault=say)}
        found += [known[task_id] for task_id in ids]
    return found


def image() -> str:
    """The default image with a command `python` beside `python3`, which models expect."""
    text = f"FROM {default_image(say)}\nRUN command -v python || ln -s python3 /usr/bin/python\n"
    subprocess.run(["docker", "build", "-q", "-t", IMAGE, "-"], input=text, text=True, check=True, capture_output=True)
    return IMAGE


@contextmanager
def stage(data: Path, limits: Limits, width: int, program: str | None) -> Iterator[Stage]:
    """The server, started, and what else arms work with."""
    computers = Computers(ComputerSettings(kind="docker", base_image=image()), say)
    config = ModelConfig(name=f"local/{MODEL}", context_window=WINDOW, parallel=width, llama_server=program)
    model = LocalModel(config)
    try:
        served = model.start().config
        yield Stage(
            address=str(served.api_base),
            key=str(served.extra["api_key"]),
            model=served.name,
            window=WINDOW,
            image=IMAGE,
            computers=computers,
            rows={name: data / rows for name, rows in ROWS.items()},
            limits=limits,
        )
    finally:
        model.close()


@dataclass
class Results:
    """The lines of ``results.jsonl``; any number of threads may add some."""

    path: Path

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def add(self, row: dict[str, Any]) -> None:
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            self.rows.append(row)


def same_limits(output: Path, limits: Limits) -> None:
    """Refuse to put into one table what was measured under different limits."""
    place = output / "limits.json"
    text = json.dumps(asdict(limits), indent=1) + "\n"
    if place.exists() and place.read_text("utf-8") != text:
        raise SystemExit(f"{output} was begun with other limits: {place.read_text('utf-8')}")
    place.write_text(text)


def attempt(task: Task, arm: str, output: Path, on: Stage, evaluator: Evaluator) -> dict[str, Any]:
    """Let an arm try a task, and judge what it did.

    Raises:
        RuntimeError: Something else than the arm failed; the pair is to be done again.
    """
    outcome = ARMS[arm].attempt(task, output / arm / task.id, on)
    verdict = evaluator.evaluate(task, Prediction(task.id, arm, outcome.patch))
    if verdict.status in ("infrastructure", "broken_image", "error"):
        raise RuntimeError(f"{task.id}: not graded: {verdict.reason}")
    facts = {"arm": arm, "task": task.id, "set": task.set, "resolved": verdict.resolved, "verdict": verdict.status}
    return {**facts, **asdict(outcome)}


def run(pairs: Sequence[tuple[Task, str]], output: Path, on: Stage, width: int, results: Results) -> int:
    """Do every pair of task and arm; the number of those that failed for reasons of ours."""
    evaluator = Evaluator(on.computers, output / "verdicts", say=say)
    failed = 0
    pool = ThreadPoolExecutor(width)
    waiting = {pool.submit(attempt, task, arm, output, on, evaluator): (task, arm) for task, arm in pairs}
    for number, future in enumerate(as_completed(waiting), 1):
        task, arm = waiting[future]
        try:
            row = future.result()
        except Exception as error:
            failed += 1
            say(f"[{number}/{len(pairs)}] {task.id} {arm}: to be done again: {type(error).__name__}: {error}")
            continue
        results.add(row)
        spent = f"{row['steps']} steps, {row['seconds']:.0f} s"
        say(f"[{number}/{len(pairs)}] {task.id} {arm}: {row['status']}, {row['verdict']} ({spent})")
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with the rows and splits.json")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--half", choices=["development", "final"], default="development")
    parser.add_argument("--quixbugs", type=int, metavar="N", help="the first so many of QuixBugs; unset: all")
    parser.add_argument("--humanevalfix", type=int, default=20, metavar="N", help="the first so many of HumanEvalFix")
    parser.add_argument("--only", default="", help="regular expression that the ids of the tasks must match")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(METHODS), metavar="ARM", help=", ".join(ARMS))
    parser.add_argument("--ablation", action="store_true", help="the arms of the ablation, beside `single`")
    parser.add_argument("--width", type=int, default=2, help="attempts at once")
    parser.add_argument("--steps", type=int, default=Limits.steps)
    parser.add_argument("--tokens", type=int, default=Limits.tokens)
    parser.add_argument("--llama-server", help="llama.cpp's server as compiled for this machine; default: the packaged")
    parser.add_argument("--against", nargs="*", choices=ARMS, default=["single"], metavar="ARM", help="compare with it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    arms = ["single", "programmer-tester", *ABLATION] if options.ablation else options.arms
    output = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    first = {"quixbugs": options.quixbugs, "humanevalfix": options.humanevalfix}
    tasks = [task for task in chosen_tasks(options.data, options.half, first) if re.search(options.only, task.id)]
    limits = Limits(steps=options.steps, tokens=options.tokens)
    same_limits(output, limits)
    results = Results(output / "results.jsonl")
    done = {(row["task"], row["arm"]) for row in results.rows}
    pairs = [(task, arm) for task in tasks for arm in arms if (task.id, arm) not in done]
    failed = 0
    if pairs:
        peers_python()
        try:
            with stage(options.data, limits, options.width, options.llama_server) as on:
                failed = run(pairs, output, on, options.width, results)
        except KeyboardInterrupt:
            os._exit(130)  # what is under way is not waited for; the same command does it again
    wanted = {task.id for task in tasks}
    rows = [row for row in results.rows if row["task"] in wanted and row["arm"] in arms]
    table = figures(rows, arms)
    print(*table_lines(table), sep="\n")
    against = {base: pairings(rows, arms, base) for base in options.against}
    for base, pairs_of_arms in against.items():
        print("", *pairing_lines(pairs_of_arms, base), sep="\n")
    if options.json:
        known = {"half": options.half, "tasks": sorted(wanted), "limits": asdict(limits), "width": options.width}
        options.json.write_text(json.dumps({**known, "arms": table, "against": against}, indent=1) + "\n")
    raise SystemExit(3 if failed else 0)


if __name__ == "__main__":
    main()
