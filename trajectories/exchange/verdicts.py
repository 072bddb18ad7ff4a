"""Verdicts on patches, read from what an evaluation or a batch left, whichever of its files that is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trajectories.exchange.source import as_list, as_mapping, load
from trajectories.log import TrajectoryError

#: Statuses that say nothing certain about the patch: the machine was at fault, or the tests.
_SAYS_NOTHING = frozenset({"error", "broken_image", "infrastructure", "infrastructure_error", "incomplete", "flaky"})
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluation said of one patch.

    Attributes:
        task: The task's id.
        resolved: Whether the patch resolves it.
        status: ``resolved``, ``unresolved``, ``empty_patch``, ``unappliable``, ``timeout``, … or "" when not said.
        passed: Tests that were to pass and do.
        failed: Tests that were to pass and do not.
        attempt: The attempt judged, "" when not said.
        model: The model judged, "" when not said.
        patch: SHA-256 of the patch judged, hexadecimal, "" when not said.
        log: The tests' output, "" when not at hand.
    """

    task: str
    resolved: bool
    status: str = ""
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    attempt: str = ""
    model: str = ""
    patch: str = ""
    log: str = ""

    @property
    def about_the_patch(self) -> bool:
        """Whether it judges the patch, and not the machine that was to judge it."""
        return self.resolved or self.status not in _SAYS_NOTHING


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Some verdicts, to be found by what they are about."""

    all: tuple[Verdict, ...] = ()
    by_task: dict[str, list[Verdict]] = field(default_factory=dict)

    @classmethod
    def made(cls, verdicts: Iterable[Verdict]) -> Verdicts:
        """From any number of them; several on one patch count as one, the fullest."""
        fullest: dict[tuple[str, str, str, str], Verdict] = {}
        for verdict in verdicts:
            key = (verdict.task, verdict.attempt, verdict.model, verdict.patch)
            known = fullest.get(key)
            if known is None or _weight(verdict) > _weight(known):
                fullest[key] = verdict
        by_task: dict[str, list[Verdict]] = {}
        for verdict in fullest.values():
            by_task.setdefault(verdict.task, []).append(verdict)
        return cls(tuple(fullest.values()), by_task)

    def of(self, task: str, attempt: str, model: str, patch: str) -> Verdict | None:
        """The verdict on an attempt: the one on its very patch, else one that names it, else the task's only one."""
        known = self.by_task.get(task, [])
        digest = patch_digest(patch)
        named = [verdict for verdict in known if verdict.patch]
        for verdict in named:
            if digest.startswith(verdict.patch) or verdict.patch.startswith(digest):
                return verdict
        for verdict in known:
            if attempt and verdict.attempt == attempt:
                return verdict
        unnamed = [verdict for verdict in known if not verdict.patch and not verdict.attempt]
        by_model = [verdict for verdict in unnamed if verdict.model == model]
        chosen = by_model or [verdict for verdict in unnamed if not verdict.model] or (unnamed if not named else [])
        return chosen[0] if len(chosen) == 1 else None


def patch_digest(patch: str) -> str:
    """SHA-256 of a patch, hexadecimal."""
    return hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()


def read_verdicts(paths: Iterable[Path]) -> Verdicts:
    """The verdicts of files, and of what lies in directories: ``verdicts/*/*/verdict.json`` and ``results.json``.

    Raises:
        TrajectoryError: A file cannot be read or is not JSON.
    """
    found: list[Verdict] = []
    for path in paths:
        if not path.is_dir():
            found.extend(_from_file(path))
            continue
        single = sorted(path.rglob("verdict.json"))
        reports = [*sorted(path.glob("results.json")), *sorted(path.rglob("report.json"))]
        for file in single or reports:
            found.extend(_from_file(file))
    return Verdicts.made(found)


def _from_file(path: Path) -> Iterator[Verdict]:
    if not path.exists():
        raise TrajectoryError(f"cannot read {path}: there is no such file")
    source = load(path)
    beside, log, digest = path.parent, "", ""
    if path.name in ("verdict.json", "report.json"):
        log = _text(beside / "test_output.txt")
        patch = _text(beside / "patch.diff")
        digest = patch_digest(patch) if patch else ""
    for verdict in _walk(source.data, "", 0):
        yield replace(verdict, log=verdict.log or log, patch=verdict.patch or digest)


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
        for name, ids in value.items():
            # The official report of a run: lists of ids by outcome.
            if name.endswith("resolved_ids"):
                for task in as_list(ids):
                    if isinstance(task, str):
                        yield Verdict(task, name == "resolved_ids", name.removesuffix("_ids"))
            else:
                yield from _walk(ids, name, depth + 1)


def _verdict(data: dict[str, Any], key: str) -> Verdict | None:
    task = next((data[name] for name in ("task_id", "instance_id", "task") if isinstance(data.get(name), str)), key)
    resolved, status = data.get("resolved"), data.get("status")
    if not task or not (isinstance(resolved, bool) or (isinstance(status, str) and ("task_id" in data))):
        return None
    passed, failed = _tests(as_mapping(data.get("tests_status") or data.get("tests")))
    if not isinstance(status, str):
        applied = data.get("patch_successfully_applied", True)
        empty = data.get("patch_is_None") or data.get("patch_exists") is False
        status = "empty_patch" if empty else "" if applied or resolved else "unappliable"
    patch = next((data[n] for n in ("patch_sha256", "patch_sha", "patch_digest") if isinstance(data.get(n), str)), "")
    model = next((data[n] for n in ("model", "model_name_or_path") if isinstance(data.get(n), str)), "")
    attempt = data.get("attempt_id")
    return Verdict(
        task=task,
        resolved=resolved is True or status == "resolved",
        status=status,
        passed=passed,
        failed=failed,
        attempt=attempt if isinstance(attempt, str) else "",
        model=model,
        patch=patch.removeprefix("sha256:"),
    )


def _tests(groups: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tests that were to pass: those that do, and those that do not."""
    passed: list[str] = []
    failed: list[str] = []
    for name in ("FAIL_TO_PASS", "PASS_TO_PASS"):
        group = as_mapping(groups.get(name) or groups.get(name.lower()))
        passed += [test for test in as_list(group.get("success")) if isinstance(test, str)]
        failed += [test for test in as_list(group.get("failure")) if isinstance(test, str)]
    return tuple(passed), tuple(failed)


def _weight(verdict: Verdict) -> tuple[int, int]:
    return len(verdict.passed) + len(verdict.failed), len(verdict.log)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
