"""AlphaCode's protocol: what is submitted, and n@k of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics import Sample, n_at_k, pass_at_k, protocol_n_at_k, submission_order


def samples(text: str) -> list[Sample]:
    """One a letter, which is its behaviour; a capital one fails the public tests."""
    return [Sample(letter.islower(), letter) for letter in text]


def test_one_of_each_cluster_is_submitted_from_the_largest_on_and_then_again() -> None:
    assert submission_order(samples("abbcbcX")) == [1, 3, 0, 2, 5, 4]


def test_what_fails_the_public_tests_is_never_submitted() -> None:
    assert submission_order(samples("XXX")) == []
    assert protocol_n_at_k(samples("XXX"), [True, True, True], 1, 3) == 0.0


def test_the_largest_cluster_decides_a_single_submission() -> None:
    known = samples("aabbb")
    right = [sample.behaviour == "b" for sample in known]
    assert protocol_n_at_k(known, right, 1, 5) == 1.0
    assert protocol_n_at_k(known, [not each for each in right], 1, 5) == 0.0
    assert protocol_n_at_k(known, [not each for each in right], 2, 5) == 1.0


def test_fewer_samples_are_clustered_for_themselves() -> None:
    # Of the three pairs of a, b, b, one is two of b; from the others the first sample is submitted, which is a.
    assert protocol_n_at_k(samples("abb"), [False, True, True], 1, 2) == pytest.approx(1 / 3)


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_without_clusters_it_is_the_n_at_k_of_the_order_as_given(correct: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(correct)))
    n = data.draw(st.integers(1, k))
    different = [Sample(True, str(place)) for place in range(len(correct))]
    assert protocol_n_at_k(different, correct, n, k) == pytest.approx(n_at_k(correct, n, k))
    assert protocol_n_at_k(different, correct, k, k) == pytest.approx(pass_at_k(len(correct), sum(correct), k))


def test_many_samples_are_drawn_often_enough_and_always_alike() -> None:
    known = [Sample(True, str(place)) for place in range(40)]
    correct = [place % 4 == 0 for place in range(40)]
    value = protocol_n_at_k(known, correct, 10, 10)
    assert value == protocol_n_at_k(known, correct, 10, 10)
    assert math.isclose(value, pass_at_k(40, 10, 10), abs_tol=0.03)


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="n@k needs"):
        protocol_n_at_k(samples("ab"), [True, True], 2, 1)
    with pytest.raises(ValueError, match="verdicts=1"):
        protocol_n_at_k(samples("ab"), [True], 1, 1)
