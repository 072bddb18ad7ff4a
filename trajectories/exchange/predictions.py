"""SWE-bench predictions: ``preds.json``, JSON Lines, lists and single ``.pred`` files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajectories.events import AttemptEnded, AttemptStarted
from trajectories.exchange.base import Context, Document, Imported, Trajectory, Tree, encode, file_name
from trajectories.exchange.draft import Draft, file_of, files, guarded, pack
from trajectories.exchange.foreign import parts
from trajectories.exchange.source import Source, as_list, as_mapping, as_patch, as_text
from trajectories.redact import MASK

FORMAT = "preds"


class PredictionsImporter:
    """Reads predictions as attempts of which only the end is known."""

    name = FORMAT
    summary = "SWE-bench predictions (preds.json, JSON Lines, .pred)"

    def detect(self, source: Source) -> bool:
        """By the keys of the first prediction."""
        first = next(iter(_entries(source)), None)
        return first is not None and isinstance(first[1], dict) and "model_patch" in first[1]

    def read(self, source: Source) -> list[Imported]:
        """An attempt for each prediction."""
        return guarded(source, lambda: self._read(source))

    def _read(self, source: Source) -> list[Imported]:
        entries, container = _entries(source), _container(source)
        made = []
        for index, (key, entry) in enumerate(entries):
            if not isinstance(entry, dict):
                raise source.fault(f"prediction {index + 1} is not an object")
            draft = Draft(FORMAT, source, container, index, len(entries))
            task, model = as_text(entry.get("instance_id")) or key or "", as_text(entry.get("model_name_or_path"))
            place = draft.add(
                AttemptStarted(
                    attempt_id=draft.attempt_id,
                    task={"id": task, "source": {"kind": FORMAT, "file": source.path.name}},
                    model=model,
                )
            )
            draft.anchor(place, "key", key)
            patch = as_patch(entry.get("model_patch"))
            last = draft.add(AttemptEnded(status="submitted", detail="a prediction", patch=patch))
            draft.anchor(last, "prediction", entry, {"model_patch": "patch"})
            draft.notes.append("a prediction has no steps")
            made.append(draft.finish(task or f"{source.stem}.{index + 1}"))
        return made


class PredictionsExporter:
    """``preds.json``: the first attempt of each task."""

    name = FORMAT
    summary = "SWE-bench predictions: the first attempt of each task"
    tree: Tree = "patch"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """One file; predictions that were imported are written as they came when all of their file are there."""
        groups = files(trajectories, FORMAT)
        if len(groups) == 1 and file_of(groups[0][0], FORMAT):
            return [_as_they_came(groups[0])]
        made: dict[str, Any] = {}
        further = 0
        for trajectory in trajectories:
            if trajectory.task in made:
                further += 1
            else:
                made[trajectory.task] = _prediction(trajectory)
        masked = sum(MASK in prediction["model_patch"] for prediction in made.values())
        counts = {
            "further attempts of the same tasks are left out": further,
            "patches are without what looks like a secret, and may not apply": masked,
        }
        notes = tuple(f"{count} {what}" for what, count in counts.items() if count)
        return [Document("preds.json", encode(made), notes)]


def _as_they_came(group: Sequence[Trajectory]) -> Document:
    pairs = [_kept(trajectory) for trajectory in group]
    if file_of(group[0], FORMAT).get("container") == "keys":
        name = str(file_of(group[0], FORMAT).get("name") or "preds.json")
        return Document(file_name(name), encode(dict(pairs)))
    return pack(group, FORMAT, [value for _, value in pairs], ".pred")


def _kept(trajectory: Trajectory) -> tuple[str, Any]:
    key, prediction = trajectory.task, _prediction(trajectory)
    for _, _, restored, _ in parts(trajectory.events, FORMAT, trajectory.patch):
        for text in (restored or {}).get("key", []):
            key = text if isinstance(text, str) else key
        for entry in (restored or {}).get("prediction", []):
            prediction = as_mapping(entry)
    return key, prediction


def _prediction(trajectory: Trajectory) -> dict[str, Any]:
    return {
        "model_name_or_path": trajectory.model,
        "instance_id": trajectory.task,
        "model_patch": trajectory.real_patch,
    }


def _container(source: Source) -> str:
    if source.lines:
        return "lines"
    if isinstance(source.data, list):
        return "list"
    return "json" if "model_patch" in as_mapping(source.data) else "keys"


def _entries(source: Source) -> list[tuple[str | None, Any]]:
    data = source.data
    if isinstance(data, dict) and "model_patch" not in data:
        return list(data.items())
    return [(None, entry) for entry in (as_list(data) or [data])]
