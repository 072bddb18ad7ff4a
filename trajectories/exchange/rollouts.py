"""Reward-labelled rollouts for reinforcement learning: RLTF's rewards, and RLEF's feedback turn by turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from trajectories.events import ActionTaken, Observed
from trajectories.exchange.base import Context, Document, Trajectory, Tree, encode_lines
from trajectories.exchange.chat import offered, trained
from trajectories.exchange.rewards import (
    RLEF_FAILED,
    RLEF_INVALID,
    RLEF_PASSED,
    Fine,
    adaptive,
    coarse,
    fine,
    outcome,
)
from trajectories.exchange.step_values import step_values
from trajectories.exchange.turns import Turn, ended, turns
from trajectories.log import TrajectoryError
from trajectories.verdicts import Verdict

#: Commands that run tests, as far as their text tells.
_RUNS_TESTS = re.compile(
    r"\b(?:pytest|py\.test|tox|nose2?|unittest|runtests\.py|go test|cargo test|npm (?:run )?test|yarn test|"
    r"jest|mocha|make (?:test|check)|ctest|mvn test|gradle test|bin/test)\b"
)


class RolloutExporter:
    """A line an attempt: its messages, its outcome and the rewards; what each field is stands in docs/formats.md."""

    name = "rollouts"
    summary = "reward-labelled rollouts: RLTF's rewards, RLEF's feedback, values of steps from forks (needs verdicts)"
    tree: Tree = "trials"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class.

        Raises:
            TrajectoryError: There are no verdicts.
        """
        if not context.verdicts.all:
            raise TrajectoryError("rewards need verdicts: evaluate the run, or give --verdicts")
        rows, left_out = [], 0
        values, notes = step_values(trajectories, context)
        for trajectory in trajectories:
            verdict, messages = context.verdict(trajectory), trained(trajectory)
            if verdict is None or not verdict.about_the_patch or not messages:
                left_out += 1
                continue
            tools = offered(trajectory, messages, context)
            row = {**_row(trajectory, verdict), "messages": messages, **({"tools": tools} if tools else {})}
            measured = [value.as_json() for value in values.get(trajectory.attempt, ())]
            rows.append({**row, "step_values": measured} if measured else row)
        if left_out:
            notes.append(f"{left_out} attempts without a verdict on their patch are left out")
        return [Document("rollouts.jsonl", encode_lines(rows), tuple(notes))]


def _row(trajectory: Trajectory, verdict: Verdict) -> dict[str, Any]:
    last = ended(trajectory.events)
    total = len(verdict.passed) + len(verdict.failed)
    return {
        "task": trajectory.task,
        "attempt": trajectory.attempt,
        "model": trajectory.model,
        "status": last.status if last else "interrupted",
        "patch": trajectory.patch,
        "verdict": {
            "resolved": verdict.resolved,
            "status": verdict.status,
            "tests_passed": len(verdict.passed),
            "tests_failed": len(verdict.failed),
            "share": round(len(verdict.passed) / total, 6) if total else None,
        },
        "rltf": {
            "outcome": outcome(verdict),
            "coarse": coarse(verdict),
            "fine": [_blamed(trajectory, found) for found in fine(verdict, trajectory.patch)],
            "adaptive": adaptive(verdict),
        },
        "rlef": _rlef(trajectory, verdict),
    }


def _blamed(trajectory: Trajectory, found: Fine) -> dict[str, Any]:
    """An error with what it blames, and the steps whose edits wrote those lines."""
    lines = [{**asdict(line), "steps": _writers(trajectory, line.text)} for line in found.lines]
    return {"kind": found.kind, "message": found.message, "scope": found.scope, "lines": lines}


def _writers(trajectory: Trajectory, text: str) -> list[int]:
    """The steps with an action that has the line in one of its arguments."""
    wanted = text.strip()
    if not wanted:
        return []
    actions = [event for event in trajectory.events if isinstance(event, ActionTaken)]
    return sorted(
        {
            action.step
            for action in actions
            if any(isinstance(value, str) and wanted in value for value in action.call.arguments.values())
        }
    )


def _rlef(trajectory: Trajectory, verdict: Verdict) -> dict[str, Any]:
    """The feedback of the tests that the agent ran itself, a turn each, and RLEF's rewards.

    RLEF shows the outcome of public tests after each turn and rewards the last turn by the held-back ones; a turn whose
    code is not valid costs 0.2. Here an invalid turn is one without a well-formed action or with an edit refused.
    """
    all_turns = [turn for turn in turns(trajectory.events) if turn.reply is not None]
    rows = [_turn(turn) for turn in all_turns]
    if rows:
        rows[-1]["reward"] = round(rows[-1]["reward"] + (RLEF_PASSED if verdict.resolved else RLEF_FAILED), 6)
    return {"turns": rows, "return": round(sum(row["reward"] for row in rows), 6)}


def _turn(turn: Turn) -> dict[str, Any]:
    step = turn.reply.step if turn.reply else 0
    refused = any(seen.code == "guard-refused" for seen in turn.observations)
    malformed = not turn.actions and any(message.purpose == "correction" for message in turn.messages)
    feedback = [_feedback(seen) for action, seen in turn.pairs() if seen is not None and _tests(action)]
    valid = not (refused or malformed)
    return {"step": step, "valid": valid, "reward": 0.0 if valid else RLEF_INVALID, "feedback": feedback}


def _tests(action: ActionTaken) -> bool:
    command = action.call.arguments.get("command")
    return action.call.name == "run_tests" or (isinstance(command, str) and bool(_RUNS_TESTS.search(command[:2000])))


def _feedback(seen: Observed) -> dict[str, Any]:
    counts = seen.data.get("counts")
    return {"ok": seen.ok, "text": seen.text, **({"counts": counts} if isinstance(counts, dict) else {})}
