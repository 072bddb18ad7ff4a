"""Rules about the whole house: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agent", "aci_tools", "tasks", "trajectories")
#: What each package may import of the others. Errors meant for a user are one family, at home in aci_tools.errors.
MAY_IMPORT = {
    "agent": {"aci_tools", "tasks", "trajectories"},
    "aci_tools": set(),
    "tasks": {"aci_tools.errors", "aci_tools.output", "aci_tools.sandbox", "aci_tools.testing", "aci_tools.variables"},
    "trajectories": {"aci_tools.errors"},
}
HEAVY = (
    "litellm",
    "docker",
    "xllamacpp",
    "git",
    "tree_sitter",
    "ray",
    "swebench",
    "datasets",
    "huggingface_hub",
    "pandas",
    "pyarrow",
    "httpx2",
    "mcp",
    "opentelemetry",
    "prometheus_client",
    "rich",
)


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    wrong = []
    for path in (ROOT / package).rglob("*.py"):
        for name in imports(path):
            home = name.split(".")[0]
            allowed = MAY_IMPORT[package]
            if home != package and not any(name == a or name.startswith(f"{a}.") for a in allowed):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def modules(package: str) -> list[str]:
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / package).rglob("*.py")
        # Hidden tests import the package of their task; hooks run in the processes of tests that are judged.
        if path.name != "hidden_test.py" and path.parent.name != "hooks"
    )


def test_importing_every_module_is_silent_and_loads_nothing_heavy() -> None:
    names = [name for package in PACKAGES for name in modules(package)]
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
    heavy = [module for module in {HEAVY!r} if module in sys.modules]
    assert not heavy, f"importing {{name}} loads {{heavy}}"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""


def test_no_file_names_this_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    texts = [ROOT / name for name in tracked.split("\0") if name and (ROOT / name).is_file()]
    needles = ("/".join(["", "work", ""]), "/".join(["", "root", ""]))
    found = [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in texts
        if path.suffix in {".py", ".md", ".yaml", ".toml", ""}
        for needle in needles
        if needle in path.read_text(errors="replace")
    ]
    assert found == []
