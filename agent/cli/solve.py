"""``agent solve``: from an issue to a patch."""

from __future__ import annotations

import json as jsonlib
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from aci_tools.errors import UsageError
from agent.cli.options import Chat, ConfigFiles, Confirm, Json, ModelName, Settings, effective_config, output_option
from agent.cli.strategy import Memory, StrategyName, check_strategy, memory_setting


def solve(
    issue: Annotated[
        str | None, typer.Option("--issue", "-i", help="URL, file, text, or - for standard input.")
    ] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", "-r", help="Path or clone URL; default: the issue's, else this directory.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Revision to work on; default: HEAD.")] = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    memory: Memory = None,
    sandbox: Annotated[
        str | None, typer.Option("--sandbox", help="docker, namespace or local; default: the best that works here.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Container image with sh, git and what the tests need.")
    ] = None,
    output: Annotated[Path | None, output_option("Directory for the patch and the trajectory.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Put the patch into the repository given by path.")] = False,
    include_uncommitted: Annotated[
        bool | None,
        typer.Option(
            "--include-uncommitted/--leave-uncommitted",
            help="Work with the repository's uncommitted changes, or without; default: ask on a terminal.",
        ),
    ] = None,
    open_pr: Annotated[
        bool, typer.Option("--open-pr", help="Push the patch to a branch and open a draft pull request for the issue.")
    ] = False,
    ready: Annotated[bool, typer.Option("--ready", help="With --open-pr: not a draft.")] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="With --open-pr: even if somebody is on the issue, or the patch changes what CI runs."
        ),
    ] = False,
    confirm: Confirm = None,
    chat: Chat = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the attempt in --output that was cut off.")
    ] = False,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Solve an issue: the patch goes to standard output, the progress to standard error.

    With --resume, an attempt that was killed goes on from the last thing that it recorded, with the settings that it
    began with; only the model and the limits may be given anew.

    With --open-pr, the branch goes into the issue's repository, or into your fork where you may not push; a second run
    updates the pull request that is open. Given with --resume, one is opened for an attempt that is finished.

    Exit code 0: a patch; 1: finished without one, or --apply found no place for it; 2: wrong input;
    3: infrastructure; 130: interrupted, patch kept.
    """
    from agent.human import Presence
    from agent.progress import Progress
    from agent.pull_request import Opening
    from agent.solve import ResumeRequest, SolveRequest, run
    from agent.solve import resume as go_on

    # What stops a job politely is an interrupt to us: the patch is kept.
    signal.signal(signal.SIGTERM, _interrupt)
    flags = {
        "agent__strategy": strategy,
        "strategy__memory": memory_setting(memory),
        "sandbox__kind": sandbox,
        "sandbox__image": image,
    }
    if (ready or anyway) and not open_pr:
        raise UsageError(f"{'--ready' if ready else '--anyway'} is about a pull request: give --open-pr too")
    if open_pr and include_uncommitted:
        raise UsageError("--open-pr: uncommitted changes cannot be part of a pull request's base; commit and push them")
    opening = Opening(ready, anyway) if open_pr else None
    presence = Presence(confirm, chat)
    presence.check()
    if resume:
        asked = {"--issue": issue, "--base": base, "--config": config, "--include-uncommitted": include_uncommitted}
        _refuse(asked)
        if output is None:
            raise UsageError("--resume: name the directory of the attempt with --output")
        changes = {"model.name": model, **{key.replace("__", "."): value for key, value in flags.items()}}
        with Progress() as progress:
            outcome = go_on(ResumeRequest(output, repo, settings or [], changes, apply, opening, presence), progress)
    else:
        if issue is None:
            raise UsageError("name the issue with --issue: a URL, a file, a text, or - for standard input")
        effective = effective_config(config, settings, model, **flags)
        check_strategy(effective, memory)
        with Progress() as progress:
            # What is pushed rests on a commit that everybody has.
            uncommitted = False if open_pr else include_uncommitted
            asked_for = SolveRequest(issue, repo, base, effective, output, apply, uncommitted, opening, presence)
            outcome = run(asked_for, progress)
    if json:
        print(jsonlib.dumps(outcome.as_json(), indent=2))
    elif outcome.patch:
        _write_patch(outcome.patch)
    raise typer.Exit(outcome.exit_code)


def _refuse(asked: dict[str, Any]) -> None:
    """An attempt's task and settings are recorded with it."""
    for option, value in asked.items():
        if value:
            raise UsageError(f"{option}: an attempt that is resumed keeps what it began with; leave it out")


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _write_patch(patch: str) -> None:
    import sys

    sys.stdout.buffer.write(patch.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
