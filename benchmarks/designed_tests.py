"""How good designed tests are, before and after their validation, and what they did to the attempts that had them.

Run: python benchmarks/designed_tests.py --data DIR --output OUTPUT [--arm programmer-tester] [--json FILE]

OUTPUT is that of strategies.py, with an arm that has tests designed; no model is asked again. Every test that was
designed is run on the base commit and on the reference solution. A test is right if it passes on the reference; it
shows the issue if it also fails on the base. For a task the measure is SWT-bench's (Mündler et al., "SWT-Bench: Testing
and Validating Real-World Bug-Fixes with Code Agents", 2024): some test shows the issue, and none is wrong.

Every candidate that was judged by designed tests is also judged by the hidden tests: a wrong test misleads where it
fails a candidate that is right, and tests that are too weak end an attempt with a candidate that is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from strategies import ROWS, image

from aci_tools.patch import put_patch
from aci_tools.sandbox import open_sandbox
from aci_tools.session import Session
from agent.strategies.designer.cases import run_cases
from agent.strategies.designer.suite import Suite
from tasks.datasets import load_tasks
from tasks.grading import Evaluator, Prediction
from tasks.images import Computers, ComputerSettings
from tasks.metrics import wilson_interval
from tasks.task import Task
from trajectories.events import Evaluated, Event, Noted, TrialEnded
from trajectories.log import read_events


@dataclass
class Judged:
    """A designed test, and how it ends.

    Attributes:
        kept: Whether the validation kept it.
        reason: Why not.
        on_base, on_reference: Whether it passes there.
    """

    task: str
    name: str
    kept: bool
    reason: str
    on_base: bool
    on_reference: bool


@dataclass
class Tried:
    """A candidate.

    Attributes:
        right: Whether it passes the hidden tests.
        all: Whether it passes every test that was designed.
        designed: Whether it passes those that the validation kept.
        convincing: Whether it passes every check, so that the attempt ended with it.
    """

    task: str
    name: str
    right: bool
    all: bool
    designed: bool
    convincing: bool


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def suite_of(events: Sequence[Event]) -> Suite | None:
    """The designed tests of an attempt; ``None`` where it has none, or a test file, whose tests are not apart."""
    for event in events:
        if isinstance(event, Noted) and event.key == "designed-tests":
            suite = Suite.of(event.data)
            return suite if suite.form == "cases" and suite.path else None
    return None


@contextmanager
def opened(computers: Computers, task: Task, patch: str) -> Iterator[Session]:
    """The computer of a task at its base commit, with a patch."""
    ready = computers.ready(task)
    sandbox = open_sandbox(ready.kind, ready.spec)
    try:
        put_patch(sandbox, patch)
        yield Session(sandbox)
    finally:
        sandbox.close()
        computers.release(ready)


def judged_tests(task: Task, suite: Suite, computers: Computers) -> list[Judged]:
    """Every designed test of a task, run on the base and on the reference."""
    kept = {test.source for test in suite.tests}
    named = designed(suite)
    passed = [ran(task, suite, computers, patch) for patch in ("", task.patch)]
    return [
        Judged(task.id, name, source in kept, reason, base, reference)
        for (source, (name, reason)), base, reference in zip(named.items(), *passed, strict=True)
    ]


def designed(suite: Suite) -> dict[str, tuple[str, str]]:
    """All tests that were designed, dropped ones too: name and reason by source."""
    dropped = {each.source: (each.name, each.reason) for each in suite.dropped if each.source}
    return dropped | {test.source: (test.name, "") for test in suite.tests}


def ran(task: Task, suite: Suite, computers: Computers, patch: str) -> list[bool]:
    """Whether each designed test passes with a patch."""
    with opened(computers, task, patch) as session:
        outcomes = run_cases(session, suite.path, list(designed(suite)), task.problem_statement)
    return [outcome.passed for outcome in outcomes]


def judged_candidates(
    task: Task, suite: Suite, events: Sequence[Event], computers: Computers, evaluator: Evaluator
) -> Iterator[Tried]:
    """Every candidate of an attempt that designed tests judged."""
    patches = {event.name: event.patch for event in events if isinstance(event, TrialEnded)}
    for event in events:
        if not isinstance(event, Evaluated):
            continue
        name = event.key.partition(":")[0]
        kept = [check["passed"] for check in event.checks if check["kind"] == "designed"]
        if kept and patches.get(name):
            verdict = evaluator.evaluate(task, Prediction(task.id, f"candidate-{name}", patches[name]))
            every = all(ran(task, suite, computers, patches[name]))
            yield Tried(task.id, name, bool(verdict.resolved), every, all(kept), event.passed is True)


def share(part: int, whole: int) -> str:
    if not whole:
        return "none"
    low, high = wilson_interval(part, whole)
    return f"{part} of {whole} ({100 * low:.0f}–{100 * high:.0f} %)"


def figures(tests: Sequence[Judged], tried: Sequence[Tried]) -> dict[str, tuple[int, int]]:
    """What is counted, of how many."""
    tasks = sorted({test.task for test in tests})
    found: dict[str, tuple[int, int]] = {}

    def count(name: str, kept: Callable[[Judged], bool]) -> None:
        some = [test for test in tests if kept(test)]
        right = [test for test in some if test.on_reference]
        wrong = {test.task for test in some if not test.on_reference}
        shows = {test.task for test in right if not test.on_base}
        found[f"tests {name}: right"] = (len(right), len(some))
        found[f"tests {name}: show the issue"] = (sum(not test.on_base for test in right), len(some))
        found[f"tasks {name}: some test shows the issue"] = (len(shows), len(tasks))
        found[f"tasks {name}: and none is wrong"] = (len(shows - wrong), len(tasks))

    count("before validation", lambda test: True)
    count("after validation", lambda test: test.kept)
    right = [each for each in tried if each.right]
    wrong = [each for each in tried if not each.right]
    for when, passes in (
        ("before validation", lambda each: each.all),
        ("after validation", lambda each: each.designed),
    ):
        failed = sum(not passes(each) for each in right)
        found[f"right candidates that a wrong test fails {when}"] = (failed, len(right))
        found[f"wrong candidates that pass every test {when}"] = (sum(map(passes, wrong)), len(wrong))
    found["attempts that ended with a wrong candidate"] = (sum(each.convincing for each in wrong), len(tasks))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--arm", default="programmer-tester")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    known = {task.id: task for rows in ROWS.values() for task in load_tasks(str(options.data / rows), on_fault=say)}
    computers = Computers(ComputerSettings(kind="docker", base_image=image()), say)
    evaluator = Evaluator(computers, options.output / "verdicts-designed", say=say)
    tests: list[Judged] = []
    tried: list[Tried] = []
    for file in sorted((options.output / options.arm).glob("*/attempts/*/*/trajectory.jsonl")):
        events, task = read_events(file), known[file.parent.parent.name]
        suite = suite_of(events)
        if suite is None:
            say(f"{task.id}: no cases were designed")
            continue
        tests += judged_tests(task, suite, computers)
        tried += judged_candidates(task, suite, events, computers, evaluator)
    table = figures(tests, tried)
    print("| | |\n| --- | ---: |")
    for name, (part, whole) in table.items():
        print(f"| {name} | {share(part, whole)} |")
    if options.json:
        data: dict[str, Any] = {"arm": options.arm, "figures": table, "tests": [asdict(test) for test in tests]}
        options.json.write_text(json.dumps({**data, "candidates": [asdict(each) for each in tried]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
