"""The same calls give the same observations on every kind of sandbox."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from aci_tools import occurrences
from aci_tools.guard import Guard
from aci_tools.sandbox import SandboxSpec, available_kinds, open_sandbox
from aci_tools.session import Session
from aci_tools.tools.create_undo import Create, Undo
from aci_tools.tools.edit_function import RewriteFunction
from aci_tools.tools.edit_lines import Edit
from aci_tools.tools.edit_replace import Replace
from aci_tools.tools.search import FindFile, SearchDir
from aci_tools.tools.view import Open

CALLS = [
    FindFile(pattern="*.py"),
    SearchDir(term="value"),
    SearchDir(term="VALUE", dir="src"),
    Open(path="src/a b.py"),
    Edit(start=1, end=1, text="value = 2\n"),
    Replace(path="src/m.py", old="return value", new="return value + 1"),
    RewriteFunction(path="src/m.py", name="f", code="def f(value):\n    return (value\n"),
    Create(path="new/n.py", text="value = 3\n"),
    SearchDir(term="value"),
    Undo(),
    Open(path="new/n.py"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "src").mkdir(parents=True)
    (root / "src/a b.py").write_bytes(b"value = 1\r\nother = value\r\n")
    (root / "src/m.py").write_text("def f(value):\n    return value\n")
    (root / "data.bin").write_bytes(b"value\0")
    commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
    subprocess.run(commit, shell=True, cwd=root, check=True)
    return root


def observations(kind: str, spec: SandboxSpec) -> list[str]:
    with contextlib.closing(open_sandbox(kind, spec)) as sandbox:
        session = Session(sandbox, guard=Guard.for_sandbox(sandbox))
        seen = [session.execute(call).text.replace(session.root, "ROOT") for call in CALLS]
        return [*seen, session.patch(), session.search_program or ""]


def test_namespace_and_local_agree(repository):
    kinds = {found.kind: found for found in available_kinds()}
    if not kinds["namespace"].usable:
        pytest.skip(kinds["namespace"].reason)
    spec = SandboxSpec(repository=repository)
    assert observations("namespace", spec)[:-1] == observations("local", spec)[:-1]


@pytest.mark.docker
def test_docker_and_local_agree_with_grep_and_with_ripgrep_lent(repository, docker_image, monkeypatch):
    expected = observations("local", SandboxSpec(repository=repository))
    spec = SandboxSpec(repository=repository, image=docker_image)
    *seen, program = observations("docker", spec)
    assert (seen, program) == (expected[:-1], "grep")
    monkeypatch.setattr(occurrences, "WORTH_LENDING", 1)
    *seen, program = observations("docker", spec)
    assert (seen, program) == (expected[:-1], "/tmp/patchwright/rg")
