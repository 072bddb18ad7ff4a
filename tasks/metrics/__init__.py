"""Numbers about attempts and their verdicts: estimators with their sources, the summary of a run, two runs compared."""

from tasks.metrics.estimators import n_at_k, pass_at_k, percentile, wilson_interval
from tasks.metrics.outcome import Outcome, Share
from tasks.metrics.paired import Paired, compare_outcomes, mcnemar_exact
from tasks.metrics.summary import Group, Mean, Summary, summarize

__all__ = [
    "Group",
    "Mean",
    "Outcome",
    "Paired",
    "Share",
    "Summary",
    "compare_outcomes",
    "mcnemar_exact",
    "n_at_k",
    "pass_at_k",
    "percentile",
    "summarize",
    "wilson_interval",
]
