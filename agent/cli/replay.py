"""``agent replay``: execute a recorded attempt again, and compare."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.options import Json, Repositories, Trust, output_option

if TYPE_CHECKING:
    from agent.replay import Entry


def replay(
    trajectory: Annotated[Path, typer.Argument(help="A trajectory file, or the directory that it is in.")],
    until: Annotated[int | None, typer.Option("--until", help="Stop after this step.", metavar="STEP")] = None,
    step: Annotated[bool, typer.Option("--step", help="One action at a time: Enter, c, b COMMAND, q.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Walk through it without a sandbox.")] = False,
    repo: Annotated[
        str | None, typer.Option("--repo", "-r", help="Path or clone URL; default: the recorded one.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Revision; default: the recorded base commit.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="Container image; default: as it was then.")] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", "-t", help="The data set that has its task.", metavar="REF")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option("--sandbox", help="docker, namespace or local; default: as it was then, but never local."),
    ] = None,
    repositories: Repositories = None,
    output: Annotated[Path | None, output_option("Directory for the trajectory of the replay itself.")] = None,
    trust: Trust = False,
    json: Json = False,
) -> None:
    """Execute every recorded action again in a fresh sandbox, and compare what comes of it with what came of it then.

    Of an attempt that a strategy spent, each trial is replayed from its own beginning.

    Exit code 0: no divergence; 1: a divergence; 2: wrong input; 3: infrastructure.
    """
    from agent.progress import Progress
    from agent.reopen import Where
    from agent.replay import Replayed, ReplayRequest, Result, TreeReplayed, replay_tree, trials_to_play
    from agent.replay import replay as play
    from agent.replay.show import Stepper, headline, print_replayed, print_result, print_tree

    if offline:
        _walk(trajectory, until, step, json)
        return
    where = Where(repo, base, image, tasks, sandbox, repositories, trust=trust).beside(trajectory)
    request = ReplayRequest(trajectory, where, until, output)
    pause = Stepper(lambda entry: print(headline(entry), file=sys.stderr)) if step else lambda entry, player: True
    replayed: Replayed | TreeReplayed
    with Progress() as progress:

        def listener(result: Result) -> None:
            print_result(result, sys.stderr)

        if found := trials_to_play(trajectory):
            replayed = replay_tree(request, found, progress, pause=pause, listener=listener)
        else:
            replayed = play(request, progress, pause=pause, listener=listener)
    if json:
        print(jsonlib.dumps(replayed.as_json(), indent=2))
    elif isinstance(replayed, TreeReplayed):
        print_tree(replayed)
    else:
        print_replayed(replayed)
    raise typer.Exit(0 if replayed.equal else 1)


def _walk(trajectory: Path, until: int | None, step: bool, json: bool) -> None:
    """Without a sandbox."""
    from agent.reopen import read_recorded
    from agent.replay import entries, trials_to_play
    from agent.replay.run import check_step
    from agent.replay.show import Stepper, print_recorded

    def wanted(path: Path) -> list[Entry]:
        recorded = read_recorded(path)
        check_step("--until", until, recorded)
        return [entry for entry in entries(recorded.events) if until is None or entry.step <= until]

    trials = trials_to_play(trajectory)
    named = [(trial.name, trial.path) for trial in trials if trial.path] if trials else [("", trajectory)]
    parts = [(name, wanted(path)) for name, path in named]
    if json:
        rows = [{**({"trial": name} if name else {}), **_as_json(entry)} for name, found in parts for entry in found]
        print(jsonlib.dumps(rows, indent=2))
        return
    pause = Stepper(lambda entry: print_recorded(entry, sys.stdout))
    for name, found in parts:
        if name:
            print(f"trial {name}")
        for entry in found:
            if not step:
                print_recorded(entry, sys.stdout)
            elif not pause(entry):
                return


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "step": entry.step,
        "action": entry.action.call.model_dump(mode="json", include={"name", "arguments"}),
        "thought": entry.action.thought,
        "observation": entry.observed.text if entry.observed else None,
        "ok": entry.observed.ok if entry.observed else None,
    }
