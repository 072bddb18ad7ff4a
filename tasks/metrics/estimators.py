"""Estimators of how often attempts succeed, each with its source."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

#: The 97.5 % quantile of the normal distribution: two-sided intervals hold with 95 %.
Z95 = 1.959963984540054


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of ``k`` samples, drawn from ``n`` of which ``c`` are correct, is correct.

    The unbiased estimator 1 − C(n−c, k) / C(n, k) of Chen et al., "Evaluating Large Language Models Trained on Code",
    2021 (arXiv:2107.03374, equation 1). It is computed in whole numbers and rounded once, so no size of ``n`` hurts.

    Raises:
        ValueError: Not 1 ≤ k ≤ n, or not 0 ≤ c ≤ n.
    """
    if not (1 <= k <= n and 0 <= c <= n):
        raise ValueError(f"pass@k needs 1 <= k <= n and 0 <= c <= n, not n={n}, c={c}, k={k}")
    ways = math.comb(n, k)
    return (ways - math.comb(n - c, k)) / ways


def n_at_k(ranked: Sequence[bool], n: int, k: int) -> float:
    """The chance that at least one of ``n`` submissions, chosen from ``k`` samples, is correct.

    n@k is the measure of Li et al., "Competition-Level Code Generation with AlphaCode", 2022 (arXiv:2203.07814,
    section 2.2): ``k`` samples are drawn, a rule that does not know the verdicts chooses ``n`` of them, and the problem
    counts as solved if one of the chosen is correct. Here the rule is an order: the first ``n`` of the drawn samples
    are submitted. With all samples drawn (k = the number of samples) it is simply whether one of the first ``n`` is
    correct; with fewer it is the exact mean over all ways to draw ``k``. With n = k it equals :func:`pass_at_k`.

    Args:
        ranked: Whether each sample is correct, the one that would be submitted first standing first.
        n: Submissions.
        k: Samples that they are chosen from.

    Raises:
        ValueError: Not 1 ≤ n ≤ k ≤ the number of samples.
    """
    total = len(ranked)
    if not 1 <= n <= k <= total:
        raise ValueError(f"n@k needs 1 <= n <= k <= samples, not n={n}, k={k}, samples={total}")
    # All n submissions are wrong: the last of them is a wrong sample, n-1 wrong ones were drawn from before it (and no
    # correct one), and the k-n samples that are drawn but not submitted stand behind it.
    failures = 0
    wrong_before = 0
    for place, correct in enumerate(ranked):
        if not correct:
            failures += math.comb(wrong_before, n - 1) * math.comb(total - place - 1, k - n)
            wrong_before += 1
    ways = math.comb(total, k)
    return (ways - failures) / ways


def wilson_interval(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share, by default with 95 %: it never leaves 0 to 1 and holds for few trials too.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927); recommended by
    Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001).

    Returns:
        Lower and upper bound; 0 and 1 where nothing was tried.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def bootstrap_interval(values: Sequence[float], resamples: int = 2000) -> tuple[float, float]:
    """A 95 % interval of a mean by the percentile bootstrap, the same for the same values.

    For means of pass@k, which are no shares of independent trials. Efron and Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13. The values are resampled, that is whole tasks.

    Returns:
        Lower and upper bound; 0 and 1 where there are no values.
    """
    if not values:
        return 0.0, 1.0
    draw = random.Random(len(values))
    means = [math.fsum(draw.choices(values, k=len(values))) / len(values) for _ in range(resamples)]
    return percentile(means, 0.025), percentile(means, 0.975)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies, interpolated linearly between neighbours (as numpy does).

    Args:
        values: At least one, in any order.
        share: 0 to 1; 0.5 is the median.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
