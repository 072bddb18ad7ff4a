"""``agent doctor``: what works on this machine, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.util
import json as jsonlib
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass

import typer

from agent.cli.options import Json


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        ok: Whether it works.
        detail: What was found.
        mend: The command that mends it, where something is wrong.
    """

    name: str
    ok: bool
    detail: str
    mend: str = ""


def checks() -> list[Check]:
    """Look at everything that a run needs or can use."""
    return [_python(), _git(), *_sandboxes(), *_models(), _languages(), _disk()]


def doctor(json: Json = False) -> None:
    """Check what works here. Exit code 0 if an agent can run: git, a sandbox and a model."""
    from agent.cli.models import model_rows

    found = checks()
    if json:
        print(jsonlib.dumps([asdict(check) for check in found], indent=2))
    else:
        width = max(len(check.name) for check in found)
        for check in found:
            print(f"{'ok ' if check.ok else 'no '}  {check.name:{width}}  {check.detail}")
            if not check.ok and check.mend:
                print(f"     {'':{width}}  mend: {check.mend}")
    sandbox = any(check.ok for check in found if check.name.startswith("sandbox"))
    model = any(row.usable for row in model_rows() if row.name.startswith("local/") or "/…" in row.name)
    git = next(check.ok for check in found if check.name == "git")
    if not (sandbox and model and git):
        raise typer.Exit(1)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or later")


def _git() -> Check:
    if shutil.which("git") is None:
        return Check("git", False, "not found", "apt-get install git")
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    return Check("git", done.returncode == 0, done.stdout.strip().removeprefix("git version "))


def _sandboxes() -> list[Check]:
    from aci_tools.sandbox import available_kinds

    return [
        Check(f"sandbox {kind.kind}", kind.usable, kind.reason or "usable", kind.mend) for kind in available_kinds()
    ]


def _models() -> list[Check]:
    from agent.cli.models import INSTALL, model_rows

    return [
        Check(f"model {row.name}", row.usable, row.note, "" if row.usable else INSTALL)
        for row in model_rows()
        if row.name.startswith("local/") or (row.usable and "/…" in row.name)
    ]


def _languages() -> Check:
    ok = all(importlib.util.find_spec(name) for name in ("tree_sitter", "tree_sitter_language_pack"))
    detail = "guard for other languages than Python"
    return Check("languages", ok, detail if ok else f"{detail}: not installed", "pip install 'patchwright[languages]'")


def _disk() -> Check:
    import platformdirs

    place = platformdirs.user_cache_path("patchwright")
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return Check(
        "disk", free > 5, f"{free:.0f} GB free at {place}", "free some room: `agent cleanup`, `docker system prune`"
    )
