"""mini-swe-agent's side of overhead.py: a command in a container, and the overhead of a step. Prints JSON.

Runs with the peers' Python: mini_swe_agent_parts.py IMAGE COMMANDS STEPS
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["MSWEA_SILENT_STARTUP"] = "1"
os.environ["MSWEA_GLOBAL_CONFIG_DIR"] = tempfile.mkdtemp()

from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.docker import DockerEnvironment
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.test_models import DeterministicModel, make_output


def timed(action) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    image, commands, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    environment = DockerEnvironment(image=image)
    environment.execute({"command": "true"})
    trivial = [timed(lambda: environment.execute({"command": "true"})) for _ in range(commands)]
    flood = [
        timed(lambda: environment.execute({"command": "head -c 2000000 /dev/zero | tr '\\0' x"})) for _ in range(5)
    ]
    environment.cleanup()

    marks: list[float] = []
    spent: list[float] = []

    class Timed(LocalEnvironment):
        """Takes out what the command itself takes."""

        def execute(self, action, *args, **kwargs):
            began = time.perf_counter()
            result = super().execute(action, *args, **kwargs)
            spent.append(time.perf_counter() - began)
            marks.append(time.perf_counter())
            return result

    outputs = [make_output("thought " * 200, [{"command": "seq 300"}], cost=0.0) for _ in range(steps + 1)]
    with tempfile.TemporaryDirectory() as scratch:
        agent = DefaultAgent(
            DeterministicModel(outputs=outputs),
            Timed(),
            system_template="You are an agent.",
            instance_template="{{task}}",
            step_limit=steps,
            cost_limit=0,
            output_path=Path(scratch) / "t.traj.json",
        )
        agent.run("task")
    overhead = [(b - a - s) * 1000 for a, b, s in zip(marks, marks[1:], spent[1:], strict=False)]
    print(
        json.dumps(
            {
                "command_ms": trivial,
                "two_megabytes_ms": flood,
                "step_first_ms": overhead[:20],
                "step_last_ms": overhead[-20:],
                "step_median_ms": statistics.median(overhead),
            }
        )
    )


if __name__ == "__main__":
    main()
