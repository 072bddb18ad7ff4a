"""From a patch to a pull request: a branch of one commit, a description, a draft on the issue's own forge."""

from __future__ import annotations

from agent.pull_request.publishing import Published, publish
from agent.pull_request.target import Opening, Target, find_target

__all__ = ["Opening", "Published", "Target", "find_target", "publish"]
