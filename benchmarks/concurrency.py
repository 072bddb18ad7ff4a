"""How many steps a second one process makes with many attempts at once, and what memory each attempt costs.

Run: python benchmarks/concurrency.py [--attempts 1 8 64] [--steps 30] [--think 0.5] [--json FILE].

``agent batch`` with a scripted model that thinks for a while before each reply, on local sandboxes, all attempts at
once. Memory is resident memory: of the process at its peak, and of its children (the sandboxes' shells) by the share
of their pages that no other process has (proportional set size), at its peak.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# So that `benchmarks` is found when this is run as a script.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.peers.processes import descendants, figure, pss
from benchmarks.workload import BUG, Home, call, numbered

MIB = 1024


def script(steps: int, think: float) -> list[dict[str, Any]]:
    """Looks and small edits in turn, then a submit."""
    replies = [
        call("bash", think, command=f"echo {number} >> log.txt; wc -l calc.py")
        if number % 3
        else call("open", think, path="calc.py", line=number % 5 + 1)
        for number in range(steps - 1)
    ]
    return [*replies, call("submit", think)]


def measure(attempts: int, steps: int, think: float) -> dict[str, float]:
    """Run so many attempts at once."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Home.begin(Path(scratch) / "home", {"calc.py": BUG})
        row = {"repo": str(place.project), "base_commit": place.commit}
        place.write("tasks.jsonl", numbered(row, attempts, "t"))
        place.write("script.jsonl", script(steps, think))
        command = [sys.executable, "-m", "agent", "batch", "--tasks", "tasks.jsonl", "--output", "out", "--json"]
        command += ["--sandbox", "local", "--workers", str(attempts), "--model", "scripted:script.jsonl"]
        command += ["--set", "aci.review_submit=false"]
        with (place.home / "results").open("w") as out, (place.home / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=place.home, env=place.env, stdout=out, stderr=log)
            own = children = 0.0
            while process.poll() is None:
                own = max(own, figure(process.pid, "status", "VmHWM") / MIB)
                children = max(children, pss(descendants(process.pid)))
                time.sleep(0.1)
        if process.returncode:
            raise SystemExit((place.home / "log").read_text())
        rows = json.loads((place.home / "results").read_text())["attempts"]
        made = sum(row["steps"] for row in rows)
        longest = max(row["seconds"] for row in rows)
    return {
        "attempts": attempts,
        "steps": made,
        "seconds": longest,
        "steps a second": made / longest,
        "ms a step beside thinking": (longest / steps - think) * 1000,
        "process MiB": own,
        "children MiB": children,
    }


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--think", type=float, default=0.5, help="seconds of a model call")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [measure(attempts, options.steps, options.think) for attempts in options.attempts]
    print("  ".join(f"{name:>12}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value:>{max(12, len(name))}.1f}" for name, value in row.items()))
    first, last = rows[0], rows[-1]
    more = last["attempts"] - first["attempts"]
    each = {name: (last[name] - first[name]) / more if more else 0.0 for name in ("process MiB", "children MiB")}
    print(
        f"each attempt beyond the first: {each['process MiB']:.2f} MiB in the process, "
        f"{each['children MiB']:.2f} MiB in its sandbox's processes"
    )
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "each": each}, indent=2) + "\n")


if __name__ == "__main__":
    main()
