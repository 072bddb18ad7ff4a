"""SWE-agent's side of trajectories.py: its own agent class records a given attempt. Prints JSON.

Runs with the peers' Python and a clone of SWE-agent 1.x as PYTHONPATH:
swe_agent_log.py ATTEMPT.json TRAJECTORY.traj with|without (the prompts)
"""

from __future__ import annotations

import copy
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

from saves import Saves
from sweagent.agent.agents import DefaultAgent, TemplateConfig
from sweagent.agent.problem_statement import TextProblemStatement
from sweagent.types import StepOutput


def main() -> None:
    logging.disable()
    attempt, saves = json.loads(Path(sys.argv[1]).read_text()), Saves()
    agent = DefaultAgent(
        templates=TemplateConfig(next_step_template="OBSERVATION:\n{{observation}}"),
        tools=SimpleNamespace(config=SimpleNamespace(command_docs="", env_variables={})),
        history_processors=[],
        model=SimpleNamespace(),
    )
    agent._env = SimpleNamespace(name="main", repo=None)
    agent._problem_statement = TextProblemStatement(text=attempt["task"], id="owner__project-1")
    agent.traj_path = Path(sys.argv[2])
    for role, purpose in (("system", "system"), ("user", "task")):
        kind = "system_prompt" if purpose == "system" else "observation"
        agent._append_history({"role": role, "content": attempt[purpose], "agent": "main", "message_type": kind})
    for step in attempt["steps"]:
        function = {"name": "bash", "arguments": json.dumps({"command": step["command"]})}
        output = StepOutput(
            query=copy.deepcopy(agent.messages) if sys.argv[3] == "with" else [],
            thought=step["thought"],
            action=step["command"],
            output=step["thought"],
            observation=step["observation"],
            execution_time=step["seconds"],
            state={"working_dir": "/testbed"},
            tool_calls=[{"id": step["id"], "type": "function", "function": function}],
            tool_call_ids=[step["id"]],
        )
        agent.add_step_to_history(output)
        agent.add_step_to_trajectory(output)
        saves.measure(agent.save_trajectory)
    print(json.dumps(saves.figures()))


if __name__ == "__main__":
    main()
