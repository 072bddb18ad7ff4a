"""AlphaCode's protocol for problems that are functions: filter by public tests, cluster by behaviour, submit few."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: Ways to draw samples up to which all of them are looked at, and draws that are looked at where there are more.
_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Sample:
    """What the protocol knows of a sample.

    Attributes:
        public: Whether it passes the public tests.
        behaviour: What it gives for generated inputs, in any form that is equal for equal behaviour.
    """

    public: bool
    behaviour: str


def submission_order(samples: Sequence[Sample]) -> list[int]:
    """Which samples to submit, the first first: Li et al., "Competition-Level Code Generation with AlphaCode", 2022.

    Samples that fail the public tests are never submitted. Of the others, those that behave alike are a cluster; one of
    each is submitted, from the largest cluster to the smallest, and then again from the largest (section 4.6).

    Returns:
        Their places in ``samples``.
    """
    clusters: dict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        if sample.public:
            clusters[sample.behaviour].append(place)
    return in_turn(sorted(clusters.values(), key=lambda cluster: (-len(cluster), cluster[0])))


def in_turn(groups: Iterable[Sequence[T]]) -> list[T]:
    """The first of each group, then the second of each that has one, and so on."""
    nothing = object()
    rounds = itertools.zip_longest(*groups, fillvalue=nothing)
    return [each for one_round in rounds for each in one_round if each is not nothing]  # type: ignore[misc]


def protocol_n_at_k(samples: Sequence[Sample], correct: Sequence[bool], n: int, k: int) -> float:
    """n@k of the whole protocol: the chance that one of at most ``n`` submissions from ``k`` samples is correct.

    Unlike :func:`~tasks.metrics.n_at_k`, which takes one order of all samples for given, this clusters each draw of
    ``k`` samples by itself, as it would be done if there were no more. It is the mean over all ways to draw them, or
    over 2,000 draws, always the same ones, where there are more ways.

    Args:
        samples: What is known of each.
        correct: Whether each is correct.
        n: Submissions.
        k: Samples that they are chosen from.

    Raises:
        ValueError: Not 1 ≤ n ≤ k ≤ the number of samples, or not one verdict a sample.
    """
    total = len(samples)
    if not 1 <= n <= k <= total or len(correct) != total:
        what = f"not n={n}, k={k}, samples={total}, verdicts={len(correct)}"
        raise ValueError(f"n@k needs 1 <= n <= k <= samples and a verdict each, {what}")
    if math.comb(total, k) <= _DRAWS:
        draws = list(itertools.combinations(range(total), k))
    else:
        chance = random.Random(total)
        draws = [tuple(sorted(chance.sample(range(total), k))) for _ in range(_DRAWS)]
    solved = 0
    for drawn in draws:
        order = submission_order([samples[place] for place in drawn])
        solved += any(correct[drawn[place]] for place in order[:n])
    return solved / len(draws)
