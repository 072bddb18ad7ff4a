"""``agent evaluate``: verdicts on predictions, each by its task's own tests in a fresh sandbox."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aci_tools.errors import PatchwrightError, UsageError
from agent.cli.options import (
    BaseImage,
    Cache,
    ConfigFiles,
    Filter,
    Json,
    Kind,
    Repositories,
    Settings,
    Slice,
    Split,
    TaskSet,
    effective_config,
    output_option,
)

if TYPE_CHECKING:
    from tasks.grading import Evaluator, Prediction, Verdict
    from tasks.task import Task


def evaluate(
    tasks: TaskSet,
    predictions: Annotated[
        str, typer.Option("--predictions", "-p", help="preds.json, a JSONL file, gold or empty.", metavar="P")
    ],
    output: Annotated[Path, output_option("Directory for verdicts, logs and reports.")],
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="How many to evaluate side by side.")] = 2,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds that a task's tests may take.")] = 1800,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Run the tests so often; tells flaky ones.")] = 1,
    flaky: Annotated[
        Path | None, typer.Option("--flaky", help="A results.json whose flaky tests decide nothing.", metavar="FILE")
    ] = None,
    network: Annotated[bool, typer.Option("--network", help="Let tests reach the network.")] = False,
    split_files: Annotated[
        bool,
        typer.Option("--split-files", help="Spread test files over free cores where that is known to be the same."),
    ] = False,
    run_id: Annotated[str, typer.Option("--run-id", help="Name of the run; default: that of the directory.")] = "",
    split: Split = "test",
    filter: Filter = "",
    slice: Slice = "",
    repositories: Repositories = None,
    base_image: BaseImage = None,
    sandbox: Kind = None,
    cache: Cache = None,
    config: ConfigFiles = None,
    settings: Settings = None,
    json: Json = False,
) -> None:
    """Judge predictions by the tasks' own tests. What has a verdict already is not run again.

    Exit code 0: every prediction has its verdict; 2: wrong input; 3: the engine, the network or this program failed
    for some, and running the same again goes on with those.
    """
    from agent.computer import computer_settings
    from agent.workspace import writable
    from tasks.checkouts import Checkouts
    from tasks.datasets import Selection, load_tasks
    from tasks.grading import Evaluator, Split, load_predictions, write_reports
    from tasks.grading.grader import grader_for
    from tasks.images import Computers

    if "/" in run_id or not run_id.isprintable():
        raise UsageError(f"--run-id {run_id!a}: it is part of the name of a file, without / and all printable")
    known_flaky = _flaky_tests(flaky) if flaky else {}
    wanted = load_tasks(tasks, split=split, selection=Selection(filter=filter, slice=slice), on_fault=_say)
    predicted = load_predictions(predictions, wanted, _say)
    todo = [(task, predicted[task.id]) for task in wanted if task.id in predicted]
    for task, _ in todo:
        grader_for(task)  # a package that is missing is said before anything runs
    if missing := len(wanted) - len(todo):
        _say(f"no prediction for {missing} of {len(wanted)} tasks")
    run_id = run_id or output.resolve().name
    effective = effective_config(
        config,
        settings,
        sandbox__kind=sandbox,
        tasks__repositories=repositories,
        tasks__base_image=base_image,
        tasks__cache=cache,
        tasks__split=split_files or None,
    )
    writable(output)
    if cache is not None:
        writable(cache, "--cache")
    computers = computer_settings(effective)
    checkouts = Checkouts(computers.repositories, computers.cache_directory, _say)
    todo = [(checkouts.pinned(task), prediction) for task, prediction in todo]
    evaluator = Evaluator(
        Computers(computers, _say),
        output / "verdicts",
        timeout=timeout,
        repeat=repeat,
        network=network,
        flaky=known_flaky,
        run_id=run_id,
        split=Split(computers.cache_directory / "splits") if effective.tasks.split else None,
        say=_say,
    )
    verdicts = _evaluate_all(evaluator, todo, workers)
    report = write_reports(output, run_id, wanted, predicted, verdicts)
    if json:
        print((output / "results.json").read_text("utf-8"), end="")
    else:
        _print_table(wanted, verdicts, report)
    raise typer.Exit(3 if any(verdict.status == "infrastructure" for verdict in verdicts) else 0)


def _evaluate_all(evaluator: Evaluator, todo: Sequence[tuple[Task, Prediction]], workers: int) -> list[Verdict]:
    """Evaluate side by side, a line for each verdict; an interrupt ends what runs and keeps what is finished."""
    found: list[Verdict] = []
    pool = ThreadPoolExecutor(workers, thread_name_prefix="evaluate")
    futures: dict[Future[Verdict], Prediction] = {}
    try:
        futures = {pool.submit(evaluator.evaluate, task, prediction): prediction for task, prediction in todo}
        for future in as_completed(futures):
            verdict = _verdict(future, futures[future])
            found.append(verdict)
            _say(_line(verdict, len(found), len(todo)))
    except KeyboardInterrupt:
        for future in futures:
            future.cancel()
        evaluator.abandon()
        print("agent: interrupted; running the same again goes on", file=sys.stderr, flush=True)
        os._exit(130)  # a worker may be waiting for a build that nothing can hurry
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return found


def _verdict(future: Future[Verdict], prediction: Prediction) -> Verdict:
    """What came of an evaluation; a fault of the program in it is no verdict, and ends no other."""
    from tasks.grading import Verdict

    try:
        return future.result()
    except PatchwrightError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        reason = f"{type(error).__name__}: {said}"
        return Verdict(task_id=prediction.task_id, model=prediction.model, status="infrastructure", reason=reason)


def _line(verdict: Verdict, number: int, total: int) -> str:
    width = len(str(total))
    took = f" ({verdict.seconds:.1f} s)" if verdict.seconds else ""
    reason = f": {verdict.reason}" if verdict.reason and verdict.status != "empty_patch" else ""
    return f"[{number:{width}}/{total}] {verdict.task_id}  {verdict.status}{took}{reason}"


def _print_table(tasks: Sequence[Task], verdicts: Sequence[Verdict], report: Path) -> None:
    resolved = sum(verdict.resolved for verdict in verdicts)
    share = f" ({100 * resolved / len(tasks):.1f} %)" if tasks else ""
    print(f"resolved {resolved}/{len(tasks)}{share}")
    counts: dict[str, int] = dict(Counter(verdict.status for verdict in verdicts).most_common())
    if missing := len(tasks) - len(verdicts):
        counts["no prediction"] = missing
    width = max(map(len, counts), default=0)
    for status, count in counts.items():
        print(f"  {status:{width}}  {count}")
    for title, tests in (("flaky", _named(verdicts, "flaky")), ("disputed", _named(verdicts, "disputed"))):
        if tests:
            print(f"{title} tests: " + ", ".join(f"{name} ({count})" for name, count in tests.items()))
    print(f"report {report}")


def _named(verdicts: Sequence[Verdict], what: str) -> dict[str, int]:
    return {verdict.task_id: len(tests) for verdict in verdicts if (tests := getattr(verdict, what))}


def _flaky_tests(path: Path) -> Mapping[str, Sequence[str]]:
    try:
        content: Any = jsonlib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read flaky tests from {path}: {error}") from error
    flaky = content.get("flaky") if isinstance(content, dict) else None
    if not isinstance(flaky, dict) or not all(isinstance(tests, list) for tests in flaky.values()):
        raise UsageError(f'{path}: no "flaky" in it, an object of lists of tests by task id')
    return flaky


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
