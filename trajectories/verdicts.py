"""Verdicts on patches as they lie on disk, read without the grader that made them.

Read are ``verdict.json`` (with ``patch.diff`` and ``test_output.txt`` beside it), ``results.json`` of an evaluation or
a batch, and the reports of SWE-bench's own harness: ``report.json`` of an instance, and a run's lists of ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trajectories.log import TrajectoryError

#: Statuses for which the grader failed rather than the patch.
INFRASTRUCTURE = frozenset({"error", "broken_image", "infrastructure", "incomplete"})
#: The lists of a run's report, and what they say; a task can be in one of them only.
_LISTS = ("resolved", "unresolved", "empty_patch", "error")
_TESTS = ("FAIL_TO_PASS", "PASS_TO_PASS")
_NO_REPORT = re.compile(r"^(?:preds|run)\b|\.traj\.json$|\.atif\.json$")
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluation said of one patch.

    Attributes:
        task: The task's id.
        resolved: Whether the patch resolves it.
        status: ``resolved``, ``unresolved``, ``empty_patch``, ``unappliable``, ``timeout``, …
        passed: Tests that were to pass and do.
        failed: Tests that were to pass and do not.
        model: The model judged, "" when not said.
        patch: Digest of the patch judged, see :func:`patch_digest`; "" when it is not said which one.
        trimmed: Digest of that patch without blank space around it, "" when the patch is not kept.
        log: What the tests printed, or the file that has it.
    """

    task: str
    resolved: bool
    status: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    model: str = ""
    patch: str = ""
    trimmed: str = ""
    log: str | Path = ""

    @property
    def tests(self) -> int:
        """How many tests judged it."""
        return len(self.passed) + len(self.failed)

    @property
    def infrastructure(self) -> bool:
        """Whether the grader failed rather than the patch."""
        return self.status in INFRASTRUCTURE

    @property
    def about_the_patch(self) -> bool:
        """Whether it says something certain of the patch: neither the machine nor the tests were at fault."""
        return self.resolved or not (self.infrastructure or self.status == "flaky")

    def output(self) -> str:
        """What the tests printed, "" when that is not at hand."""
        return (_text(self.log) or "") if isinstance(self.log, Path) else self.log


class Verdicts:
    """Some verdicts, found by what they are about.

    Args:
        verdicts: The older first.
    """

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self.all = tuple(verdicts)
        self._by_task: dict[str, list[Verdict]] = {}
        for verdict in self.all:
            self._by_task.setdefault(verdict.task, []).append(verdict)

    def of(self, task: str, patch: str, *, number: int = 1, model: str = "") -> Verdict | None:
        """The verdict on an attempt's patch; of several the one that says most, and of those the latest.

        Verdicts that do not say which patch they are on count for tasks without any that does, and are taken to be on
        the first attempt. Where they disagree, the model decides, or there is none.

        Args:
            task: The task's id.
            patch: The attempt's patch.
            number: The attempt's number among those on the task.
            model: Its model.
        """
        known = self._by_task.get(task, [])
        digests = {patch_digest(patch), patch_digest(patch.strip())}
        if exact := [v for v in known if v.patch and (v.patch in digests or v.trimmed in digests)]:
            return _best(exact)
        if number != 1 or any(v.patch for v in known):
            return None
        chosen = [v for v in known if model and v.model == model] or [v for v in known if not v.model] or known
        return _best(chosen) if len({v.resolved for v in chosen}) == 1 else None


def patch_digest(patch: str) -> str:
    """SHA-256 of a patch, hexadecimal; lone surrogates stand for bytes that are no UTF-8."""
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()


def read_verdicts(paths: Iterable[Path], around: Iterable[Path] = ()) -> Verdicts:
    """The verdicts of files and of all that lies in directories.

    Args:
        paths: Files and directories. What is damaged in a directory is passed over: it may be just being written.
        around: Trajectory files; the verdicts of the runs that they belong to count too.

    Raises:
        TrajectoryError: A file that is named cannot be read or is not JSON.
    """
    named: list[Path] = []
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_files(path.resolve()))
        else:
            named.append(path)
    for home in {home for file in around if (home := _home(file)) is not None}:
        found.update(_reports(home))
        found.update(_files(home / "verdicts"))
    verdicts = [verdict for path in named for verdict in _read(path, _load(path))]
    for path in sorted(found, key=_age):
        try:
            verdicts.extend(_read(path, _load(path)))
        except TrajectoryError:
            continue
    return Verdicts(verdicts)


