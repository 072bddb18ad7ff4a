"""Preference pairs for direct preference optimisation (DPO; Rafailov et al. 2023, arXiv:2305.18290)."""

from __future__ import annotations

from collections.abc import Sequence

from trajectories.events import CUT_OFF
from trajectories.exchange.base import Context, Document, Trajectory, Tree, encode_lines
from trajectories.exchange.chat import offered, trained
from trajectories.exchange.conversation import ChatMessage
from trajectories.exchange.turns import ended
from trajectories.log import TrajectoryError


class DpoExporter:
    """A line a pair: an attempt that resolves a task is preferred to one of the same task that does not.

    ``prompt``, ``chosen`` and ``rejected`` are lists of messages. The prompt is all that the two have in common: the
    opening for independent attempts, everything up to the fork for forked ones.
    """

    name = "dpo"
    summary = "preference pairs from attempts of one task with different verdicts (needs verdicts)"
    tree: Tree = "trials"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class.

        Raises:
            TrajectoryError: There are no verdicts.
        """
        if not context.verdicts.all:
            raise TrajectoryError("preference pairs need verdicts: evaluate the run, or give --verdicts")
        good: dict[str, list[Trajectory]] = {}
        bad: dict[str, list[Trajectory]] = {}
        judged = 0
        for trajectory in trajectories:
            verdict, last = context.verdict(trajectory), ended(trajectory.events)
            if verdict is None or not verdict.about_the_patch:
                continue
            judged += 1
            if verdict.resolved:
                good.setdefault(trajectory.task, []).append(trajectory)
            elif last is not None and last.status not in CUT_OFF:
                bad.setdefault(trajectory.task, []).append(trajectory)
        rows, unlike = [], 0
        for task, winners in good.items():
            for chosen in winners:
                for rejected in bad.get(task, []):
                    row = _pair(chosen, rejected, context)
                    unlike += row is None
                    rows += [row] if row is not None else []
        notes = []
        if judged < len(trajectories):
            notes.append(f"{len(trajectories) - judged} attempts without a verdict on their patch are left out")
        if unlike:
            notes.append(f"{unlike} pairs that do not begin with the same messages are left out")
        return [Document("dpo.jsonl", encode_lines(rows), tuple(notes))]


def _pair(chosen: Trajectory, rejected: Trajectory, context: Context) -> dict[str, object] | None:
    won, lost = trained(chosen), trained(rejected)
    common = _common(won, lost)
    prompt = won[:common]
    if not any(m["role"] == "user" for m in prompt) or common == len(won) or common == len(lost):
        return None
    tools = offered(chosen, won, context)
    return {
        "prompt": prompt,
        "chosen": won[common:],
        "rejected": lost[common:],
        **({"tools": tools} if tools else {}),
        "task": chosen.task,
        "chosen_attempt": chosen.attempt,
        "rejected_attempt": rejected.attempt,
    }


def _common(a: Sequence[ChatMessage], b: Sequence[ChatMessage]) -> int:
    """How many messages are the same at the beginning; the next of each is the model's own."""
    count = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    while count >= min(len(a), len(b)) or not a[count]["role"] == b[count]["role"] == "assistant":
        if count <= 0:
            return 0
        count -= 1
    return count
