"""False divergences: attempts of great variety are recorded, replayed at once, and none may differ.

Run: PYTHONPATH=. python benchmarks/replay.py [--attempts 50] [--sandbox local|namespace|docker] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from agent.reopen import Where
from agent.replay import ReplayRequest, replay
from tests.agent.recorded import Quiet, project, record, replies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=50)
    parser.add_argument("--sandbox", default="namespace")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        repository = Path(scratch) / "calc"
        repository.mkdir()
        project(repository)
        for seed in range(options.attempts):
            output = Path(scratch) / str(seed)
            record(repository, output, replies(seed), kind=options.sandbox)
            began = time.perf_counter()
            found = replay(ReplayRequest(output / "trajectory.jsonl", Where()), Quiet())
            seconds = round(time.perf_counter() - began, 2)
            kinds.update(found.counts)
            row = {"seed": seed, "same": found.equal, "seconds": seconds, **found.counts, "patch": found.patch}
            rows.append(row)
            if not found.equal:
                where = found.divergence
                print(f"seed {seed}: {where.as_json() if where else found.patch_diff}", flush=True)
    false = sum(not row["same"] for row in rows)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    print(
        f"{len(rows)} attempts in {options.sandbox}: {false} false divergences; {sum(kinds.values())} actions: {told}"
    )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
