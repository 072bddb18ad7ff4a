"""Examples in issues and in documentation: what they are, whether they are met, and what speaks against an edit."""

from __future__ import annotations

import pytest

from aci_tools.examples import Examples

DOCUMENTED = [
    ("    >>> gcd(35, 21)\n    7\n", "gcd(35, 21)", "7"),
    ("For example:\n    gcd(4, 6) == 2\n", "gcd(4, 6)", "2"),
    ("gcd(4, 6) ==> 2", "gcd(4, 6)", "2"),
    ("gcd(4, 6) => 2  # two", "gcd(4, 6)", "2"),
    ("gcd(4, 6) ➞ 2", "gcd(4, 6)", "2"),
    ("* gcd((1, 2), [3]) should return [1, (2)].", "gcd((1, 2), [3])", "[1, (2)]"),
    ("gcd(4, 6) -> true", "gcd(4, 6)", "True"),
    ("Input: a = [4, 6], k = 3\n    Output: [4]\n", "gcd(a = [4, 6], k = 3)", "[4]"),
    ("For lst = [1, 2] the output should be 3\n", "gcd(lst = [1, 2])", "3"),
]


@pytest.mark.parametrize(("text", "source", "value"), DOCUMENTED)
def test_documentation_says_what_calls_give(text: str, source: str, value: str) -> None:
    found = Examples().with_documented("m", "gcd", [text]).examples
    assert [(one.source, one.shown, one.wished) for one in found[1:]] == [(source, value, True)]


@pytest.mark.parametrize(
    "text",
    ["", "gcd computes it.", "lcm(4, 6) == 12", "gcd(4, 6) is called first", "gcd(a, b) -> int", "gcd(4, 6) == x"],
)
def test_what_is_no_example_is_none(text: str) -> None:
    assert Examples().with_documented("m", "gcd", [text]) == Examples()


@pytest.mark.parametrize(
    "issue",
    [
        "`gcd(13, 13)` should give `13`.",
        "```python\ngcd(13, 13)\n```\n\nshould return `13`, but it raises `RecursionError`.",
        "I think that ```\ngcd(13, 13)\n``` must be `13`",
    ],
)
def test_an_issue_says_what_a_call_should_give(issue: str) -> None:
    (_, found) = Examples().with_documented("m", "gcd", [], issue).examples
    assert (found.source, found.shown, found.wished) == ("gcd(13, 13)", "13", True)


@pytest.mark.parametrize(
    ("shown", "output", "met"),
    [
        ("13", "13", True),
        ("[1, 2]", "(1, 2)", True),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", True),
        ("0.3333333333", "0.33333333333333", True),
        ("1", "True", False),
        ("'a'", "a", False),
        ("13", "RecursionError: too deep", False),
    ],
)
def test_values_are_compared_as_values(shown: str, output: str, met: bool) -> None:
    (_, one) = Examples().with_documented("m", "f", [f"f(1) == {shown}"]).examples
    assert one.met_by(output) is met


def _measured(*before: str) -> Examples:
    known = Examples().with_documented("m", "f", ["f(1) == 1\nf(2) == 4"])
    return Examples(known.examples, "", ("", *before))


def test_an_edit_that_changes_nothing_wrong_is_unchanged() -> None:
    assert _measured("1", "5").unchanged(("", "1", "5"))
    assert not _measured("1", "5").unchanged(("", "1", "4"))
    assert not _measured("1", "4").unchanged(("", "1", "4"))  # nothing was wrong


def test_an_edit_that_breaks_an_example_is_named() -> None:
    assert _measured("1", "5").unasked(("", "2", "4")) == ("f(1)", "2")
    assert _measured("1", "5").unasked(("", "1", "4")) is None


def test_solved_means_that_every_wished_result_is_met() -> None:
    assert _measured("1", "5").solved(("", "1", "4"))
    assert not _measured("1", "5").solved(("", "1", "6"))
    assert not _measured("1", "4").solved(("", "1", "4"))


def test_failures_are_told_to_the_model() -> None:
    assert _measured("1", "5").failures(("", "1", "5")) == "f(2) gives 5, but should give 4"
    assert [one.right for one in _measured("1", "5").judge(("", "1", "5"))] == [True, False]


def test_a_session_of_an_issue_may_show_the_wrong_result() -> None:
    examples = Examples.of(">>> f(2)\n5\n\nIt should be 4.\n")
    measured = Examples(examples.examples, examples.prose, ("5",))
    assert measured.judge(("5",))[0].right is False
    assert measured.judge(("4",))[0].right is True
    assert measured.judge(("7",))[0].right is False
