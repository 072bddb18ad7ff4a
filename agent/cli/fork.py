"""``agent fork``: go on from a step of a recorded attempt, differently."""

from __future__ import annotations

import json as jsonlib
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aci_tools.errors import UsageError
from agent.cli.options import Chat, ConfigFiles, Confirm, Json, ModelName, Repositories, Settings, Trust, output_option

if TYPE_CHECKING:
    from agent.fork import Forked, ForkRequest, Judge, StepValue
    from agent.progress import Progress
    from agent.reopen import Where


def fork(
    trajectories: Annotated[
        list[Path],
        typer.Argument(help="A trajectory file, or its directory; more with --tree.", metavar="TRAJECTORY..."),
    ],
    at: Annotated[
        int | None, typer.Option("--at", help="The last step that is shared; 0: only the beginning.", metavar="STEP")
    ] = None,
    output: Annotated[
        Path | None, output_option("Directory of the fork or the forks; default: one of its own.")
    ] = None,
    model: ModelName = None,
    say: Annotated[str, typer.Option("--say", help="A remark to the model.", metavar="TEXT")] = "",
    replace_action: Annotated[
        str | None,
        typer.Option("--replace-action", help='Another action: {"name": "...", "arguments": {...}}.', metavar="JSON"),
    ] = None,
    replace_observation: Annotated[
        str | None, typer.Option("--replace-observation", help="What the model sees instead.", metavar="TEXT")
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Change the reply or the observation of the step in $EDITOR.")
    ] = False,
    times: Annotated[int, typer.Option("--times", "-k", min=1, help="How many forks.")] = 1,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Judge each fork's patch; needs --tasks.")] = False,
    tasks: Annotated[
        str | None, typer.Option("--tasks", "-t", help="The data set that has its task.", metavar="REF")
    ] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", "-r", help="Path or clone URL; default: the recorded one.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="Revision; default: the recorded base commit.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="Container image; default: as it was then.")] = None,
    sandbox: Annotated[
        str | None,
        typer.Option("--sandbox", help="docker, namespace or local; default: as it was then, but never local."),
    ] = None,
    repositories: Repositories = None,
    trust: Trust = False,
    confirm: Confirm = None,
    chat: Chat = False,
    tree: Annotated[bool, typer.Option("--tree", help="Show who was forked from whom.")] = False,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Go on from a step of a recorded attempt with another model, a remark, other settings, or another action.

    The fork is a trajectory of its own that begins with the shared events. Several forks, judged, give the value of
    the step: the share of them that resolve the task.

    Exit code 0: done; 2: wrong input; 3: infrastructure made an attempt fail; 130: interrupted, to be resumed.
    """
    from agent.fork import ForkRequest, fork_attempt
    from agent.human import Presence
    from agent.progress import Progress
    from agent.reopen import Where
    from agent.workspace import among_the_runs

    if tree:
        _show_tree(trajectories, json)
        return
    if len(trajectories) != 1:
        raise UsageError("one trajectory is forked at a time; --tree shows several")
    if at is None:
        raise UsageError("name the step with --at")
    output = output or among_the_runs()
    where = Where(repo, base, image, tasks, sandbox, repositories, trust=trust).beside(trajectories[0])
    if evaluate and where.tasks is None:
        raise UsageError("--evaluate: name the data set that has the task with --tasks")
    presence = Presence(confirm, chat)
    presence.check()
    signal.signal(signal.SIGTERM, _interrupt)
    request = ForkRequest(
        trajectory=trajectories[0],
        step=at,
        output=output,
        where=where,
        files=config or (),
        settings=settings or (),
        flags={"model.name": model},
        say=say,
        action=replace_action,
        observation=replace_observation,
        times=times,
    )
    if edit:
        request = _edited(request)
    with Progress() as progress:
        judge = _judge(trajectories[0], where, output, progress) if evaluate else None
        beside = partial(presence.companion, progress)
        forks, value = fork_attempt(request, progress, listener=progress, judge=judge, beside=beside)
    _report(forks, value, json)


def _report(forks: list[Forked], value: StepValue | None, json: bool) -> None:
    from agent.status import Status
    from agent.tables import print_table

    if json:
        facts = {"forks": [made.as_json() for made in forks], "value": value.as_json() if value else None}
        print(jsonlib.dumps(facts, indent=2))
    else:
        columns = ["fork", "status", "steps", "patch lines", *(["verdict"] if value else [])]
        rows: list[list[Any]] = []
        for made in forks:
            verdict = [made.verdict.status if made.verdict else None] if value else []
            ended = made.ended
            rows.append([str(made.output), ended.status, ended.steps, ended.patch.count("\n"), *verdict])
        print_table("", columns, rows)
        for made in forks:
            if Status.of(made.ended.status).infrastructure:
                print(f"{made.output}: {made.ended.detail}", file=sys.stderr)
        if value is not None:
            print(value)
    statuses = [Status.of(made.ended.status) for made in forks]
    if Status.INTERRUPTED in statuses:
        raise typer.Exit(130)
    broken = any(status.infrastructure for status in statuses)
    raise typer.Exit(3 if broken or (value is not None and value.judged < len(forks)) else 0)


def _judge(trajectory: Path, where: Where, output: Path, progress: Progress) -> Judge:
    from agent.reopen import read_recorded, recorded_config
    from tasks.grading import Evaluator, Prediction, Verdict
    from tasks.images import Computers
    from tasks.task import Task

    settings = where.settings(recorded_config(read_recorded(trajectory, trust=where.trust).started.config))
    evaluator = Evaluator(Computers(settings, progress.say), output / "verdicts", say=progress.say)

    def judge(task: Task, patch: str) -> Verdict:
        return evaluator.evaluate(task, Prediction(task_id=task.id, model="fork", patch=patch))

    return judge


def _show_tree(paths: list[Path], json: bool) -> None:
    from trajectories.forks import draw, forest

    roots = forest(paths)
    print(jsonlib.dumps([root.as_json() for root in roots], indent=2) if json else draw(roots))


def _edited(request: ForkRequest) -> ForkRequest:
    """The request with what the user changed in an editor."""
    from agent.fork.edit import changed, document, edited
    from agent.fork.run import refuse_a_tree
    from agent.reopen import read_recorded

    recorded = read_recorded(request.trajectory)
    refuse_a_tree(recorded, request.trajectory)
    events = recorded.events
    return changed(request, events, edited(document(events, request.step)))


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
