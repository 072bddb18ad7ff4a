"""The golden attempt of a strategy, with its two trials beside it as they lie on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"
#: Changes of the first trial and of the second, whose patch the attempt submits.
WRONG, RIGHT = "return a * b", "return a + b"
ROOT, TRIAL = "5be2a1", "7c1d02"


def grow(attempt: Path) -> Path:
    """Write the attempt into a directory; the ids of its trials are ``7c1d01`` and ``7c1d02``."""
    attempt.mkdir(parents=True, exist_ok=True)
    shutil.copy(GOLDEN / "v1-strategy.jsonl", attempt / "trajectory.jsonl")
    second = (GOLDEN / "v1-trial.jsonl").read_text()
    first = second.replace(TRIAL, "7c1d01").replace('"trial": "2"', '"trial": "1"').replace(RIGHT, WRONG)
    for name, text in (("1", first), ("2", second)):
        place = attempt / "trials" / name
        place.mkdir(parents=True)
        (place / "trajectory.jsonl").write_text(text)
    return attempt
