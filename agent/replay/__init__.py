"""Replay: every recorded action is executed again in a fresh sandbox, and what comes of it is compared."""

from __future__ import annotations

from agent.replay.entries import Entry, entries
from agent.replay.player import Player, Result
from agent.replay.run import Replayed, ReplayRequest, replay
from agent.replay.tree import TreeReplayed, replay_tree, trials_to_play

__all__ = [
    "Entry",
    "Player",
    "ReplayRequest",
    "Replayed",
    "Result",
    "TreeReplayed",
    "entries",
    "replay",
    "replay_tree",
    "trials_to_play",
]
