"""mini-swe-agent's side of trajectories.py: its own loop and LiteLLM model record a given attempt. Prints JSON.

Runs with the peers' Python: mini_swe_agent_log.py ATTEMPT.json TRAJECTORY.traj.json
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["MSWEA_SILENT_STARTUP"] = "1"
os.environ["MSWEA_GLOBAL_CONFIG_DIR"] = tempfile.mkdtemp()

from litellm import ModelResponse
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel
from saves import Saves


def main() -> None:
    attempt = json.loads(Path(sys.argv[1]).read_text())
    steps, saves = attempt["steps"], Saves()
    replies, outputs = iter(steps), iter(steps)

    class Model(LitellmModel):
        def _query(self, messages, **kwargs):
            step = next(replies)
            arguments = json.dumps({"command": step["command"]})
            call = {"id": step["id"], "type": "function", "function": {"name": "bash", "arguments": arguments}}
            message = {"role": "assistant", "content": step["thought"], "tool_calls": [call]}
            return ModelResponse(
                model=attempt["model"],
                choices=[{"index": 0, "finish_reason": "tool_calls", "message": message}],
                usage={key: step[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")},
            )

    class Environment(LocalEnvironment):
        def execute(self, action, *args, **kwargs):
            return {"output": next(outputs)["observation"], "returncode": 0, "exception_info": ""}

        def serialize(self):
            # The variables of the machine that measures are not part of the attempt.
            return {"info": {"config": {"environment": self.config.model_dump(mode="json")}}}

    class Agent(DefaultAgent):
        def save(self, path, *extra):
            saves.measure(lambda: super(Agent, self).save(path, *extra))

    Agent(
        Model(model_name=attempt["model"], cost_tracking="ignore_errors"),
        Environment(),
        system_template="{{ system }}",
        instance_template="{{ task }}",
        step_limit=len(steps),
        cost_limit=0,
        output_path=Path(sys.argv[2]),
    ).run(attempt["task"], system=attempt["system"])
    print(json.dumps(saves.figures()))


if __name__ == "__main__":
    main()
