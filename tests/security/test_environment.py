"""A repository whose files say how it is to be installed: read as data, by whoever wrote them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tasks.environments import Tree, propose
from tests.security.conftest import CANARY, git


def commit(project: Path, **files: str) -> None:
    for name, text in files.items():
        (project / name).write_text(text)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "More")


def test_the_commands_of_a_dockerfile_are_not_run(project: Path, tmp_path: Path, defended: bool) -> None:
    mark = tmp_path / "mark"
    commands = f"apt-get install -y libpq-dev && touch {mark}"
    commit(project, Dockerfile=f"FROM python:3.11\nRUN {commands}\n", **{"test_it.py": "def test_it(): pass\n"})
    if defended:
        proposal = propose(Tree(project))
        assert proposal.packages == ("libpq-dev",)
        assert str(mark) not in str(proposal.as_json())
    else:
        subprocess.run(["sh", "-c", commands.replace("apt-get", ": apt-get")], check=True)
    assert mark.exists() is not defended


def test_a_link_to_a_file_of_the_users_is_not_read(project: Path, host_file: Path, defended: bool) -> None:
    (project / "requirements.txt").symlink_to(host_file)
    commit(project, **{"test_it.py": "def test_it(): pass\n"})
    if defended:
        read = Tree(project).text("requirements.txt") + str(propose(Tree(project)).as_json())
    else:
        read = (project / "requirements.txt").read_text()
    assert (CANARY in read) is not defended
