"""Reports in SWE-bench's formats, and ours with everything."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.grading.official import available, load
from tasks.grading.predictions import Prediction
from tasks.grading.verdict import GRADED, Verdict
from tasks.task import Task


def instance_report(verdict: Verdict, directory: Path) -> None:
    """Write SWE-bench's ``report.json`` of one evaluation; none where SWE-bench writes none.

    Args:
        verdict: What came of it.
        directory: Where, beside the log.
    """
    if verdict.status not in GRADED:
        return
    report: dict[str, Any] = {
        "patch_is_None": False,
        "patch_exists": True,
        "patch_successfully_applied": bool(verdict.tests),
        "resolved": verdict.resolved,
        "infra_failure": False,
    }
    if verdict.tests:
        lists = {name: part.model_dump(mode="json") for name, part in verdict.tests.items()}
        none: dict[str, list[str]] = {"success": [], "failure": []}
        report["tests_status"] = {**lists, "FAIL_TO_FAIL": none, "PASS_TO_FAIL": none}
    elif found := _infrastructure([directory / "test_output.txt"]):
        report["infra_failure"], report["infra_failure_reason"] = found[1] == "environment", found[0]
    _write(directory / "report.json", {verdict.task_id: report}, 4)


def write_reports(
    output: Path,
    run_id: str,
    tasks: Sequence[Task],
    predictions: Mapping[str, Prediction],
    verdicts: Iterable[Verdict],
    store: Path | None = None,
) -> Path:
    """Write the report of a run in SWE-bench's format (schema version 2), and ``results.json``.

    Args:
        output: Directory.
        run_id: Name of the run, part of the report's name.
        tasks: All that could have been predicted.
        predictions: By task id.
        verdicts: What was found.
        store: Directory of the verdicts, for the logs; ``verdicts`` in ``output`` when not given.

    Returns:
        The path of SWE-bench's report.
    """
    output.mkdir(parents=True, exist_ok=True)
    found = {verdict.task_id: verdict for verdict in verdicts}
    ids: dict[str, set[str]] = {name: set() for name in _LISTS}
    reasons: dict[str, str] = {}
    for task in tasks:
        for name in _belongs(task.id, predictions, found):
            ids[name].add(task.id)
    for name in sorted(ids["unresolved"] | ids["error"]):
        if name not in found or not found[name].key:
            continue
        place = (store or output / "verdicts") / name.replace("/", "__") / found[name].key
        if fault := _infrastructure([place / "test_output.txt", place / "run_instance.log"]):
            reasons[name] = fault[0]
            ids["infra_failure" if fault[1] == "environment" else "ambiguous_failure"].add(name)
    report: dict[str, Any] = {"total_instances": len(tasks), "submitted_instances": len(predictions)}
    report |= {f"{name}_instances": len(ids[name]) for name in _COUNTED}
    report |= {f"{name}_ids": sorted(ids[name]) for name in ("completed", "incomplete", "empty_patch")}
    report |= {"submitted_ids": sorted(predictions)}
    report |= {f"{name}_ids": sorted(ids[name]) for name in _LATER}
    report |= {"failure_reasons": reasons, "error_ids": sorted(ids["error"]), "schema_version": 2}
    model = next(iter(predictions.values())).model if predictions else "none"
    path = output / f"{_file_name(f'{model}.{run_id}')}.json"
    _write(path, report, 4)
    _write(output / "results.json", results(run_id, tasks, predictions, found.values()), 2)
    return path


_LONGEST_NAME = 200  # bytes; file systems take 255, and the file has a longer name while it is written


def _file_name(name: str) -> str:
    """A name as SWE-bench makes a file's of it; with a digest where that would be too long or cannot be printed."""
    safe = "".join(letter if letter.isprintable() else "_" for letter in name).replace("/", "__")
    if len(safe.encode()) <= _LONGEST_NAME and name.isprintable():
        return safe
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{safe.encode()[: _LONGEST_NAME - 17].decode(errors='ignore')}-{digest}"


_COUNTED = (
    "completed",
    "resolved",
    "unresolved",
    "infra_failure",
    "ambiguous_failure",
    "empty_patch",
    "error",
)
_LATER = ("resolved", "unresolved", "infra_failure", "ambiguous_failure")
_LISTS = (*_COUNTED, "incomplete")


def results(
    run_id: str, tasks: Sequence[Task], predictions: Mapping[str, Prediction], verdicts: Iterable[Verdict]
) -> dict[str, Any]:
    """Our report of a run: counts, and every verdict whole."""
    found = {verdict.task_id: verdict for verdict in verdicts}
    statuses = Counter(verdict.status for verdict in found.values())
    return {
        "run_id": run_id,
        "tasks": len(tasks),
        "predictions": len(predictions),
        "resolved": sum(verdict.resolved for verdict in found.values()),
        "statuses": dict(statuses.most_common()),
        "missing": sorted(task.id for task in tasks if task.id not in predictions),
        "flaky": {name: list(verdict.flaky) for name, verdict in sorted(found.items()) if verdict.flaky},
        "disputed": {name: list(verdict.disputed) for name, verdict in sorted(found.items()) if verdict.disputed},
        "verdicts": {name: verdict.model_dump(mode="json") for name, verdict in sorted(found.items())},
    }


def _belongs(task_id: str, predictions: Mapping[str, Prediction], found: Mapping[str, Verdict]) -> tuple[str, ...]:
    """The lists of SWE-bench's report that a task is in."""
    if task_id not in predictions:
        return ("incomplete",)
    if predictions[task_id].empty:
        return ("empty_patch",)
    verdict = found.get(task_id)
    if verdict is None or verdict.status not in GRADED:
        return ("error",)
    return ("completed", "resolved") if verdict.resolved else ("completed", "unresolved")


def _infrastructure(logs: Sequence[Path]) -> tuple[str, str] | None:
    """SWE-bench's guess whether a failure was the environment's: reason and tier. Advice only."""
    if not available():
        return None
    found: tuple[str, str] | None = load("infra_failure").classify_logs(*logs)
    return found


def _write(path: Path, content: object, indent: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=indent) + "\n")
    os.chmod(name, 0o644)
    os.replace(name, path)
