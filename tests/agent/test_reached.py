"""A line that no wrong example runs is not offered for correction."""

from __future__ import annotations

from aci_tools.examples import Examples
from aci_tools.reached import Reached, idle_lines, reached_lines
from aci_tools.session import Session

SIGN = """\
def sign(number):
    \"\"\"-1, 0 or 1.\"\"\"
    if number > 0:
        return (
            1
        )
    elif number < 0:
        return 1
    else:
        return 0


def forever():
    while True:
        pass
    return 1
"""
ISSUE = (
    "Wrong:\n\n>>> from sign import sign, forever\n>>> sign(3)\n1\n>>> {call}\n{gives}\n\nIt should give `{wished}`.\n"
)


def examples(session: Session, call: str, gives: str, wished: str) -> Examples:
    session.sandbox.write(f"{session.root}/sign.py", SIGN.encode())
    return Examples.of(ISSUE.format(call=call, gives=gives, wished=wished)).measured(session.sandbox)


def test_lines_of_the_failing_call_alone_count(session: Session) -> None:
    measured = Examples(examples(session, "sign(-2)", "1", "-1").examples[2:], "", ("1",))
    # Without the import it fails before it reaches the function.
    assert reached_lines(session.sandbox, measured) == Reached()
    reached = reached_lines(session.sandbox, examples(session, "sign(-2)", "1", "-1"))
    assert reached is not None
    # Which of the two calls goes wrong cannot be told where the wished result is only in the prose.
    assert reached.wrong["sign.py"] >= {3, 7, 8}
    assert 10 not in reached.wrong["sign.py"]
    idle = idle_lines(SIGN, {3, 7, 8})
    assert {2, 4, 5, 6, 10} <= idle
    assert not idle & {1, 3, 7, 8, 9}


def test_what_runs_in_right_examples_is_told_apart(session: Session) -> None:
    session.sandbox.write(f"{session.root}/sign.py", SIGN.encode())
    known = Examples().with_documented("sign", "sign", ["sign(-2) == -1\nsign(4) == 1"]).measured(session.sandbox)
    reached = reached_lines(session.sandbox, known)
    assert reached is not None
    assert reached.wrong["sign.py"] - reached.right["sign.py"] == {7, 8}


def test_a_loop_without_end_is_cut_off_and_its_lines_count(session: Session) -> None:
    measured = examples(session, "forever()", "TimeoutError: no result within 5 s", "1")
    reached = reached_lines(session.sandbox, measured)
    assert reached is not None
    assert {14, 15} <= reached.wrong["sign.py"]
    assert 16 in idle_lines(SIGN, reached.wrong["sign.py"])


def test_nothing_is_said_where_nothing_is_known_to_be_wrong(session: Session) -> None:
    assert reached_lines(session.sandbox, Examples()) is None
    assert idle_lines("def (", set()) == set()


def test_what_the_code_prints_at_its_end_is_no_part_of_a_result(session: Session) -> None:
    at_exit = "import atexit, sys\natexit.register(print, 'out')\natexit.register(print, 'err', file=sys.stderr)\n"
    noisy = f"{SIGN}\n\n{at_exit}"
    session.sandbox.write(f"{session.root}/sign.py", noisy.encode())
    measured = Examples.of(ISSUE.format(call="sign(-2)", gives="1", wished="-1")).measured(session.sandbox)
    assert measured.before == ("", "1", "1")
    assert reached_lines(session.sandbox, measured) is not None


def test_lines_of_much_code_are_told_too(session: Session) -> None:
    late = SIGN.replace("    if", "    import values\n    if", 1)
    session.sandbox.write(f"{session.root}/sign.py", late.encode())
    session.sandbox.write(f"{session.root}/values.py", b"x = 0\n" * 60_000)
    measured = Examples.of(ISSUE.format(call="sign(-2)", gives="1", wished="-1")).measured(session.sandbox)
    reached = reached_lines(session.sandbox, measured)
    assert reached is not None
    assert len(reached.wrong["values.py"]) >= 60_000
