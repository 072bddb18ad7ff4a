"""``agent solve``: from an issue to a patch."""

from __future__ import annotations

import json as jsonlib
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli.options import ConfigFiles, Json, ModelName, Settings, effective_config


def solve(
    issue: Annotated[str, typer.Option("--issue", "-i", help="URL, file, text, or - for standard input.")],
    repo: Annotated[
        str | None, typer.Option("--repo", "-r", help="Path or clone URL; default: the issue's, else this directory.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Revision to work on; default: HEAD.")] = None,
    model: ModelName = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="How attempts are spent: single.")] = None,
    sandbox: Annotated[
        str | None, typer.Option("--sandbox", help="docker, namespace or local; default: the best that works here.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Container image with sh, git and what the tests need.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory for the patch and the trajectory.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Put the patch into the repository given by path.")] = False,
    include_uncommitted: Annotated[
        bool, typer.Option("--include-uncommitted", help="Work on the repository with its uncommitted changes.")
    ] = False,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Solve an issue: the patch goes to standard output, the progress to standard error.

    Exit code 0: a patch; 1: finished without one; 2: wrong input; 3: infrastructure; 130: interrupted, patch kept.
    """
    from agent.progress import Progress
    from agent.solve import SolveRequest, run

    effective = effective_config(
        config, settings, model, agent__strategy=strategy, sandbox__kind=sandbox, sandbox__image=image
    )
    request = SolveRequest(issue, repo, base, effective, output, apply, include_uncommitted)
    # What stops a job politely is an interrupt to us: the patch is kept.
    signal.signal(signal.SIGTERM, _interrupt)
    with Progress(effective) as progress:
        outcome = run(request, progress)
    if json:
        print(jsonlib.dumps(outcome.as_json(), indent=2))
    elif outcome.patch:
        _write_patch(outcome.patch)
    raise typer.Exit(outcome.exit_code)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _write_patch(patch: str) -> None:
    import sys

    sys.stdout.buffer.write(patch.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
