"""Do other agents' edits come out the same by our tools?

Their trajectories are imported and executed in fresh sandboxes, and the patch at the end is compared with what they
submitted.

Run: python benchmarks/aci_fidelity.py TRAJECTORIES --repositories DIR [--sandbox docker|namespace] [--image I]
     [--base TASK=COMMIT]... [--json FILE]

TRAJECTORIES is a directory of files that ``agent import`` reads (or one such file). DIR holds the repositories, by
``owner/name`` (also ``owner__name``, ``owner+name``, ``name``). A base commit that is neither recorded nor given is
found by the ids of the files' content in the submitted patch.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aci_tools.errors import PatchwrightError
from agent.progress import Progress
from agent.reopen import Where
from agent.replay import Replayed, ReplayRequest, replay
from agent.tables import print_table
from trajectories import read_events
from trajectories.events import AttemptEnded, AttemptStarted
from trajectories.exchange import import_file, store

EDITS = ("create", "edit", "insert", "replace", "undo")


@dataclass
class Row:
    """One attempt. ``outcome``: ``equal``, ``different``, ``no patch`` (none was submitted), or why it was not run."""

    name: str
    outcome: str = ""
    actions: int = 0
    edits: int = 0
    edits_alike: int = 0
    shell: int = 0
    shell_alike: int = 0
    reasons: list[str] = field(default_factory=list)
    diff: str = ""


def measure(trajectory: Path, where: Where) -> Row:
    events = read_events(trajectory)
    ended = next((event for event in reversed(events) if isinstance(event, AttemptEnded)), None)
    row = Row(trajectory.parent.name)
    if ended is None or not ended.patch:
        row.outcome = "no patch"
        return row
    try:
        with Progress() as progress:
            replayed = replay(ReplayRequest(trajectory, where), progress)
    except PatchwrightError as error:
        row.outcome = f"not run: {error}"
        return row
    fill(row, replayed)
    return row


def fill(row: Row, replayed: Replayed) -> None:
    row.outcome = str(replayed.patch)
    row.diff = replayed.patch_diff
    row.actions = len(replayed.results)
    for result in replayed.results:
        tool = result.entry.action.call.name
        alike = result.kind in ("equal", "chance")
        row.edits += tool in EDITS
        row.edits_alike += tool in EDITS and alike
        row.shell += tool == "bash"
        row.shell_alike += tool == "bash" and alike
        if not alike:
            row.reasons.append(f"step {result.entry.step} {tool}: {result.reason}")


def bases(given: list[str]) -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trajectories", type=Path)
    parser.add_argument("--repositories", type=Path, required=True)
    # Not "local": what others had installed would be installed here.
    parser.add_argument("--sandbox", default="docker", choices=("docker", "namespace"))
    parser.add_argument("--image")
    parser.add_argument("--base", action="append", default=[], metavar="TASK=COMMIT")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    given = bases(options.base)
    place = options.trajectories
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        for file in files:
            try:
                _, attempts = import_file(file)
            except PatchwrightError as error:
                print(f"passed over: {error}", file=sys.stderr)
                continue
            for trajectory, _ in store(attempts, Path(scratch)):
                started = read_events(trajectory)[0]
                assert isinstance(started, AttemptStarted)
                base = given.get(str(started.task.get("id")))
                where = Where(
                    image=options.image, sandbox=options.sandbox, repositories=options.repositories, base=base
                )
                rows.append(measure(trajectory, where))
    report(rows)
    if options.json:
        options.json.write_text(json.dumps([vars(row) for row in rows], indent=1))


def report(rows: list[Row]) -> None:
    columns = ["trajectory", "actions", "edits", "judged alike", "commands", "same output", "patch"]
    cells: list[list[Any]] = [
        [row.name, row.actions, row.edits, row.edits_alike, row.shell, row.shell_alike, row.outcome.partition(":")[0]]
        for row in rows
    ]
    print_table("", columns, cells)
    for row in rows:
        for reason in [*([row.outcome] if row.outcome.startswith("not run") else []), *row.reasons]:
            print(f"{row.name}: {reason}")
        if row.outcome == "different":
            print(row.diff)
    found = Counter(row.outcome.partition(":")[0] for row in rows)
    executed = found["equal"] + found["different"]
    print(f"\npatch equal to the submission: {found['equal']} of {executed} executed", end="")
    left = {name: count for name, count in found.items() if name not in ("equal", "different")}
    print(f" ({', '.join(f'{count} {name}' for name, count in left.items())})" if left else "")


if __name__ == "__main__":
    main()
