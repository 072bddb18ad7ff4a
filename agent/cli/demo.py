"""``agent demo``: the main job on a real bug, judged by a test that the agent never sees."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import ConfigFiles, ModelName, Settings, effective_config, output_option


def demo(
    name: Annotated[str | None, typer.Argument(help="A bundled task; --list names them.")] = None,
    model: ModelName = None,
    sandbox: Annotated[str | None, typer.Option("--sandbox", help="docker, namespace or local.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the model's sampling.")] = 1,
    output: Annotated[Path | None, output_option("Directory for patch and trajectory.")] = None,
    config: ConfigFiles = None,
    settings: Settings = None,
    list_: Annotated[bool, typer.Option("--list", help="List the bundled tasks.")] = False,
) -> None:
    """Fix a real bug of a released package, fetched from the package index, and judge the patch by a hidden test.

    Exit code 0: the hidden test passes; 1: it does not.
    """
    import platformdirs

    from agent.computer import open_computer
    from agent.progress import Progress
    from agent.solve import SolveRequest, run
    from tasks import bundled

    if list_:
        for known in bundled.names():
            task = bundled.recipe(known)
            print(f"{known}  {task.package} {task.version}, fixed in {task.fixed_version}")
        return
    name = name or bundled.names()[0]
    task = bundled.recipe(name)
    flags = {"sandbox__kind": sandbox, "model__seed": seed, "aci__test_command": task.test_command or None}
    flags["sandbox__detect"] = False  # the bundled tasks need nothing that the default image has not
    effective = effective_config(config, settings, model, **flags)
    with Progress() as progress:
        progress.doing(f"fetching {task.package} {task.version}")
        repository = bundled.fetch(name, platformdirs.user_cache_path("patchwright") / "bundled")
        progress.say(f"task: a bug of {task.package} {task.version}, fixed in {task.fixed_version}", "bold")
        progress.say("")
        for line in task.issue.read_text("utf-8").strip().splitlines():
            for part in textwrap.wrap(line, 90, break_on_hyphens=False) or [""]:
                progress.say(f"  │ {part}")
        progress.say("")
        outcome = run(SolveRequest(str(task.issue), str(repository), None, effective, output), progress)
        if outcome.patch:
            print(outcome.patch, end="", flush=True)
        if outcome.exit_code not in (0, 1):
            raise typer.Exit(outcome.exit_code)
        progress.doing("running the hidden test")
        verdict = bundled.judge(
            name,
            repository,
            outcome.patch,
            lambda copy: open_computer(effective, copy, progress, announce=False),
        )
        if verdict.passed:
            progress.say(f"solved: the hidden test passes ({verdict.summary})", "bold green")
        else:
            progress.say(f"not solved: {verdict.summary}", "bold red")
    raise typer.Exit(0 if verdict.passed else 1)
