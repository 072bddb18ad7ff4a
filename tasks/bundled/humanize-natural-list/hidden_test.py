import pytest
from humanize import natural_list


def test_empty_list_is_an_empty_string():
    assert natural_list([]) == ""


def test_empty_tuple_is_an_empty_string():
    assert natural_list(()) == ""


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["one"], "one"),
        (["one", "two"], "one and two"),
        (["one", "two", "three"], "one, two and three"),
        ([1, 2, 3, 4], "1, 2, 3 and 4"),
        ([""], ""),
        ([0], "0"),
        ([None, None], "None and None"),
    ],
)
def test_other_lists_are_unchanged(items, expected):
    assert natural_list(items) == expected
