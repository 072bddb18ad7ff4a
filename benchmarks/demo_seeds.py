"""How often the embedded model solves the bundled task: ``agent demo`` with several seeds, in a row.

Run: python benchmarks/demo_seeds.py [--seeds 10] [--sandbox namespace|docker] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trajectories import read_events
from trajectories.events import AttemptEnded


def one(seed: int, sandbox: str | None, output: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "agent", "demo", "--seed", str(seed), "--output", str(output)]
    began = time.perf_counter()
    done = subprocess.run([*command, *(["--sandbox", sandbox] if sandbox else [])], capture_output=True, check=False)
    seconds = time.perf_counter() - began
    ended = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    tokens = ended.usage.prompt_tokens - ended.usage.cached_tokens + ended.usage.completion_tokens
    return {"seed": seed, "solved": done.returncode == 0, "status": ended.status, "steps": ended.steps,
            "fresh_tokens": tokens, "seconds": round(seconds, 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sandbox")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'seed':>4}  {'solved':6}  {'status':16}  {'steps':>5}  {'tokens':>6}  {'seconds':>7}")
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, options.seeds + 1):
            row = one(seed, options.sandbox, Path(scratch) / str(seed))
            rows.append(row)
            print(
                "{seed:4}  {solved!s:6}  {status:16}  {steps:5}  {fresh_tokens:6}  {seconds:7}".format(**row),
                flush=True,
            )
    solved = sum(bool(row["solved"]) for row in rows)
    print(f"solved {solved} of {len(rows)}; median {statistics.median(float(str(r['seconds'])) for r in rows):.0f} s")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
