"""Where issues are read and pull requests are opened: GitHub, GitLab, Gitea and Forgejo."""

from __future__ import annotations

from tasks.forges.addresses import Place, locate_issue, locate_repository
from tasks.forges.base import Forge, PullRequest, Repo

__all__ = ["Forge", "Place", "PullRequest", "Repo", "locate_issue", "locate_repository"]
