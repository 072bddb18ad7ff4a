"""Attempts that a strategy spent, as formats take them that know attempts of one agent only, or sub-agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trajectories.exchange.base import Trajectory, Tree
from trajectories.exchange.turns import started
from trajectories.log import read_events
from trajectories.trees import chosen, is_tree, names_its_root, trials


def spread(found: Sequence[Trajectory], tree: Tree) -> tuple[list[Trajectory], list[str]]:
    """Trajectories as a format takes them, and what a user should know of it, a line each.

    Args:
        found: Attempts, with or without the trials of those that a strategy spent.
        tree: What the format makes of such an attempt.

    Raises:
        TrajectoryError: A trial's trajectory is damaged.
    """
    here = {trajectory.attempt for trajectory in found if is_tree(trajectory.events)}
    alone = [one for one in found if names_its_root(started(one.events)) not in here]
    made: list[Trajectory] = []
    notes: list[str] = []
    for trajectory in alone:
        if not is_tree(trajectory.events):
            made.append(trajectory)
        elif tree == "whole":
            made.append(replace(trajectory, trials=tuple(_trials(trajectory))))
        elif tree == "trials":
            made += _trials(trajectory)
        elif tree == "patch":
            made.append(trajectory)
        else:
            one, note = _chosen(trajectory)
            made += [one] if one is not None else []
            notes.append(note)
    return made, notes


def _trials(root: Trajectory) -> list[Trajectory]:
    """The trials of an attempt that are there."""
    paths = [(each.name, each.path) for each in trials(root.events, _place(root))] if root.path else []
    read = [Trajectory(read_events(path), f"{root.name} trial {name}", path) for name, path in paths if path]
    return [trial for trial in read if trial.events]


def _chosen(root: Trajectory) -> tuple[Trajectory | None, str]:
    """The trial that an attempt's patch is of, else the last; under the name and in the place of the attempt."""
    there = {trial.path: trial for trial in _trials(root)}
    best = chosen(root.events, _place(root)) if root.path else None
    name = root.name or root.attempt
    if best is not None and best.path in there:
        return replace(there[best.path], name=root.name, path=root.path), f"{name}: trial {best.name} stands for it"
    if not there:
        return None, f"{name}: left out, because its trials are not here"
    last = list(there.values())[-1]
    return replace(last, name=root.name, path=root.path), f"{name}: no trial has its patch; the last one stands for it"


def _place(root: Trajectory) -> Path:
    assert root.path is not None
    return root.path.parent
