"""mini-swe-agent: its own command for batches of SWE-bench instances, with its own configuration."""

from __future__ import annotations

import json

from benchmarks.peers.adapter import KEY, MODEL, TASK, Command, Job, Reply

TITLE = "mini-swe-agent"
PYTHON = (3, 10)
# Later releases of litellm fail on every tool call.
REQUIREMENTS = ("mini-swe-agent==2.4.6", "litellm==1.100.5")
LAYER = ""
WAIT = None
UNABLE: dict[str, str] = {}
NOTES: tuple[str, ...] = ()


def act(command: str) -> Reply:
    """The tool `bash`."""
    return {"tool": "bash", "arguments": {"command": command}}


def end() -> list[Reply]:
    """As its prompt tells: write the patch, then print it after a marker."""
    return [
        act("git diff -- calc.py > patch.txt && cat patch.txt"),
        act("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && cat patch.txt"),
    ]


def start(job: Job) -> Command:
    """A data set of one file, with a row for each attempt."""
    data = job.place / "data"
    data.mkdir()
    rows = [
        {"instance_id": f"calc-{n}", "problem_statement": TASK, "image_name": job.image} for n in range(job.attempts)
    ]
    (data / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [str(job.python.parent / "mini-extra"), "swebench", "--subset", str(data), "--split", "test"]
    command += ["--workers", str(job.attempts), "--output", "out", "--model", f"openai/{MODEL}", "-c", "swebench.yaml"]
    command += ["-c", f"model.model_kwargs.api_base={job.address}", "-c", f"model.model_kwargs.api_key={KEY}"]
    env = {
        "MSWEA_SILENT_STARTUP": "1",
        "MSWEA_COST_TRACKING": "ignore_errors",
        "MSWEA_GLOBAL_CONFIG_DIR": str(job.home / "mini"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
    }
    return Command(command, env)
