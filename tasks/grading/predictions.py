"""Reading predictions: what an agent says solves each task."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from tasks.task import Task

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was submitted for one task.

    Attributes:
        task_id: The task.
        model: Who made it; SWE-bench calls it ``model_name_or_path``.
        patch: A unified diff; ``None`` or blank for none.
    """

    task_id: str
    model: str
    patch: str | None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not (self.patch or "").strip()


def load_predictions(reference: str, tasks: Sequence[Task], say: Callable[[str], None]) -> dict[str, Prediction]:
    """Read predictions.

    Args:
        reference: ``gold`` for the tasks' own solutions, ``empty`` for none; else a file of JSON (an object by id, or a
            list) or of JSON lines, or a directory with a ``.pred`` file for each task.
        tasks: The tasks that may be predicted.
        say: Told what a user should know, one line each: duplicates.

    Returns:
        The predictions by task id; of duplicates the last.

    Raises:
        UsageError: There is no such file, an entry cannot be read, or it is of no task
            known. The message
            names entry and field.
    """
    if reference == "gold":
        return {task.id: Prediction(task.id, "gold", task.patch) for task in tasks}
    if reference == "empty":
        return {task.id: Prediction(task.id, "empty", "") for task in tasks}
    known = {task.id for task in tasks}
    found: dict[str, Prediction] = {}
    twice: list[str] = []
    unknown: list[str] = []
    for place, entry in _entries(Path(reference)):
        prediction = _prediction(place, entry)
        if prediction.task_id in found:
            twice.append(prediction.task_id)
        if prediction.task_id not in known:
            unknown.append(prediction.task_id)
        found.pop(prediction.task_id, None)
        found[prediction.task_id] = prediction
    if unknown:
        raise UsageError(f"{reference} has predictions for tasks that are not among those chosen: {_listed(unknown)}")
    if twice:
        say(f"more than one prediction, the last counts: {_listed(twice)}")
    return found


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Every entry with the place it stands at, for messages."""
    if path.is_dir():
        files = sorted(path.rglob("*.pred"))
        if not files:
            raise UsageError(f"{path} holds no .pred file")
        for file in files:
            yield str(file), _parsed(file, _read(file))
    elif path.suffix in (".jsonl", ".ndjson"):
        for number, line in enumerate(_read(path).split("\n"), 1):
            if line.strip():
                yield f"{path}, line {number}", _parsed(f"{path}, line {number}", line)
    else:
        whole = _parsed(path, _read(path))
        if isinstance(whole, dict) and "instance_id" in whole:
            yield str(path), whole
        elif isinstance(whole, dict):
            for name, entry in whole.items():
                yield f"{path}, entry {name}", {"instance_id": name, **entry} if isinstance(entry, dict) else entry
        elif isinstance(whole, list):
            for number, entry in enumerate(whole, 1):
                yield f"{path}, entry {number}", entry
        else:
            raise UsageError(f"{path}: neither a list of predictions nor an object of them by task id")


def _prediction(place: str, entry: Any) -> Prediction:
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: a prediction is an object with instance_id, model_name_or_path and model_patch")
    task_id, patch = entry.get("instance_id"), entry.get("model_patch")
    model = entry.get("model_name_or_path") or "unnamed"
    if not isinstance(task_id, str) or not task_id:
        raise UsageError(f"{place}: instance_id is missing or no text")
    if "model_patch" not in entry or not isinstance(patch, str | None):
        raise UsageError(f"{place}: model_patch of {task_id} is missing or neither text nor null")
    if not isinstance(model, str):
        raise UsageError(f"{place}: model_name_or_path of {task_id} is no text")
    return Prediction(task_id, model, patch)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise UsageError(f"cannot read predictions from {path}: {error.strerror}") from error


def _parsed(place: object, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not JSON: {error}") from error


def _listed(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
