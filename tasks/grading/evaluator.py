"""`Evaluator`: from a task and a prediction to a verdict. One way for every kind of task."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError
from aci_tools.sandbox import Sandbox, open_sandbox
from aci_tools.sandbox.openings import Openings
from tasks.grading import commands
from tasks.grading.confirm import PASSING, Graded, differing, worst
from tasks.grading.grader import Grader, grader_for
from tasks.grading.official import OfficialGrader, version
from tasks.grading.predictions import Prediction
from tasks.grading.reports import instance_report
from tasks.grading.split import Split
from tasks.grading.store import Store
from tasks.grading.trial import Trial, try_patch
from tasks.grading.verdict import (
    FAIL_TO_PASS,
    PASS_TO_PASS,
    Outcomes,
    Status,
    Verdict,
    patch_digest,
    verdict_key,
)
from tasks.task import Task

if TYPE_CHECKING:
    from tasks.images import Computers, Ready

_TRIES = 2  # an evaluation that the engine or the network broke


class Evaluator:
    """Gives verdicts. One object serves any number of threads.

    Args:
        computers: Where tasks run.
        store: Directory of verdicts; one that is there already is not asked for again.
        timeout: Seconds that the tests of a task may take, where its environment sets no limit.
        repeat: How often the tests are run; more than once tells which are flaky.
        network: Whether tests may reach a network.
        flaky: Tests by task id that are known to be flaky: they decide no verdict.
        run_id: Name of the run, for labels.
        split: Spreads the tests of a task over sandboxes while cores are free, where that gives the same verdict;
            ``None``: each run of the tests has one.
        say: Told what happens, a line each.
    """

    def __init__(
        self,
        computers: Computers,
        store: Path,
        *,
        timeout: float = 1800.0,
        repeat: int = 1,
        network: bool = False,
        flaky: Mapping[str, Collection[str]] | None = None,
        run_id: str = "",
        split: Split | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._computers = computers
        self._store = Store(store)
        self._timeout = timeout
        self._repeat = max(1, repeat)
        self._network = network
        self._flaky = flaky or {}
        self._run_id = run_id
        self._split = split
        self._say = say
        self._openings: Openings[Sandbox] = Openings()
        self._abandoned = False

    def evaluate(self, task: Task, prediction: Prediction) -> Verdict:
        """Judge a prediction in a fresh sandbox, or say what was found the last time.

        Failures of the engine or of the network are tried once more, and then are a verdict of their own that is not
        kept: the same call gives another later. Who asks while the same patch is being judged waits for what is found.

        Args:
            task: What was to be solved.
            prediction: What was submitted for it.

        Raises:
            UsageError: The task cannot be graded here: a package is missing, its parser is unknown.
        """
        grader = grader_for(task)
        circumstances = self._circumstances(task, grader)
        key = verdict_key(task, prediction, **circumstances)
        key_of_parts = verdict_key(task, prediction, **circumstances, parts=True)
        names = [key] if self._split is None else [key, key_of_parts]
        if (known := self._known(task, prediction, names)) is not None:
            return known
        verdict = Verdict(
            task_id=task.id,
            model=prediction.model,
            status="infrastructure",
            key=key,
            patch_sha256=patch_digest(prediction.patch),
        )
        if prediction.empty:
            return verdict.model_copy(update={"status": "empty_patch", "reason": "the patch is empty"})
        with self._store.alone(key):
            known = self._known(task, prediction, names)
            return known or self._found(task, prediction.patch or "", grader, verdict, key_of_parts)

    def abandon(self) -> None:
        """Close every sandbox at once, because the program ends; what is under way gets no verdict."""
        self._abandoned = True
        self._openings.abandon()
        self._store.tidy()

    def _known(self, task: Task, prediction: Prediction, names: list[str]) -> Verdict | None:
        """What was found the last time, under any of the names, if it lasts."""
        for name in names:
            known = self._store.read(task.id, name)
            if known is not None and known.lasting:
                return known.model_copy(update={"model": prediction.model})
        return None

    def _found(self, task: Task, patch: str, grader: Grader, verdict: Verdict, key_of_parts: str) -> Verdict:
        """The verdict with what the tests say of the patch, and kept."""
        started = time.monotonic()
        workspace = self._store.workspace(verdict.key)
        try:
            update = self._judge_with_retry(task, patch, grader, workspace)
            verdict = verdict.model_copy(update={**update, "seconds": round(time.monotonic() - started, 3)})
            if verdict.parts > 1:  # a verdict on the whole is never replaced by it
                verdict = verdict.model_copy(update={"key": key_of_parts})
            if (workspace / "test_output.txt").exists():
                place = self._store.directory(task.id, verdict.key).relative_to(self._store.root)
                verdict = verdict.model_copy(update={"log": str(place / "test_output.txt")})
            if verdict.status != "infrastructure":
                instance_report(verdict, workspace)
                self._store.keep(verdict, workspace)
        finally:
            self._store.drop(workspace)
        return verdict

    def _circumstances(self, task: Task, grader: Grader) -> dict[str, object]:
        return {
            "swebench": version() if isinstance(grader, OfficialGrader) else "",
            "timeout": self._limit(task),
            "repeat": self._repeat,
            "network": self._network,
            "flaky": sorted(self._flaky.get(task.id, ())),
            **self._computers.peculiar(task),
        }

    def _limit(self, task: Task) -> float:
        own = task.environment.timeout if task.environment else None
        return own or self._timeout

    def _judge_with_retry(self, task: Task, patch: str, grader: Grader, workspace: Path) -> dict[str, object]:
        failure: InfrastructureError | None = None
        for _ in range(1 if self._abandoned else _TRIES):
            try:
                return self._judge(task, patch, grader, workspace)
            except InfrastructureError as error:
                failure = error
                self._say(f"{task.id}: {str(error).splitlines()[0]}")
        return {"status": "infrastructure", "reason": str(failure).splitlines()[0]}

    def _judge(self, task: Task, patch: str, grader: Grader, workspace: Path) -> dict[str, object]:
        try:
            patch.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return {"status": "unappliable", "reason": "the patch is no text: it holds half of a character"}
        try:
            ready = self._computers.ready(task)
        except InfrastructureError:
            raise
        except PatchwrightError as error:
            status = "error" if isinstance(error, UsageError) else "broken_image"
            return {"status": status, "reason": str(error).splitlines()[0]}
        try:
            return self._judge_there(ready, patch, grader, workspace)
        finally:
            self._computers.release(ready)

    def _judge_there(self, ready: Ready, patch: str, grader: Grader, workspace: Path) -> dict[str, object]:
        task = ready.task
        _write(workspace / "patch.diff", patch)
        _write(workspace / "eval.sh", task.eval_script if ready.origin == "image" else commands.script(task))
        trials = []
        for number in range(1, self._repeat + 1):
            try:
                trials.append(self._run(ready, patch, grader, workspace, number))
            except UsageError as error:
                return {"status": "broken_image", "reason": str(error)}
            if trials[-1].failure is not None:
                break
        _write(workspace / "run_instance.log", "\n".join(trial.applied for trial in trials))
        notes = dict.fromkeys(note for trial in trials for note in trial.notes)
        common = {
            "image": ready.spec.image or "",
            "runs": len(trials),
            "parts": max(trial.parts for trial in trials),
        }
        return {**common, **self._verdict(task, trials, grader, list(notes))}

    def _run(self, ready: Ready, patch: str, grader: Grader, workspace: Path, number: int) -> Trial:
        """One run of the tests, over several sandboxes where that is allowed and pays."""
        log = workspace / ("test_output.txt" if number == 1 else f"test_output.{number}.txt")

        def run(ready: Ready, log: Path) -> Trial:
            return self._try(ready, patch, grader, log)

        if self._split is None:
            return run(ready, log)
        circumstances = self._circumstances(ready.task, grader)
        return self._split.run(ready, patch, grader, log, run, self._limit(ready.task), circumstances)

    def _try(self, ready: Ready, patch: str, grader: Grader, log: Path) -> Trial:
        spec = replace(ready.spec, network=self._network, run_id=self._run_id)
        with contextlib.closing(self._openings.open(lambda: open_sandbox(ready.kind, spec))) as sandbox:
            return try_patch(sandbox, ready, patch, grader, log, timeout=self._limit(ready.task))

    def _verdict(self, task: Task, trials: list[Trial], grader: Grader, notes: list[str]) -> dict[str, object]:
        failed = next((trial.failure for trial in trials if trial.failure is not None), None)
        if failed is not None:
            return {"status": failed[0], "reason": failed[1], "notes": tuple(notes)}
        runs = [trial.run for trial in trials if trial.run is not None]
        graded = [grader.outcomes(run) for run in runs]
        taken = all(one.outcomes is not None for one in graded)
        found: dict[str, object] = {
            "exit_code": runs[0].exit_code,
            "evidence": graded[0].evidence if taken else "",
        }
        found |= _decide(task, grader, graded, [run.exit_code for run in runs], self._flaky.get(task.id, ()), notes)
        return {**found, "notes": tuple(notes)}


def _decide(
    task: Task,
    grader: Grader,
    graded: list[Graded],
    exit_codes: list[int | None],
    known_flaky: Collection[str],
    notes: list[str],
) -> dict[str, object]:
    """Status, tests and reason by what the runs came to; appends to the notes."""
    ungraded = next((one for one in graded if one.outcomes is None), None)
    if ungraded is not None:
        return {"status": "unresolved", "reason": ungraded.reason, "disputed": ungraded.disputed}
    runs = [one.outcomes or {} for one in graded]
    outcomes = worst(*runs)
    lists = task.judged
    listed = frozenset(lists[0]) | frozenset(lists[1])
    disputed = tuple(dict.fromkeys(n for one in graded for n in one.disputed if n in listed or not listed))
    judged = grader.judge(outcomes, *lists)
    flaky = tuple(sorted(_varying(grader, runs, lists) if listed else differing(runs)))
    doubtful = frozenset(flaky) | (frozenset(known_flaky) & listed)
    if left_out := sorted(frozenset(known_flaky) & listed):
        notes.append(f"Known to be flaky, and left out of the decision: {', '.join(left_out)}.")
    if disputed:
        notes.append(f"{len(disputed)} tests that the log calls passed did not pass by the runner's own report.")
    if listed:
        good, partial = _by_lists(judged)
        stable = {name: _without(part, doubtful) for name, part in judged.items()}
        good_without, _ = _by_lists(stable)
        # With no test left of those that a solution makes pass, nothing says that this is one.
        decided = bool(stable[FAIL_TO_PASS].success) or not lists[0]
    else:
        good = all(code == 0 for code in exit_codes) and _all_passed(outcomes)
        stable_outcomes = {name: word for name, word in outcomes.items() if name not in doubtful}
        good_without, partial, decided = _all_passed(stable_outcomes), False, True
    status: Status
    if flaky and not good and good_without:
        status = "flaky"
    elif good or (left_out and good_without):
        status = "resolved" if decided else "flaky"
    else:
        status = "unresolved"
    return {
        "status": status,
        "resolved": status == "resolved",
        "partial": partial and status == "unresolved",
        "reason": "" if status == "resolved" else _reason(judged, outcomes, flaky),
        "tests": judged if listed else {},
        "flaky": flaky,
        "disputed": disputed,
    }


def _varying(grader: Grader, runs: list[dict[str, str]], lists: tuple[tuple[str, ...], tuple[str, ...]]) -> set[str]:
    """The judged tests that came out as they should in one run and not in another."""
    passed = []
    for run in runs:
        judged = grader.judge(run, *lists)
        passed.append(frozenset(judged[FAIL_TO_PASS].success) | frozenset(judged[PASS_TO_PASS].success))
    return set(frozenset.union(*passed) - frozenset.intersection(*passed))


def _by_lists(tests: Mapping[str, Outcomes]) -> tuple[bool, bool]:
    """Whether all came out as they should, and whether nothing broke and some were fixed."""
    fixed, kept = tests[FAIL_TO_PASS], tests[PASS_TO_PASS]
    return not fixed.failure and not kept.failure, bool(fixed.success and fixed.failure and not kept.failure)


def _without(part: Outcomes, doubtful: frozenset[str]) -> Outcomes:
    success = tuple(name for name in part.success if name not in doubtful)
    return Outcomes(success=success, failure=tuple(name for name in part.failure if name not in doubtful))


def _all_passed(outcomes: Mapping[str, str]) -> bool:
    words = set(outcomes.values())
    return bool(words & PASSING) and not words & {"FAILED", "ERROR"}


def _reason(tests: Mapping[str, Outcomes], outcomes: Mapping[str, str], flaky: tuple[str, ...]) -> str:
    failing = [*tests[FAIL_TO_PASS].failure, *tests[PASS_TO_PASS].failure]
    failing = failing or [name for name, word in outcomes.items() if word in ("FAILED", "ERROR")]
    if not failing:
        return f"flaky: {flaky[0]}" if flaky else "the tests did not pass as a whole"
    more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
    return f"{'did not run' if failing[0] not in outcomes else 'failed'}: {failing[0]}{more}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", errors="surrogateescape")
