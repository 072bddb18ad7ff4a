"""``agent batch``: many tasks side by side."""

from __future__ import annotations

import json as jsonlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.options import ConfigFiles, Json, ModelName, Repositories, Settings, effective_config, output_option
from agent.cli.strategy import Memory, StrategyName, check_strategy, memory_setting

if TYPE_CHECKING:
    from agent.batch.stop import Stop

#: Seconds that commands in the middle of their work get when a run is stopped; what they do later is not recorded.
_GRACE = 10.0


def batch(
    output: Annotated[str, output_option("Directory or URL of the run; it is its state.", "PLACE")],
    tasks: Annotated[
        str | None, typer.Option("--tasks", "-t", help="File, directory or name of a data set.", metavar="REF")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Split of the data set; default: test.")] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Only tasks whose id matches.", metavar="REGEX")
    ] = None,
    slice_: Annotated[str | None, typer.Option("--slice", help="Only these of them, as 0:50.", metavar="A:B")] = None,
    shuffle: Annotated[int | None, typer.Option("--shuffle", help="In random order.", metavar="SEED")] = None,
    created_after: Annotated[
        str | None, typer.Option("--created-after", help="Only tasks younger than this date.", metavar="DATE")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, help="Side by side; default: 4, on a cluster all that fit.")
    ] = None,
    attempts: Annotated[
        int | None, typer.Option("--attempts", "-k", min=1, help="Attempts on each task, for pass@k; default: 1.")
    ] = None,
    evaluate: Annotated[
        bool | None, typer.Option("--evaluate/--no-evaluate", help="Grade each attempt as it finishes.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --output: unfinished and failed attempts only.")
    ] = False,
    cost_limit: Annotated[
        float | None, typer.Option("--cost-limit", min=0, help="US dollars for the whole run.", metavar="USD")
    ] = None,
    model: ModelName = None,
    strategy: StrategyName = None,
    memory: Memory = None,
    sandbox: Annotated[str | None, typer.Option("--sandbox", help="docker, namespace or local.")] = None,
    image: Annotated[str | None, typer.Option("--image", help="Container image of tasks that name none.")] = None,
    base_image: Annotated[
        str | None, typer.Option("--base-image", help="Image that environments are built on.")
    ] = None,
    repositories: Repositories = None,
    engine: Annotated[
        str, typer.Option("--engine", help="Where attempts run: local, or ray for a cluster.", metavar="NAME")
    ] = "local",
    address: Annotated[
        str | None, typer.Option("--address", help="Head of the Ray cluster; default: this machine's.", metavar="H:P")
    ] = None,
    per_attempt: Annotated[
        str, typer.Option("--per-attempt", help="What each asks of a cluster: cpu=1,memory=1024,sandbox=1.")
    ] = "",
    retries: Annotated[
        int, typer.Option("--retries", min=0, help="Further tries of attempts that infrastructure made fail.")
    ] = 2,
    retry_wait: Annotated[
        float, typer.Option("--retry-wait", min=0, help="Seconds before the first of them.", metavar="S")
    ] = 30.0,
    serve: Annotated[
        str | None,
        typer.Option(
            "--serve", help="Serve figures for Prometheus, and the inspector, while it runs.", metavar="[HOST:]PORT"
        ),
    ] = None,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Attempt many tasks side by side; predictions, trajectories and verdicts go to the output directory.

    The output directory is the state of the run: whatever ends it, --resume goes on from the last thing that each
    attempt recorded.

    Exit code 0: every attempt finished; 1: some did not, for the run's limit; 2: wrong input; 3: infrastructure made
    some fail; 130: interrupted, to be resumed.
    """
    from agent.batch import BatchRequest, Retries, engine_of, run_batch
    from agent.batch.stop import Stop
    from agent.telemetry.page import address_of

    flags = {
        "agent__strategy": strategy,
        "strategy__memory": memory_setting(memory),
        "sandbox__kind": sandbox,
        "sandbox__image": image,
    }
    given = any(value is not None for value in (model, *flags.values())) or config or settings
    effective = None if resume and not given else effective_config(config, settings, model, **flags)
    if effective is not None:
        check_strategy(effective, memory)
    chosen = {"split": split, "filter": filter_, "slice": slice_, "shuffle": shuffle, "created_after": created_after}
    request = BatchRequest(
        tasks=tasks,
        output=output,
        config=effective,
        selection={key: value for key, value in chosen.items() if value is not None},
        workers=workers or _workers(effective.model.name if effective else ""),
        attempts=attempts,
        evaluate=evaluate,
        resume=resume,
        cost_limit=cost_limit,
        places={
            key: value
            for key, value in (
                ("repositories", str(repositories.expanduser().absolute()) if repositories else None),
                ("base_image", base_image),
            )
            if value is not None
        },
        retries=Retries(retries, retry_wait),
        serve=address_of(serve) if serve is not None else None,
    )
    stop = Stop()
    _stop_on_signals(stop)
    side_by_side = request.workers if engine == "local" else workers
    outcome = run_batch(request, stop, engine_of(engine, side_by_side, address=address, share=per_attempt))
    if json:
        print(jsonlib.dumps(outcome.facts, indent=2))
    elif any(result.steps for result in outcome.results):
        from agent.summary import print_summary, summary_of_run

        print_summary(summary_of_run(outcome.output))
    for result in outcome.results:
        if result.infrastructure and not stop:
            print(f"agent: {result.job.name}: {result.ungraded or result.detail or result.status}", file=sys.stderr)
    raise typer.Exit(outcome.exit_code)


def _workers(model: str) -> int:
    """The embedded model answers one at a time; two attempts keep it busy."""
    return 2 if model.startswith("local/") else 4


def _stop_on_signals(stop: Stop) -> None:
    """The first signal stops the run, a second one, or ten seconds, ends the process whatever workers are doing."""
    begun, again = threading.Event(), threading.Event()

    def end() -> None:
        sys.stdout.flush()
        print("agent: interrupted", file=sys.stderr, flush=True)
        os._exit(130)

    def bring_to_an_end() -> None:
        stop.set()
        again.wait(_GRACE)
        stop.abandon(end)

    def handle(*_: Any) -> None:
        if begun.is_set():
            again.set()
            return
        begun.set()
        print("agent: stopping; what was begun can be resumed", file=sys.stderr, flush=True)
        # Not here: the lock that it needs may be held by what this signal interrupted.
        threading.Thread(target=bring_to_an_end, name="stop", daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
