"""The environment of a repository that nobody described: found out from its files, made, tried, kept, and pinned."""

from __future__ import annotations

from tasks.environments.containers import Environments, Made
from tasks.environments.detect import propose
from tasks.environments.pinned import write_pinned
from tasks.environments.proposal import Proposal
from tasks.environments.tree import Tree

__all__ = ["Environments", "Made", "Proposal", "Tree", "propose", "write_pinned"]
