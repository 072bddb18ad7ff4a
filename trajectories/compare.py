"""Two trajectories side by side, step by step."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from trajectories.normalise import Told, alike, difference
from trajectories.stats.reader import Action, Recorded, Step
from trajectories.stats.rows import AttemptFacts

#: How much of an action or observation a summary shows.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """One step of both.

    Attributes:
        step: From 1.
        kind: ``same``; ``observation``: the actions are equal, what came of them is not; ``action``: the actions
            differ; ``only_a`` or ``only_b``: the other has no such step.
        a: The first one's actions in short, with the trial that they are of where a strategy made some; ``""`` if it
            has no such step.
        b: The second one's.
        diff: Where only the observations differ: a unified diff of them.
    """

    step: int
    kind: str
    a: str
    b: str
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two trajectories.

    Attributes:
        pairs: Every step, in order.
        shared_actions: Actions that both took, in whatever order.
        same_task: Whether they are attempts on the same task.
        same_patch: Whether they end with the same patch.
        trials: How many trials a strategy made of each; none of attempts without one.
        a: Facts of the first.
        b: Facts of the second.
    """

    pairs: tuple[Pair, ...]
    shared_actions: int
    same_task: bool
    same_patch: bool
    trials: tuple[int, int]
    a: AttemptFacts
    b: AttemptFacts

    @property
    def divergence(self) -> Pair | None:
        """The first step that is not the same; ``None`` where all are."""
        return next((pair for pair in self.pairs if pair.kind != "same"), None)

    @property
    def counts(self) -> dict[str, int]:
        """How many steps are of each kind."""
        return dict(Counter(pair.kind for pair in self.pairs))

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return asdict(self) | {
            "divergence": asdict(self.divergence) if self.divergence else None,
            "counts": self.counts,
        }


def compare(a: Recorded, b: Recorded, facts_a: AttemptFacts, facts_b: AttemptFacts) -> Comparison:
    """Compare two trajectories, the first step of one with the first of the other and so on.

    Actions are equal if their tools and arguments are; observations if their texts are, but for what may differ between
    two executions (``trajectories.normalise``).
    """
    pairs = []
    for number in range(max(len(a.steps), len(b.steps))):
        left = a.steps[number] if number < len(a.steps) else None
        right = b.steps[number] if number < len(b.steps) else None
        pairs.append(_pair(number + 1, (a.workdir, left), (b.workdir, right)))
    shared = Counter(_keys(a)) & Counter(_keys(b))
    return Comparison(
        tuple(pairs),
        shared.total(),
        facts_a.task == facts_b.task,
        a.patch == b.patch,
        (len(a.trials), len(b.trials)),
        facts_a,
        facts_b,
    )


def _pair(number: int, of_a: tuple[str, Step | None], of_b: tuple[str, Step | None]) -> Pair:
    (root_a, a), (root_b, b) = of_a, of_b
    if a is None or b is None:
        return Pair(number, "only_b" if a is None else "only_a", _short(a), _short(b))
    if [_key(action, root_a) for action in a.actions] != [_key(action, root_b) for action in b.actions] or (
        (a.correction, a.purpose) != (b.correction, b.purpose)
    ):
        return Pair(number, "action", _short(a), _short(b))
    told = [(_told(left, root_a), _told(right, root_b)) for left, right in zip(a.actions, b.actions, strict=True)]
    different = [not alike(left, right) for left, right in told]
    if not any(different) and [_outcome(action) for action in a.actions] == [_outcome(action) for action in b.actions]:
        return Pair(number, "same", _short(a), _short(b))
    diffs = [
        difference(left, right, context=1, names=("A", "B"))
        for (left, right), parted in zip(told, different, strict=True)
        if parted
    ]
    return Pair(number, "observation", _short(a), _short(b), "\n".join(diffs))


def _told(action: Action, root: str) -> Told:
    # Without the seconds that it took, nothing tells a reading of the clock from a text.
    return Told(action.text, root, action.time if action.seconds else 0.0, action.seconds)


def _outcome(action: Action) -> tuple[bool, str]:
    return action.ok, action.code


def _keys(recorded: Recorded) -> list[str]:
    return [_key(action, recorded.workdir) for step in recorded.steps for action in step.actions]


def _key(action: Action, root: str) -> str:
    """What was done, wherever the repository stands; an argument that is null says what an absent one does."""
    given = {name: value for name, value in action.arguments.items() if value is not None}
    key = json.dumps([action.tool, given], sort_keys=True)
    return re.sub(rf"{re.escape(root)}(?![\w.-])", "<tree>", key) if len(root) > 1 else key


def _short(step: Step | None) -> str:
    if step is None:
        return ""
    trial = f"[{step.trial}] " if step.trial else ""
    if not step.actions:
        what = f"malformed: {step.correction}" if step.correction else step.purpose or "no action"
        return f"{trial}({what})"
    return trial + "; ".join(_short_action(action) for action in step.actions)


def _short_action(action: Action) -> str:
    said = (str(value) for value in action.arguments.values() if value not in (None, "", False))
    text = " ".join([action.tool or "?", *said]).replace("\n", "⏎")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
