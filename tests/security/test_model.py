"""A model whose output attacks: patches, paths, and text that imitates the runtime's own."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from aci_tools.session import Session, SessionSettings
from aci_tools.tools import TOOLS
from aci_tools.tools.base import ToolError
from tasks.repository import apply_patch
from tests.security.conftest import Opening


def new_file(name: str, content: str = "owned", mode: str = "100644") -> str:
    ending = "\n\\ No newline at end of file\n" if mode == "120000" else "\n"
    header = f"diff --git a/{name} b/{name}\nnew file mode {mode}\n--- /dev/null\n+++ b/{name}\n"
    return f"{header}@@ -0,0 +1 @@\n+{content}{ending}"


@pytest.mark.parametrize("way", ["parent", "inside git", "link in the tree", "link in the patch"])
def test_a_patch_writes_in_the_working_tree_only(project: Path, tmp_path: Path, way: str, defended: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    if way == "link in the tree":
        (project / "link").symlink_to(outside)
    patch, place = {
        "parent": (new_file("../outside/file"), outside / "file"),
        "inside git": (new_file(".git/hooks/post-checkout"), project / ".git/hooks/post-checkout"),
        "link in the tree": (new_file("link/file"), outside / "file"),
        "link in the patch": (new_file("way", str(outside), "120000") + new_file("way/file"), outside / "file"),
    }[way]
    if defended:
        assert not apply_patch(project, patch).ok
    else:
        apply_anywhere(project, patch)
    assert place.exists() is not defended


def apply_anywhere(project: Path, patch: str) -> None:
    """What a program does that takes the paths of a patch as they are."""
    for part in patch.split("diff --git ")[1:]:
        path = project / part.split("+++ b/")[1].splitlines()[0]
        content = part.split("\n+")[-1].splitlines()[0]
        if "mode 120000" in part:
            path.symlink_to(content)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)


@pytest.mark.parametrize("tool", ["create", "bash"])
def test_a_path_out_of_the_repository_ends_in_the_sandbox(
    project: Path, tmp_path: Path, opening: Opening, tool: str, fence: str, defended: bool
) -> None:
    target = tmp_path / "owned"
    session = Session(opening(fence, project), SessionSettings())
    arguments = {"path": str(target), "text": "owned\n"} if tool == "create" else {"command": f"echo owned >{target}"}
    # A tool for files refuses the path by itself; a command is held by the sandbox alone.
    with contextlib.suppress(ToolError) if tool == "create" else contextlib.nullcontext():
        TOOLS[tool](**arguments).run(session)
    assert target.exists() is (tool == "bash" and not defended)


def test_output_that_imitates_the_end_of_a_command_does_not_end_it(
    project: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr("aci_tools.sandbox.channel.new_token", lambda: "<known>")
    result = opening("local", project).run("printf '<known> 0 0\\n'; exit 3")
    assert (result.exit_code == 0) is not defended
