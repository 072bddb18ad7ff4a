"""``agent environment``: what a repository needs to run its tests, as found out; made, tried, shown and pinned."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from aci_tools.errors import UsageError
from agent.cli.options import ConfigFiles, Json, Settings, effective_config


def environment(
    repo: Annotated[str, typer.Option("--repo", "-r", help="Path or clone URL.")] = ".",
    base: Annotated[str | None, typer.Option("--base", help="Revision; default: HEAD.")] = None,
    include_uncommitted: Annotated[
        bool, typer.Option("--include-uncommitted", help="Look at the uncommitted changes too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be installed.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Pin it in .patchwright.yaml at the top of the repository.")
    ] = False,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Find out what a repository needs to run its tests, install it in a container image, and try the tests.

    What could not be installed before is tried again. Exit code 0: the tests run; 1: they do not.
    """
    from aci_tools.sandbox.workspace import workspace
    from agent.detected import survey
    from agent.progress import Progress
    from tasks.environments import write_pinned
    from tasks.repository import prepare

    if write and (dry_run or not Path(repo).is_dir()):
        raise UsageError("--write: the repository has to be a directory, and its tests have to be tried")
    effective = effective_config(config, settings)
    with workspace() as scratch, Progress() as progress:
        progress.doing(f"preparing {repo}")
        prepared = prepare(repo, base, scratch / "repository", include_uncommitted=include_uncommitted)
        found = survey(effective, prepared.path, progress, dry_run=dry_run)
        if write and found.checked is not None:
            top = Path(repo).resolve()
            if prepared.subdirectory:
                top = top.parents[prepared.subdirectory.count("/")]
            path = write_pinned(top, found.proposal, found.checked.test_command, found.checked.parser)
            progress.say(f"wrote {path}; commit it, since it is read from the commit that is worked on")
    print(jsonlib.dumps(found.as_json(), indent=2) if json else found.as_text())
    if found.checked is not None and found.checked.problem:
        raise typer.Exit(1)
