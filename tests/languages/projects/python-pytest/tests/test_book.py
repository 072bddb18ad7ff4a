import sys

import pytest
from ledger import Book


@pytest.fixture
def book():
    book = Book()
    book.enter("2024-03-02", 5)
    book.enter("2024-03-01", 10)
    book.enter("2024-03-02", -2)
    return book


def test_days_are_in_order(book):
    assert book.days() == ["2024-03-01", "2024-03-02"]


@pytest.mark.parametrize(("day", "balance"), [("2024-02-28", 0), (None, 13)])
def test_balance(book, day, balance):
    assert book.balance(day) == balance


def test_balance_counts_the_day_itself(book):
    assert book.balance("2024-03-02") == 13


@pytest.mark.skipif(sys.version_info >= (3, 0), reason="only for Python 2")
def test_old_python(book):
    assert book.balance("2024-03-01") == 10
