"""Readers of the output of runners that the tests here cannot start; the texts are in the runners' true formats."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from aci_tools.testing.parsers import RunOutput, parse
from aci_tools.testing.plan import ParserName

OUTPUTS = Path(__file__).parent / "outputs"


def read(parser, name, *, cwd="/testbed", exit_code=1):
    text = (OUTPUTS / name).read_text()
    artefact = text if name.endswith(".json") else ""
    return parse(parser, RunOutput("" if artefact else text, "/testbed", cwd, exit_code, artefact))


def told(parsed):
    return {failure.id: (failure.location, failure.message) for failure in parsed.failures}


@pytest.mark.parametrize("parser", ["django", "auto"])
def test_django(parser):
    parsed = read(parser, "django.txt", cwd="/testbed/tests")
    strip = "forms_tests.field_tests.test_charfield.CharFieldTest.test_strip"
    assert parsed.results == {
        "forms_tests.field_tests.test_charfield.CharFieldTest.test_charfield_1": "passed",
        strip: "failed",
        "forms_tests.tests.OldTest.test_old_style": "passed",
        "forms_tests.tests.OldTest.test_gis": "skipped",
        "forms_tests.tests.OldTest.test_later": "xfail",
        "forms_tests.tests.OldTest.test_widget": "error",
    }
    assert told(parsed) == {
        "forms_tests.tests.OldTest.test_widget": (
            "django/forms/forms.py:205",
            "django.core.exceptions.FieldError: no widget",
        ),
        strip: (
            "tests/forms_tests/field_tests/test_charfield.py:122",
            "AssertionError: ' 1' != '1'\n-  1\n? -\n+ 1",
        ),
    }
    assert parsed.finished


def test_a_django_run_that_was_killed_names_the_test_at_work():
    text = (OUTPUTS / "django.txt").read_text().partition("test_old_style")[
        0
    ] + "test_old_style (forms_tests.tests.OldTest) ... "
    parsed = parse("django", RunOutput(text, "/testbed", "/testbed/tests", None))
    assert parsed.running == "forms_tests.tests.OldTest.test_old_style"
    assert not parsed.finished


@pytest.mark.parametrize("parser", ["go", "auto"])
def test_go(parser):
    parsed = read(parser, "go.txt")
    assert parsed.results == {
        "example.org/shop/cart.TestTotal/empty": "failed",
        "example.org/shop/cart.TestTotal": "failed",
        "example.org/shop/cart.TestAdd": "passed",
        "example.org/shop/cart.TestLater": "skipped",
        "example.org/shop/cart.TestPanic": "failed",
        "example.org/shop/pay": "error",
    }
    assert told(parsed) == {
        "example.org/shop/cart.TestTotal/empty": ("cart/cart_test.go:14", "Total() = 3, want 0"),
        "example.org/shop/cart.TestPanic": (
            "cart/cart.go:21",
            "panic: runtime error: index out of range [3] with length 0 [recovered]",
        ),
        "example.org/shop/pay": ("pay/pay.go:5", "undefined: total"),
    }


def test_go_whose_compiler_errors_are_plain_text():
    assert told(read("go", "go-before-1.24.txt")) == {"example.org/shop/pay": ("pay/pay.go:5", "undefined: total")}


GO = "".join(f'{{"Action":"{action}","Package":"m","Test":"TestA"}}\n' for action in ("run", "fail", "run", "pass"))
JEST = (
    '{"testResults": [{"name": "/testbed/a.js", "assertionResults": ['
    '{"title": "adds", "status": "failed"}, {"title": "adds", "status": "passed"}]}]}'
)
PHPUNIT = (
    '<testsuite><testcase class="A" name="adds"><failure/></testcase><testcase class="A" name="adds"/></testsuite>'
)


@pytest.mark.parametrize(
    ("parser", "text", "artefact", "name"),
    [("go", GO, "", "m.TestA"), ("jest", "", JEST, "a.js > adds"), ("phpunit", "", PHPUNIT, "A::adds")],
)
def test_a_name_that_failed_and_then_passed_has_failed(parser, text, artefact, name):
    parsed = parse(parser, RunOutput(text, "/testbed", "/testbed", 1, artefact))
    assert parsed.results == {name: "failed"}
    assert [failure.id for failure in parsed.failures] == [name]


def test_jest():
    parsed = read("jest", "jest.json")
    assert parsed.results == {
        "src/sum.test.js > sum > of two > adds": "passed",
        "src/sum.test.js > sum > carries": "failed",
        "src/sum.test.js > later": "skipped",
        "src/bad.test.js": "error",
    }
    messages = told(parsed)
    assert messages["src/sum.test.js > sum > carries"] == (
        "src/sum.test.js:9",
        "Error: expect(received).toBe(expected) // Object.is equality\n\nExpected: 4\nReceived: 3",
    )
    assert messages["src/bad.test.js"][0] == "src/bad.test.js:1"
    assert "Cannot find module './nope'" in messages["src/bad.test.js"][1]


def test_mocha():
    parsed = read("mocha", "mocha.json")
    assert parsed.results == {
        "test/sum.js > sum adds": "passed",
        "test/sum.js > sum carries": "failed",
        "test/sum.js > sum later": "skipped",
    }
    assert told(parsed)["test/sum.js > sum carries"] == (
        "test/sum.js:7",
        "AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:\n\n3 !== 4",
    )


@pytest.mark.parametrize("parser", ["cargo", "auto"])
def test_cargo(parser):
    parsed = read(parser, "cargo.txt", exit_code=101)
    assert parsed.results == {
        "tests::ignored": "skipped",
        "tests::ok": "passed",
        "tests::wrong": "failed",
        "tests::old_style": "failed",
        "tests::returns_error": "failed",
        "tests/it.rs: tests::ok": "passed",
        "src/lib.rs - add (line 2)": "failed",
    }
    assert told(parsed) == {
        "tests::wrong": ("src/lib.rs:10", "assertion `left == right` failed: sum of 1\n  left: 2\n right: 3"),
        "tests::old_style": ("src/lib.rs:14", "assertion failed: `(left == right)`\n  left: `2`,\n right: `3`"),
        "tests::returns_error": ("", 'Error: "nope"'),
        "src/lib.rs - add (line 2)": ("src/lib.rs:4", "assertion failed: demo::add(1, 1) == 3"),
    }


def test_cargo_that_does_not_compile():
    assert told(read("cargo", "cargo-compile.txt", exit_code=101)) == {
        "compile src/lib.rs:1": ("src/lib.rs:1", "error[E0425]: cannot find value `c` in this scope"),
        "compile src/more.rs:12": ("src/more.rs:12", "error: expected one of `!` or `::`, found `(`"),
    }


@pytest.mark.parametrize("parser", ["tap", "auto"])
def test_tap(parser):
    parsed = read(parser, "tap.txt")
    assert parsed.results == {
        "adds numbers": "passed",
        "should be equal": "failed",
        "later": "skipped",
        "wished for": "xfail",
    }
    assert told(parsed) == {"should be equal": ("test/sum.js:6", "expected: 4\nactual: 3")}


def test_pytest_text():
    parsed = read("auto", "pytest.txt")
    assert parsed.counts == {"failed": 1, "passed": 2, "xfail": 1, "error": 1}
    assert told(parsed) == {
        "tests/test_a.py::test_sum[x y]": ("src/calc.py:2", "ValueError: a - b"),
        "tests/test_a.py::TestB::test_b": ("tests/test_a.py:20", "RuntimeError: no server"),
    }


@pytest.mark.parametrize("parser", get_args(ParserName))
@pytest.mark.parametrize(
    "text", ["", "\n\n", "no such command\n", "{\n", "===\nFAIL: \n---- x stdout ----\n# Subtest: \nok\n"]
)
def test_a_text_that_says_nothing_gives_no_result(parser, text):
    parsed = parse(parser, RunOutput(text, "/testbed", "/testbed", 127))
    assert not parsed.failures
    assert set(parsed.results) <= {"test "}


def test_tap_of_thousands_of_assertions_that_nobody_named():
    """With a look at each of the names before for each of them it would take a quarter of an hour."""
    count = 100_000
    text = "".join(f"ok {number} should be equal\n" for number in range(1, count + 1)) + f"1..{count}\n"
    parsed = parse("tap", RunOutput(text, "/testbed", "/testbed", 0))
    assert len(parsed.results) == count
    assert list(parsed.results)[-1] == f"should be equal #{count}"


@pytest.mark.parametrize(
    ("parser", "report"),
    [
        ("jest", '{"testResults": null}'),
        ("jest", "[" * 100_000),
        ("mocha", '{"failures": [1]}'),
        ("rspec", "null"),
        ("rspec", '{"examples": null}'),
        ("pytest", "null"),
        ("auto", "[" * 100_000),
    ],
)
def test_a_report_that_the_code_under_test_has_spoiled_is_an_unfinished_run(parser, report):
    parsed = parse(parser, RunOutput("", "/testbed", "/testbed", 0, report))
    assert (parsed.finished, parsed.results) == (False, {})
