"""Verdicts: whether a patch solves a task, by the task's own tests in a fresh sandbox."""

from __future__ import annotations

from tasks.grading.evaluator import Evaluator
from tasks.grading.predictions import Prediction, load_predictions
from tasks.grading.reports import write_reports
from tasks.grading.split import Split
from tasks.grading.verdict import Status, Verdict

__all__ = ["Evaluator", "Prediction", "Split", "Status", "Verdict", "load_predictions", "write_reports"]
