"""Where issues are read and pull requests are opened: GitHub, GitLab, Gitea and Forgejo."""

from __future__ import annotations

from tasks.forges.base import Forge, PullRequest, Repo

__all__ = ["Forge", "PullRequest", "Repo"]
