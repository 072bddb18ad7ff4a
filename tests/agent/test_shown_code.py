"""The code that was shown is offered for correction as it is now, without what never does anything."""

from __future__ import annotations

from aci_tools.reached import inert_lines
from aci_tools.session import Session
from agent.retrieval import Snippet
from agent.shown_code import ShownCode

CODE = '''\
def half(x):
    """Divide.

    >>> half(4) == 2
    """
    # by two
    note = "# no comment"
    return x / 3


def other(x):
    return x
'''
HALF = CODE[: CODE.index("\n\n\n")]


def shown(session: Session) -> ShownCode:
    session.sandbox.write(f"{session.root}/half.py", CODE.encode())
    session.patch()
    return ShownCode(session, [Snippet("half.py", "half", 1, 8, HALF)])


def written(session: Session, text: str) -> None:
    session.sandbox.write(f"{session.root}/half.py", text.encode())
    session.patch()


def active(code: ShownCode) -> list[tuple[int, str]]:
    return [(line.number, line.text.strip()) for line in code.lines() if not line.idle]


def test_documentation_and_comments_are_idle(session: Session) -> None:
    assert inert_lines(CODE) == {2, 3, 4, 5, 6}
    assert inert_lines("#include <a.h>\nint a;\n") == set()
    assert inert_lines("def f():\n    ...\n") == set()
    assert active(shown(session)) == [(1, "def half(x):"), (7, 'note = "# no comment"'), (8, "return x / 3")]


def test_an_edit_moves_lines_and_puts_others_in_their_place(session: Session) -> None:
    code = shown(session)
    written(session, "import math\n" + CODE.replace("    return x / 3", "    y = x\n    return y / 2"))
    assert active(code) == [(2, "def half(x):"), (8, 'note = "# no comment"'), (9, "y = x"), (10, "return y / 2")]
    written(session, CODE.replace("    # by two\n", "    x += 0\n    # by two\n"))
    assert active(code) == [(1, "def half(x):"), (6, "x += 0"), (8, 'note = "# no comment"'), (9, "return x / 3")]


def test_what_was_not_shown_is_not_offered_after_an_edit(session: Session) -> None:
    code = shown(session)
    written(session, CODE.replace("    return x\n", "    return -x\n") + "\n\ndef last():\n    return 1\n")
    assert active(code) == [(1, "def half(x):"), (7, 'note = "# no comment"'), (8, "return x / 3")]


def test_a_file_that_is_gone_offers_nothing(session: Session) -> None:
    code = shown(session)
    session.sandbox.run(f"rm {session.root}/half.py")
    session.patch()
    assert list(code.lines()) == []
