"""Numbers about attempts and their verdicts: estimators with their sources, the summary of a run, two runs compared."""

from tasks.metrics.alphacode import Sample, in_turn, protocol_n_at_k, submission_order
from tasks.metrics.estimators import n_at_k, pass_at_k, percentile, wilson_interval
from tasks.metrics.outcome import Outcome, Share
from tasks.metrics.paired import Paired, compare_outcomes, mcnemar_exact
from tasks.metrics.summary import Group, Mean, Summary, summarize

__all__ = [
    "Group",
    "Mean",
    "Outcome",
    "Paired",
    "Sample",
    "Share",
    "Summary",
    "compare_outcomes",
    "in_turn",
    "mcnemar_exact",
    "n_at_k",
    "pass_at_k",
    "percentile",
    "protocol_n_at_k",
    "submission_order",
    "summarize",
    "wilson_interval",
]
