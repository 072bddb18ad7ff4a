"""One attempt of mini-swe-agent for benchmarks/strategies.py. Reads a request (JSON) and prints an outcome (JSON).

Runs with the peers' Python. The prompts and all else that is not in the request are those of the configuration that it
ships. Its limit on cost serves as the limit on tokens: a token read or written costs a millionth of a dollar here, one
read from the cache nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["MSWEA_SILENT_STARTUP"] = "1"
os.environ["MSWEA_GLOBAL_CONFIG_DIR"] = tempfile.mkdtemp()
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
# The server is on this machine: what fails once fails again.
os.environ["MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT"] = "2"

from minisweagent.agents.default import DefaultAgent
from minisweagent.config import get_config_from_spec
from minisweagent.environments.docker import DockerEnvironment
from minisweagent.models import get_model

TOKEN = 1e-6
#: The isolation that Patchwright's own containers have.
RUN_ARGS = ["--rm", "--network", "none", "--memory", "4g", "--pids-limit", "512"]


def prices(model: str) -> dict[str, Any]:
    """What litellm should think that the model costs."""
    costs = {"input_cost_per_token": TOKEN, "output_cost_per_token": TOKEN, "cache_read_input_token_cost": 0.0}
    return {model: {**costs, "litellm_provider": "openai", "mode": "chat"}}


def usages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each reply used; a malformed reply is kept in the message that says so."""
    responses = [message.get("extra", {}).get("response") for message in messages]
    return [response["usage"] for response in responses if response]


def main() -> None:
    request = json.load(sys.stdin)
    limits = request["limits"]
    config = get_config_from_spec(request["config"])
    name = f"openai/{request['model']}"
    registry = Path(os.environ["MSWEA_GLOBAL_CONFIG_DIR"]) / "prices.json"
    registry.write_text(json.dumps(prices(name)))
    settings = {
        "api_base": request["address"],
        "api_key": request["key"],
        "temperature": limits["temperature"],
        "seed": limits["seed"],
        "max_tokens": limits["reply"],
    }
    model = get_model(
        name,
        {
            **config["model"],
            "model_class": request["model_class"],
            "model_kwargs": {**config["model"].get("model_kwargs", {}), **settings},
            "litellm_model_registry": registry,
        },
    )
    own = config["environment"]
    environment = DockerEnvironment(
        **{**own, "env": {**request["env"], **own.get("env", {})}},
        image=request["image"],
        cwd=request["workdir"],
        run_args=RUN_ARGS,
    )
    if request["repository"]:
        source, target = f"{request['repository']}/.", f"{environment.container_id}:{request['workdir']}"
        subprocess.run(["docker", "cp", "-q", source, target], check=True, stdout=sys.stderr)
    agent = DefaultAgent(
        model,
        environment,
        **{
            **config["agent"],
            "step_limit": limits["steps"],
            "cost_limit": limits["tokens"] * TOKEN,
            "wall_time_limit_seconds": limits["seconds"],
            "output_path": Path(request["trajectory"]),
        },
    )
    began = time.monotonic()
    try:
        status = agent.run(request["task"])["exit_status"]
    except Exception as error:
        # It has kept the error in its trajectory; what it changed before counts.
        status = type(error).__name__
    seconds = time.monotonic() - began
    inside = ["docker", "exec", "-w", request["workdir"], environment.container_id, "git"]
    try:
        subprocess.run([*inside, "add", "--all"], check=True, stdout=sys.stderr)
        diff = subprocess.run(
            [*inside, "diff", "--cached", "--binary", request["base"]], check=True, capture_output=True
        )
    finally:
        environment.cleanup()
    used = usages(agent.messages)
    print(
        json.dumps(
            {
                "patch": diff.stdout.decode("utf-8", "replace"),
                "status": status,
                "steps": agent.n_calls,
                "prompt_tokens": sum(usage["prompt_tokens"] for usage in used),
                "cached_tokens": sum(
                    (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0 for usage in used
                ),
                "completion_tokens": sum(usage["completion_tokens"] for usage in used),
                "seconds": seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
