"""Whether an evaluation spread over containers, a test file in each, gives the verdict of the whole, and in what time.

Run: python benchmarks/split_verdicts.py --tasks FILE [--predictions FILE] [--repositories DIR] [--filter RE]
     [--cores N] [--repeat N] [--json FILE]

Takes the tasks whose test command names several test files. The known solution of each is run whole and divided,
which decides whether it may be divided (see docs/performance.md); then each prediction is judged both ways, whether
that saves time or not, and the verdicts are compared test by test; seconds are medians of the repetitions. Needs a
Docker engine and rows with an ``environment``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.datasets import Selection, load_tasks
from tasks.grading import Evaluator, Prediction, Split, Verdict, load_predictions
from tasks.grading.parts import parts_of
from tasks.images import Computers, ComputerSettings
from tasks.task import Task

#: A patch that solves nothing and breaks nothing; with the known solution another one that solves the task.
NOTHING = """diff --git a/nothing.md b/nothing.md
new file mode 100644
--- /dev/null
+++ b/nothing.md
@@ -0,0 +1 @@
+.
"""


@dataclass
class Row:
    """A patch judged both ways.

    Attributes:
        task: The task.
        who: Whose patch.
        files: Test files.
        whole: Seconds of each evaluation in one container.
        divided: Seconds of each of the others, the run of the whole where the parts did not decide it included.
        parts: Containers that the verdict rests on.
        status: Of the whole.
        same: Whether both say the same of every test, every time.
    """

    task: str
    who: str
    files: int
    whole: list[float]
    divided: list[float]
    parts: int
    status: str
    same: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", required=True, help="rows with an environment")
    parser.add_argument("--predictions", help="patches by others for them")
    parser.add_argument("--repositories", type=Path, help="directory with the rows' repositories")
    parser.add_argument("--filter", default="", help="regular expression on the ids")
    parser.add_argument("--cores", type=int, default=2, help="parts of a task side by side")
    parser.add_argument("--repeat", type=int, default=1, help="judge each patch so often")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    every = load_tasks(options.tasks, on_fault=print)
    tasks = load_tasks(options.tasks, selection=Selection(filter=options.filter), on_fault=print)
    computers = Computers(ComputerSettings(kind="docker", repositories=options.repositories), lambda line: None)
    predicted = load_predictions(options.predictions, every, print) if options.predictions else {}
    rows: list[Row] = []
    print(f"{'task':32}{'patch':>12}{'files':>6}{'whole s':>9}{'divided s':>11}{'ratio':>7}{'parts':>6}  verdict")
    with tempfile.TemporaryDirectory(prefix="patchwright-split-") as scratch:
        for task in tasks:
            ready = computers.ready(task)
            files = len(parts_of(ready))
            computers.release(ready)
            if not files:
                continue
            patches = {"known": task.patch, "known, more": f"{task.patch.rstrip()}\n{NOTHING}"}
            if task.id in predicted:
                patches["prediction"] = predicted[task.id].patch or ""
            patches["none"] = NOTHING
            for who, patch in patches.items():
                row = judge(computers, Path(scratch), task, who, patch, files, options)
                rows.append(row)
                told = f"{row.status}{'' if row.same else ', and DIFFERENT when divided'}"
                ratio = statistics.median(new / old for old, new in zip(row.whole, row.divided, strict=True))
                times = f"{statistics.median(row.whole):>9.1f}{statistics.median(row.divided):>11.1f}{ratio:>7.2f}"
                print(f"{row.task:32}{row.who:>12}{row.files:>6}{times}{row.parts:>6}  {told}", flush=True)
    differing = [row for row in rows if not row.same]
    print(f"{len(rows)} verdicts on {len({row.task for row in rows})} tasks, {len(differing)} differ; "
          f"{sum(row.parts > 1 for row in rows)} rest on parts")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    sys.exit(1 if differing or not rows else 0)


def judge(
    computers: Computers, scratch: Path, task: Task, who: str, patch: str, files: int, options: argparse.Namespace
) -> Row:
    """Judge a patch whole and divided, each in a store of its own; every repetition proves the split anew."""
    prediction = Prediction(task_id=task.id, model=who, patch=patch)
    row = Row(task.id, who, files, [], [], 0, "", same=True)
    for number in range(options.repeat):
        place = scratch / str(number)
        split = Split(place / "splits", cores=options.cores, worth=float("-inf"))
        found: list[Verdict] = []
        for name, how, seconds in (("whole", None, row.whole), ("divided", split, row.divided)):
            began = time.monotonic()
            found.append(Evaluator(computers, place / name, split=how).evaluate(task, prediction))
            seconds.append(time.monotonic() - began)
        whole, divided = found
        row.parts, row.status = divided.parts, whole.status
        row.same &= (whole.status, whole.tests, whole.disputed) == (divided.status, divided.tests, divided.disputed)
    return row


if __name__ == "__main__":
    main()
