"""Kills runs with SIGKILL at random moments, resumes them, and compares their end with that of undisturbed ones.

Run: python benchmarks/kills.py [--kills 100] [--tasks 20] [--batch-kills 3] [--seed 1] [--json FILE]. Needs a Docker
engine and the image of scripts/base-image. Two parts, both in containers and with a scripted model:

- single attempts (``agent solve``), each killed once or more and resumed, until there were ``--kills`` kills;
- one run of ``--tasks`` tasks (``agent batch``), killed ``--batch-kills`` times.

The figures: ends that differ from the undisturbed one, model calls made twice, and what is left in the end.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.workload import Home, call, numbered
from trajectories.events import ModelReplied, Observed, Resumed
from trajectories.log import read_events

CALC = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a + a + 1\n"
SCRIPT = [
    call("open", path="calc.py"),
    call("bash", 0.1, command="mkdir -p notes && cd notes && seq 100 > numbers.txt"),
    call("edit", 0.1, path="calc.py", start=2, end=2, text="    return a + b"),
    {"content": "I must think about this."},
    call("bash", 0.1, command="pwd; sed -i 5,50d numbers.txt; ln -s numbers.txt link"),
    call("edit", path="calc.py", start=6, end=6, text="    return a * 2"),
    call("undo", 0.1),
    call("bash", 0.1, command="python3 -c 'import os; print(os.getcwd())' ; git -C .. status --short"),
    call("replace", 0.1, path="calc.py", old="    return a + a + 1", new="    return 2 * a"),
    call("bash", 0.1, command="rm link; printf 'caf\\351' > latin.txt; chmod +x numbers.txt"),
    call("submit", 0.1),
    call("submit"),
]


class Place(Home):
    """A home with a script, in which ``agent`` runs and is killed."""

    @classmethod
    def make(cls, home: Path) -> Self:
        """Write the repository and the script."""
        place = cls.begin(home, {"calc.py": CALC})
        place.write("script.jsonl", SCRIPT)
        return place

    def agent(
        self, *arguments: str, killed_after: float | None = None, begun: Path | None = None
    ) -> subprocess.CompletedProcess[bytes] | None:
        """Run ``agent``; ``None`` when it was killed: so many seconds after it began, or after this file grew."""
        size = _size(begun)
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while begun is not None and _size(begun) == size and process.poll() is None:
            time.sleep(0.005)
        try:
            out, err = process.communicate(timeout=killed_after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def finish(self, *arguments: str) -> bytes:
        """Run ``agent`` to its end, which must be a good one; what it prints. A busy engine gets another chance."""
        done = self.agent(*arguments)
        if done is not None and done.returncode == 3:
            print(f"\n{done.stderr.decode().splitlines()[-1]}", file=sys.stderr)
            done = self.agent(*arguments)
        assert done is not None
        if done.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr.decode()}")
        return done.stdout

    def left(self) -> list[str]:
        """Sandboxes, workspaces and containers that nobody removed."""
        place = self.home / "state" / "sandboxes"
        kept = [path.name for path in place.iterdir()] if place.is_dir() else []
        listed = subprocess.run(
            ["docker", "ps", "-aq", "--filter", "label=patchwright.owner", "--format", "{{.Labels}}"],
            capture_output=True,
            text=True,
            check=True,
        )
        dead = [line for line in listed.stdout.splitlines() if _dead(line)]
        return kept + dead


def _size(path: Path | None) -> int:
    return path.stat().st_size if path is not None and path.exists() else 0


def _dead(labels: str) -> bool:
    facts = dict(part.partition("=")[::2] for part in labels.split(","))
    pid = facts.get("patchwright.owner", "").split(":")[-2:-1]
    return bool(pid) and not Path(f"/proc/{pid[0]}").exists()


def steps(trajectory: Path) -> list[int]:
    """The steps that a model was asked for, in order."""
    return [event.step for event in read_events(trajectory) if isinstance(event, ModelReplied)]


def single(place: Place, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill single attempts."""
    script = ["--model", "scripted:script.jsonl"]
    solve = ["solve", "--issue", "add subtracts", "--repo", "project", "--sandbox", "docker", *script]
    expected = place.finish(*solve, "--output", "whole")
    whole = read_events(place.home / "whole/trajectory.jsonl")
    length = whole[-1].time - whole[0].time
    seen = [event.text for event in whole if isinstance(event, Observed)]
    made, attempts, differ, twice, resumes, other_observations = 0, 0, 0, 0, 0, 0
    while made < kills:
        output = place.home / f"cut{attempts}"
        attempts += 1
        command = [*solve, "--output", str(output)]
        while made < kills:
            moment = chance.random() * length
            done = place.agent(*command, killed_after=moment, begun=output / "trajectory.jsonl")
            if done is not None:
                break
            made += 1
            if (output / "trajectory.jsonl").exists() and read_events(output / "trajectory.jsonl"):
                command = ["solve", "--resume", "--output", str(output)]
            if chance.random() < 0.6:
                break
        got = place.finish(*command) if done is None else done.stdout
        events = read_events(output / "trajectory.jsonl")
        differ += got != expected or (output / "patch.diff").read_bytes() != expected
        twice += steps(output / "trajectory.jsonl") != list(range(1, len(SCRIPT) + 1))
        resumes += sum(isinstance(event, Resumed) for event in events)
        other_observations += [event.text for event in events if isinstance(event, Observed)] != seen
        print(f"\r{made}/{kills} kills, {attempts} attempts", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {
        "attempts": attempts,
        "kills": made,
        "resumes": resumes,
        "other patch": differ,
        "other observations": other_observations,
        "calls repeated": twice,
        "left": len(place.left()),
    }


def whole_run(place: Place, count: int, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill a run of many tasks."""
    row = {"repo": str(place.project), "base_commit": place.commit}
    place.write("tasks.jsonl", numbered(row, count, "mine__calc"))
    common = ["batch", "--tasks", "tasks.jsonl", "--sandbox", "docker", "--model", "scripted:script.jsonl"]
    began = time.monotonic()
    place.finish(*common, "--output", "undisturbed")
    length = time.monotonic() - began
    made = 0
    for number in range(kills):
        moment = length * (0.1 + 0.6 * chance.random()) / (1 + number / 2)
        made += place.agent(*common, "--output", "killed", "--resume", killed_after=moment) is None
    place.finish(*common, "--output", "killed", "--resume")
    wanted, got = (json.loads((place.home / name / "preds.json").read_text()) for name in ("undisturbed", "killed"))
    trajectories = sorted((place.home / "killed").glob("attempts/*/*/trajectory.jsonl"))
    return {
        "attempts": len(trajectories),
        "kills": made,
        "resumes": sum(isinstance(e, Resumed) for path in trajectories for e in read_events(path)),
        "other patch": sum(wanted[name] != got.get(name) for name in wanted),
        "calls repeated": sum(steps(path) != list(range(1, len(SCRIPT) + 1)) for path in trajectories),
        "left": len(place.left()),
    }


def main() -> None:
    """Do both parts, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--batch-kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        found = {
            "run": whole_run(Place.make(Path(scratch) / "run"), options.tasks, options.batch_kills, chance),
            "single attempts": single(Place.make(Path(scratch) / "single"), options.kills, chance),
        }
    for name, figures in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    bad = [
        figures for figures in found.values() if figures["other patch"] or figures["calls repeated"] or figures["left"]
    ]
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
