"""Where the time of our own process goes in a batch and in an evaluation: py-spy's samples, and CPU seconds without it.

Run: python benchmarks/profile_runs.py [--tasks 48] [--steps 40] [--workers 8] [--rounds 3] [--tree DIR] [--output DIR]
     [--json FILE]
Linux. Needs a Docker engine, the image of scripts/base-image and `pip install py-spy`.

A batch is ``agent batch`` on small tasks in containers with a scripted model that answers at once, so that whatever is
left is ours; an evaluation is ``agent evaluate`` of the tasks' known solutions. Both are run under py-spy once (samples
of threads that hold Python's lock, the others wait; the directory keeps them as collapsed stacks and for
https://www.speedscope.app), and ``--rounds`` times without it for the CPU seconds of the process and of the programs
that it started, which a busy machine changes less than it does the seconds on the clock. ``--tree`` names another
checkout of the project to run instead of this one: before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.workload import ROOT, Workload

RATE = 200  # samples a second
SHOWN = 15
Stacks = list[tuple[list[str], int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=48)
    parser.add_argument("--steps", type=int, default=40, help="model calls of an attempt")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="runs without the profiler")
    parser.add_argument("--tree", type=Path, default=ROOT, help="checkout that is run")
    parser.add_argument("--output", type=Path, default=Path("profiles"), help="directory for the samples")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        sys.exit("py-spy is needed: pip install py-spy")
    options.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="patchwright-profile-") as scratch:
        work = Workload.make(Path(scratch) / "home", options.tasks, options.steps, think=0.0)
        work.env["PYTHONPATH"] = str(options.tree.resolve())
        run(work, work.batch("first", options.workers, "--slice", "0:1"))  # the image is made
        steps = options.tasks * options.steps
        for name, unit, count in (("batch", "step", steps), ("evaluation", "evaluation", options.tasks)):
            command = work.batch if name == "batch" else work.evaluation
            raw = (options.output / f"{name}.collapsed.txt").resolve()
            profiler = [spy, "record", "--format", "raw", "--gil", "--rate", str(RATE), "--output", str(raw), "--"]
            run(work, [*profiler, *command(f"{name}-profiled", options.workers)])
            stacks = collapsed(raw)
            (options.output / f"{name}.speedscope.json").write_text(json.dumps(speedscope(name, stacks)))
            rounds = [run(work, command(f"{name}-{n}", options.workers)) for n in range(options.rounds)]
            found[name] = costs(stacks) | {"rounds": rounds, "unit": unit, "count": count}
            show(name, found[name])
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def run(work: Workload, command: list[str]) -> dict[str, float]:
    """Run a command to its good end; seconds on the clock, and CPU seconds of it and of what it started."""
    log = work.home / "log"
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=work.home, env=work.env, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-3000:]}")
    return {"seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}


def collapsed(file: Path) -> Stacks:
    """The stacks, outermost frame first, and how often each was seen."""
    lines = (line.rpartition(" ") for line in file.read_text().splitlines())
    return [(stack.split(";"), int(count)) for stack, _, count in lines if stack]


def costs(stacks: Stacks) -> dict[str, Any]:
    """Samples by function (alone, and with all that it calls) and by module."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for stack, count in stacks:
        frames = [named(frame) for frame in stack if not frame.startswith(("process ", "thread "))]
        if not frames:
            continue
        alone[frames[-1]] += count
        modules[next((module_of(frame) for frame in reversed(frames) if "(agent/" in frame or "(aci_tools/" in frame
                      or "(tasks/" in frame or "(trajectories/" in frame), module_of(frames[-1]))] += count  # fmt: skip
        for frame in set(frames):
            within[frame] += count
    total = sum(count for _, count in stacks)
    tables = {"alone": alone, "with what it calls": within, "by module of ours": modules}
    return {"samples": total} | {name: table.most_common(40) for name, table in tables.items()}


def named(frame: str) -> str:
    """A frame without its line: ``function (file)``, our files relative to the project, others to their package."""
    function, _, place = frame.partition(" (")
    path = place.rpartition(":")[0] or place.rstrip(")")
    path = path.rpartition("site-packages/")[2]
    return f"{function} ({path})"


def module_of(frame: str) -> str:
    return frame.partition(" (")[2].rstrip(")")


def speedscope(name: str, stacks: Stacks) -> dict[str, Any]:
    """The profile in the format of speedscope's files."""
    numbers: dict[str, int] = {}
    samples = [[numbers.setdefault(frame, len(numbers)) for frame in stack] for stack, _ in stacks]
    weights = [count / RATE for _, count in stacks]
    profile = {"type": "sampled", "name": name, "unit": "seconds", "startValue": 0, "endValue": sum(weights),
               "samples": samples, "weights": weights}  # fmt: skip
    frames = [{"name": frame} for frame in numbers]
    schema = "https://www.speedscope.app/file-format-schema.json"
    return {"$schema": schema, "shared": {"frames": frames}, "profiles": [profile], "name": name}


def show(name: str, found: dict[str, Any]) -> None:
    print("\n".join(lines(name, found)), flush=True)


def lines(name: str, found: dict[str, Any]) -> Iterator[str]:
    rounds = found["rounds"]
    if rounds:
        cpu, seconds = ([one[key] for one in rounds] for key in ("cpu", "seconds"))
        each = 1000 * statistics.median(cpu) / found["count"]
        yield (
            f"{name}: {statistics.median(cpu):.2f} CPU s ({min(cpu):.2f}–{max(cpu):.2f}), {each:.1f} ms "
            f"each {found['unit']}, {statistics.median(seconds):.1f} s on the clock, {len(rounds)} rounds"
        )
    total = found["samples"] or 1
    for title in ("with what it calls", "alone", "by module of ours"):
        yield f"  {name}, samples {title}"
        yield from (f"    {100 * count / total:5.1f} %  {what}" for what, count in found[title][:SHOWN])


if __name__ == "__main__":
    main()
