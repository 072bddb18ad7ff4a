"""Verdicts as they lie beside trajectories, read without the grader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Verdicts that say nothing about the patch.
_INFRASTRUCTURE = frozenset({"broken_image", "error", "infrastructure"})


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """One verdict.

    Attributes:
        status: ``resolved``, ``unresolved``, ``empty_patch``, …
        passed: Judging tests that passed, of ``tests``.
        patch: The patch that it judges; ``None`` where that is not kept beside it.
        digest: SHA-256 of that patch; ``""`` where it is not kept either.
    """

    task: str
    status: str
    resolved: bool
    passed: int = 0
    tests: int = 0
    patch: str | None = None
    digest: str = ""

    @property
    def infrastructure(self) -> bool:
        """Whether the grader failed rather than the patch."""
        return self.status in _INFRASTRUCTURE


class Verdicts:
    """All verdicts below some directories, found by task and patch.

    Reads ``verdicts/<task>/<key>/verdict.json`` with the ``patch.diff`` beside it; for tasks that have none, the
    reports of SWE-bench's own harness: ``report.json`` of an instance, and the lists of ids of a run.

    Args:
        directories: Outputs of ``agent batch`` or ``agent evaluate``; whatever else is in them is passed over.
    """

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        self._known: dict[str, list[VerdictFacts]] = {}
        for directory in directories:
            for verdict in (*_ours(directory), *_official(directory)):
                self._known.setdefault(verdict.task, []).append(verdict)

    def of(self, task: str, patch: str, attempt: int = 1) -> VerdictFacts | None:
        """The verdict on a patch, the latest if there are several; ``None`` where there is none.

        A verdict whose patch is not kept is taken to be the first attempt's.
        """
        known = self._known.get(task, ())
        digest = hashlib.sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()
        exact = [v for v in known if v.digest == digest or (v.patch is not None and v.patch.strip() == patch.strip())]
        vague = [v for v in known if v.patch is None and not v.digest]
        return exact[-1] if exact else vague[0] if vague and attempt == 1 else None


def _ours(directory: Path) -> Iterable[VerdictFacts]:
    for path in sorted(directory.glob("verdicts/*/*/verdict.json"), key=lambda path: path.stat().st_mtime):
        data = _json(path)
        if not data:
            continue
        passed, tests = _tests(data.get("tests"))
        yield VerdictFacts(
            task=str(data.get("task_id") or path.parent.parent.name),
            status=str(data.get("status") or ""),
            resolved=bool(data.get("resolved")),
            passed=passed,
            tests=tests,
            patch="" if data.get("status") == "empty_patch" else _text(path.with_name("patch.diff")),
            digest=str(data.get("patch_sha256") or ""),
        )


def _official(directory: Path) -> Iterable[VerdictFacts]:
    for path in sorted({*directory.glob("logs/run_evaluation/*/*/*/report.json"), *directory.glob("*.report.json")}):
        for task, report in _json(path).items():
            if isinstance(report, dict) and "resolved" in report:
                passed, tests = _tests(report.get("tests_status"))
                status = "resolved" if report["resolved"] else "unresolved"
                yield VerdictFacts(task, status, bool(report["resolved"]), passed, tests)
    for path in sorted(directory.glob("*.json")):
        report = _json(path)
        for status in ("resolved", "unresolved", "empty_patch", "error"):
            names = report.get(f"{status}_ids")
            for task in names if isinstance(names, list) else ():
                yield VerdictFacts(str(task), status, status == "resolved")


def _tests(tests: Any) -> tuple[int, int]:
    """Passed and all of the tests that judge: FAIL_TO_PASS and PASS_TO_PASS with their successes and failures."""
    passed = total = 0
    for name in ("FAIL_TO_PASS", "PASS_TO_PASS"):
        found = tests.get(name) if isinstance(tests, dict) else None
        if isinstance(found, dict):
            good, bad = (len(found.get(key) or ()) for key in ("success", "failure"))
            passed, total = passed + good, total + good + bad
    return passed, total


def _json(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is not one (it may be in the middle of being written)."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
