"""OpenHands SDK: its default agent in its Docker workspace, where its agent server does the work in the container."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.peers.adapter import Command, Job, Reply

TITLE = "OpenHands SDK"
PYTHON = (3, 12)
VERSION = "1.58.0"
REQUIREMENTS = tuple(f"openhands-{part}=={VERSION}" for part in ("sdk", "tools", "workspace", "agent-server"))
# The published image of its server cannot be had without a registry; this is the same server on the common image.
LAYER = f"""\
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tmux
RUN python3 -m venv /agent-server && /agent-server/bin/pip install -q {" ".join(REQUIREMENTS)}
ENTRYPOINT ["/agent-server/bin/python", "-m", "openhands.agent_server"]
"""
WAIT = None
UNABLE: dict[str, str] = {}
NOTES = (
    "its agent server runs in each container, from its packages on the common image; without its browser tools",
    "it asks for 65,536 open files a container; where the engine may not give them, that is left out",
)
LIMIT = ["--ulimit", "nofile=65536:65536"]


def act(command: str) -> Reply:
    """The tool `terminal`."""
    return {"tool": "terminal", "arguments": {"command": command}}


def end() -> list[Reply]:
    """The tool `finish`."""
    return [{"tool": "finish", "arguments": {"message": "done"}}]


def start(job: Job) -> Command:
    """The program below, with its Python."""
    from benchmarks.peers.adapter import KEY, MODEL, TASK, WORKDIR, Command

    request: dict[str, Any] = {
        "address": job.from_container, "model": MODEL, "key": KEY, "image": job.image, "attempts": job.attempts,
        "task": TASK, "workdir": WORKDIR, "steps": job.steps, "limit": may_limit(job.image),
    }  # fmt: skip
    inside = {"OH_SESSION_API_KEYS_0": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    request["forward"] = list(inside)
    return Command([job.python, "-P", __file__, json.dumps(request)], {**inside, "OPENHANDS_SUPPRESS_BANNER": "1"})


@cache
def may_limit(image: str) -> bool:
    """Whether the engine gives a container as many open files as its workspace asks for."""
    command = ["docker", "run", "--rm", *LIMIT, "--entrypoint", "true", image]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def attempt(request: dict[str, Any]) -> str:
    """One workspace, one conversation; its status in the end."""
    from openhands.sdk import LLM, Conversation
    from openhands.tools.preset.default import get_default_agent
    from openhands.workspace import DockerWorkspace
    from pydantic import SecretStr

    model, key = f"openai/{request['model']}", SecretStr(request["key"])
    llm = LLM(model=model, base_url=request["address"], api_key=key, usage_id="agent")
    agent = get_default_agent(llm=llm, cli_mode=True)
    place = {"server_image": request["image"], "working_dir": request["workdir"], "forward_env": request["forward"]}
    with DockerWorkspace(**place) as workspace:
        conversation = Conversation(agent=agent, workspace=workspace, max_iteration_per_run=request["steps"] + 1)
        try:
            conversation.send_message(request["task"])
            conversation.run()
            return str(conversation.state.execution_status.value)
        finally:
            conversation.close()


def main() -> None:
    """All attempts at once."""
    from concurrent.futures import ThreadPoolExecutor

    # Here once, since threads that import it together find it half loaded.
    from openhands.tools.preset import default  # noqa: F401
    from openhands.workspace.docker import workspace

    request = json.loads(sys.argv[1])
    if not request["limit"]:
        execute = workspace.execute_command
        workspace.execute_command = lambda command: execute([part for part in command if part not in LIMIT])
    with ThreadPoolExecutor(request["attempts"]) as pool:
        ends = list(pool.map(attempt, [request] * request["attempts"]))
    if set(ends) != {"finished"}:
        sys.exit(f"ended as {ends}")


if __name__ == "__main__":
    main()