def _home(trajectory: Path) -> Path | None:
    """The directory of the run that a trajectory is part of: the nearest one with verdicts or attempts in it."""
    parents = trajectory.resolve().parents[:4]
    with_some = (home for home in parents if (home / "verdicts").is_dir() or (home / "attempts").is_dir())
    return next(with_some, parents[0] if parents else None)


def _files(directory: Path) -> Iterator[Path]:
    """The files below a directory that hold verdicts. Hidden directories are evaluations under way."""
    yield from _reports(directory)
    for place, inner, names in os.walk(directory):
        inner[:] = [name for name in inner if not name.startswith(".")]
        # The official report beside a verdict of ours says less.
        best = next((name for name in ("verdict.json", "report.json") if name in names), None)
        if best:
            yield Path(place, best)


def _reports(directory: Path) -> Iterator[Path]:
    """What can be a report in a run's directory, and not predictions or another agent's trajectory."""
    return (path for path in directory.glob("*.json") if not _NO_REPORT.search(path.name))


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise TrajectoryError(f"cannot read {path}: there is no such file") from None
    except OSError as error:
        raise TrajectoryError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise TrajectoryError(f"{path} is not JSON ({error})") from None


def _read(path: Path, data: Any) -> Iterator[Verdict]:
    single = path.name in ("verdict.json", "report.json")
    patch = _text(path.with_name("patch.diff")) if single else None
    log = path.with_name("test_output.txt")
    for verdict in _walk(data, path.parent.parent.name if path.name == "verdict.json" else "", 0):
        judged = "" if verdict.status == "empty_patch" else patch
        if judged is not None:
            digest = verdict.patch or patch_digest(judged)
            verdict = replace(verdict, patch=digest, trimmed=patch_digest(judged.strip()))
        yield replace(verdict, log=log) if single and log.exists() else verdict


def _walk(value: Any, key: str, depth: int) -> Iterator[Verdict]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _walk(inner, "", depth + 1)
    elif isinstance(value, dict):
        made = _verdict(value, key)
        if made is not None:
            yield made
            return
        for name, inner in value.items():
            status = name.removesuffix("_ids")
            if name.endswith("_ids") and status in _LISTS:
                yield from (Verdict(task, status == "resolved", status) for task in _texts(inner))
            else:
                yield from _walk(inner, name, depth + 1)


def _verdict(data: dict[str, Any], key: str) -> Verdict | None:
    task = next((data[name] for name in ("task_id", "instance_id", "task") if isinstance(data.get(name), str)), key)
    resolved, status = data.get("resolved"), data.get("status")
    if "attempt" in data and "verdict" in data:  # an attempt in a batch's results: its status is not a verdict's
        return None
    if not task or not (isinstance(resolved, bool) or (isinstance(status, str) and "task_id" in data)):
        return None
    if not isinstance(status, str):
        status = "resolved" if resolved else "unresolved"
        if data.get("patch_is_None") or data.get("patch_exists") is False:
            status = "empty_patch"
        elif not (resolved or data.get("patch_successfully_applied", True)):
            status = "unappliable"
    groups = data.get("tests_status") or data.get("tests")
    digest = data.get("patch_sha256")
    return Verdict(
        task=task,
        resolved=resolved is True or status == "resolved",
        status=status,
        passed=_outcomes(groups, "success"),
        failed=_outcomes(groups, "failure"),
        model=next((data[n] for n in ("model", "model_name_or_path") if isinstance(data.get(n), str)), ""),
        patch=digest if isinstance(digest, str) else "",
    )


def _outcomes(groups: Any, outcome: str) -> tuple[str, ...]:
    """Tests of both lists that came out one way."""
    lists = [groups.get(name) for name in _TESTS] if isinstance(groups, dict) else []
    return tuple(test for part in lists if isinstance(part, dict) for test in _texts(part.get(outcome)))


def _best(verdicts: list[Verdict]) -> Verdict:
    return max(reversed(verdicts), key=lambda v: (not v.infrastructure, v.tests, bool(v.log)))


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, str(path)
    except OSError:
        return 0.0, str(path)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
