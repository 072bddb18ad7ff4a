"""Which functions an issue is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from aci_tools.session import Session
from agent.retrieval import Snippet, rank, relevant_functions, show
from tests.agent.conftest import git

SOURCES = {
    "shop/cart.py": (
        "class Cart:\n"
        "    def total_price(self):\n"
        "        return sum(item.price for item in self.items)\n\n"
        "    @property\n"
        "    def empty(self):\n"
        "        return not self.items\n"
    ),
    "shop/dates.py": "def parse_iso(text):\n    year, month, day = text.split('-')\n    return year, month, day\n",
    "shop/broken.py": "def total_price(:\n",
    "tests/test_cart.py": "def test_total_price():\n    assert total_price\n",
    "shop/data.txt": "total price\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    for name, text in SOURCES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Begin")
    return place


def test_the_words_of_an_issue_find_the_function(session: Session) -> None:
    found = relevant_functions(session, "The total price of a cart is wrong when an item is free.", 1)
    assert [(s.path, s.name, s.first, s.last) for s in found] == [("shop/cart.py", "Cart.total_price", 2, 3)]
    assert found[0].source.startswith("    def total_price(self):")


def test_identifiers_match_by_their_words(session: Session) -> None:
    assert relevant_functions(session, "Parsing an ISO date fails: parseIso", 1)[0].name == "parse_iso"


def test_decorators_belong_to_a_function(session: Session) -> None:
    (found,) = relevant_functions(session, "`Cart.empty` is true for a full cart", 1)
    assert (found.name, found.first) == ("Cart.empty", 5)


def test_nothing_is_found_for_words_that_nowhere_stand(session: Session) -> None:
    assert relevant_functions(session, "Zebras? !!", 3) == []
    assert relevant_functions(session, "", 3) == []


def test_words_of_the_query_language_are_words(session: Session) -> None:
    issue = 'total_price AND NOT "cart" OR NEAR(x*) ^ : {price} -- "'
    assert relevant_functions(session, issue, 1)[0].name == "Cart.total_price"


def snippet(name: str, source: str) -> Snippet:
    return Snippet("a.py", name, 1, 2, source)


def test_a_function_that_is_called_by_name_comes_first() -> None:
    crowd = snippet("noise", "def noise(): join join join path path lists of parts")
    named = snippet("Tool.join", "def join(self): pass")
    assert rank([crowd, named], "`Tool.join` of lists of path parts gives a wrong path")[0] is named
    assert rank([crowd, named], "join(['a']) path lists of parts path")[0] is named


def test_snippets_are_shown_with_their_place(session: Session) -> None:
    shown = show(relevant_functions(session, "total price", 1))
    assert "shop/cart.py, Cart.total_price, lines 2 to 3:" in shown
    assert show([]) == ""


def test_links_that_lead_nowhere_hold_no_functions(repository: Path, session: Session) -> None:
    session.sandbox.run("ln -s gone.py shop/total.py; ln -s price.py shop/price.py")
    (found,) = relevant_functions(session, "shop/total.py and shop/price.py: total_price is wrong", 1)
    assert (found.path, found.name) == ("shop/cart.py", "Cart.total_price")


def test_a_log_of_a_hundred_thousand_words_in_an_issue_is_not_looked_for_word_by_word() -> None:
    snippet = Snippet("a.py", "total_price", 1, 2, "def total_price():\n    return 1\n")
    log = " ".join(f"word{number}" for number in range(100_000))
    assert rank([snippet], f"The total price is wrong.\n{log}") == [snippet]
