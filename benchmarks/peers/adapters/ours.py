"""Patchwright: ``agent batch``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.peers.adapter import KEY, MODEL, TASK, Command, Job, Reply

TITLE = "Patchwright"
PYTHON = (3, 11)
REQUIREMENTS: tuple[str, ...] = ()
LAYER = ""
WAIT = None
UNABLE: dict[str, str] = {}
NOTES: tuple[str, ...] = ()

ROOT = Path(__file__).resolve().parents[3]


def act(command: str) -> Reply:
    """The tool `bash`."""
    return {"tool": "bash", "arguments": {"command": command}}


def end() -> list[Reply]:
    """`submit` shows the patch for review and is then said again."""
    return [{"tool": "submit", "arguments": {}}] * 2


def start(job: Job) -> Command:
    """One row for each attempt."""
    rows = [
        {"instance_id": f"calc-{n}", "repo": "example/calc", "base_commit": job.commit, "problem_statement": TASK,
         "image": job.image}
        for n in range(job.attempts)
    ]  # fmt: skip
    (job.place / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, "-m", "agent", "batch", "--tasks", "tasks.jsonl", "--output", "out", "--no-evaluate"]
    command += ["--workers", str(job.attempts), "--sandbox", "docker", "--model", MODEL]
    command += ["--set", f"model.api_base={job.address}"]
    env = {"PYTHONPATH": str(ROOT), "PATCHWRIGHT_API_KEY": KEY, "PATCHWRIGHT_STATE": str(job.home / "state")}
    return Command(command, env)
