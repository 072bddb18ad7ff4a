"""n@k by AlphaCode's protocol, of the candidates that `best-of-n` made, all of them judged by the hidden tests.

Run: agent batch --tasks FILE --output OUTPUT --strategy best-of-n --set strategy.candidates=10 \
         --set strategy.stop_early=false
     python benchmarks/n_at_k.py --tasks FILE OUTPUT [--sandbox KIND] [--base-image IMAGE] [--json FILE]

A candidate passes the public tests if the examples of its issue give what they should; where it has none, every one
does. Candidates behave alike if their checks and the results of generated inputs are equal, as `best-of-n` recorded.
Beside n@k stands what chance would have: n candidates that hold a change, submitted without looking (pass@n). Tasks
whose candidates were not all made or judged are left out and named. Verdicts are kept in OUTPUT/candidates.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.tables import print_table
from tasks.datasets import load_tasks
from tasks.grading import Evaluator, Prediction
from tasks.images import Computers, ComputerSettings
from tasks.metrics import Sample, pass_at_k, protocol_n_at_k
from tasks.metrics.estimators import bootstrap_interval
from trajectories.events import AttemptStarted, Evaluated, Noted, TrialEnded
from trajectories.log import read_events
from trajectories.stats.runs import find_trajectories

NOT_JUDGED = ("infrastructure", "broken_image", "error")


@dataclass(frozen=True)
class Judged:
    """The candidates of one task, in the order in which they were made."""

    task: str
    samples: list[Sample]
    correct: list[bool]


@dataclass(frozen=True)
class Candidate:
    name: str
    patch: str
    sample: Sample


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def candidates(trajectory: Path) -> tuple[str, list[Candidate]]:
    """The task of an attempt by `best-of-n`, and its candidates; none where they were not all made."""
    events = read_events(trajectory)
    task = str(next(event.task["id"] for event in events if isinstance(event, AttemptStarted)))
    choices = [event.data for event in events if isinstance(event, Noted) and event.key == "selection"]
    ended = {event.name: event for event in events if isinstance(event, TrialEnded)}
    checks = {event.key.partition(":")[0]: event.checks for event in events if isinstance(event, Evaluated)}
    found = []
    for name, facts in choices[0]["candidates"].items() if choices else ():
        if name not in ended:
            raise SystemExit(f"{trajectory}: candidate {name} is no trial; only best-of-n by itself can be judged")
        right = all(check["passed"] for check in checks.get(name, ()) if check["kind"] == "examples")
        # Without generated inputs and several candidates there are no groups: then each stands for itself.
        sample = Sample(bool(ended[name].patch) and right, str(facts.get("group", name)))
        kept = trajectory.parent / "trials" / name / "patch.diff"  # as it was, where the trajectory masks secrets
        found.append(Candidate(name, kept.read_bytes().decode("utf-8", "surrogateescape"), sample))
    return task, found


def mean(values: Sequence[float]) -> str:
    low, high = bootstrap_interval(values)
    return f"{sum(values) / len(values):.1%} ({low:.0%} to {high:.0%})"


def table(judged: Sequence[Judged], k: int) -> list[dict[str, object]]:
    """A row for each n."""
    by_chance: Callable[[Judged, int], float] = lambda each, n: pass_at_k(k, sum(each.correct), n)  # noqa: E731
    sizes = sorted({n for n in (1, 2, 3, 5, 10, k) if n <= k})
    return [
        {
            "n": n,
            "k": k,
            "protocol": [protocol_n_at_k(each.samples, each.correct, n, k) for each in judged],
            "by_chance": [by_chance(each, n) for each in judged],
        }
        for n in sizes
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="output directory of `agent batch`")
    parser.add_argument("--tasks", required=True, help="the same data set")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--base-image")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    made = dict(candidates(file) for file in find_trajectories(options.output))
    k = max(map(len, made.values()), default=0)
    if not k:
        raise SystemExit(f"{options.output}: no candidates of best-of-n are there")
    known = {task.id: task for task in load_tasks(options.tasks, on_fault=say)}
    computers = Computers(ComputerSettings(kind=options.sandbox, base_image=options.base_image), say)
    evaluator = Evaluator(computers, options.output / "candidates", say=say)
    judged: list[Judged] = []
    left_out = []
    for task, found in sorted(made.items()):
        predictions = [Prediction(task, f"candidate-{each.name}", each.patch) for each in found]
        verdicts = [evaluator.evaluate(known[task], each) for each in predictions]
        if len(found) == k and not any(verdict.status in NOT_JUDGED for verdict in verdicts):
            judged.append(Judged(task, [each.sample for each in found], [bool(each.resolved) for each in verdicts]))
        else:
            left_out.append(task)
    if judged:
        rows = table(judged, k)
        shown = [(f"{row['n']}@{k}", mean(row["protocol"]), mean(row["by_chance"])) for row in rows]  # type: ignore[arg-type]
        print_table(
            f"{len(judged)} tasks, {k} candidates each", ("", "by the protocol", "by chance"), shown, sys.stdout
        )
        if options.json:
            tasks = [each.task for each in judged]
            options.json.write_text(json.dumps({"tasks": tasks, "left_out": left_out, "rows": rows}, indent=1) + "\n")
    if left_out:
        print(f"left out: {', '.join(left_out)}")


if __name__ == "__main__":
    main()
