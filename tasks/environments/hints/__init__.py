"""What is to be learnt of a project's needs from files that are written for other programs."""

from __future__ import annotations

from tasks.environments.hints import compose, devcontainer, dockerfile, workflows
from tasks.environments.hints.model import Hints
from tasks.environments.tree import Tree

__all__ = ["Hints", "gather"]

_TOOL_VERSIONS = {"python": "python", "nodejs": "node", "golang": "go", "rust": "rust", "ruby": "ruby", "php": "php"}


def gather(tree: Tree) -> Hints:
    """All hints of a repository; where two disagree the one that is closest to how the tests are run wins."""
    hints = Hints()
    for line in tree.text(".tool-versions").splitlines():
        name, _, version = line.strip().partition(" ")
        if name in _TOOL_VERSIONS and version:
            hints.versions.setdefault(_TOOL_VERSIONS[name], version.strip())
    for path in tree.matching(".github/workflows/*.yml", ".github/workflows/*.yaml"):
        hints.add(workflows.read_workflow(tree.yaml(path), path))
    for path in tree.matching(".gitlab-ci.yml"):
        hints.add(workflows.read_pipeline(tree.yaml(path), path))
    for path in tree.near_the_top("devcontainer.json", ".devcontainer.json"):
        hints.add(devcontainer.read(tree.json(path), path))
    for path in tree.near_the_top("Dockerfile", "Containerfile", "Dockerfile.test", "Dockerfile.dev"):
        hints.add(dockerfile.read(tree.text(path), path))
    for path in tree.near_the_top("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"):
        hints.add(compose.read(tree.yaml(path), path))
    return hints
