"""Readers of the output of build tools; the texts are what the tools wrote about the projects in tests/languages."""

from __future__ import annotations

import pytest

from aci_tools.testing.parsers import RunOutput, parse
from tests.aci_tools.testing.test_parsers import OUTPUTS, told

TESTS = "src/test/java/org/example/bank"
JAVA = ("src/main/java/org/example/bank/Iban.java", f"{TESTS}/CauseTest.java", f"{TESTS}/IbanTest.java")


def read(parser, name, *, exit_code=1, sources=()):
    text = (OUTPUTS / name).read_text()
    output, artefact = ("", text) if name.endswith((".xml", ".json")) else (text, "")
    return parse(parser, RunOutput(output, "/testbed", "/testbed", exit_code, artefact, sources))


def test_maven():
    parsed = read("maven", "maven.xml", sources=JAVA)
    test = "org.example.bank.IbanTest"
    assert parsed.results == {
        "org.example.bank.CauseTest.wrapped": "error",
        f"{test}.acceptsSpaces": "passed",
        f"{test}.knowsLengthsByCountry": "skipped",
        f"{test}.isNotValidWhenShort": "passed",
        f"{test}.countryIsInCapitals": "failed",
        f"{test}.seesSwappedDigits": "passed",
    }
    wrapped, country = parsed.failures
    assert [str(place) for place in wrapped.places] == [f"{TESTS}/CauseTest.java:11", f"{TESTS}/CauseTest.java:9"]
    assert wrapped.message == (
        "java.lang.IllegalStateException: no country\n"
        "Caused by: java.lang.StringIndexOutOfBoundsException: begin 0, end 2, length 0"
    )
    assert [str(place) for place in country.places] == [f"{TESTS}/IbanTest.java:28"]


def test_a_report_that_was_cut_off_leaves_the_others():
    text = (OUTPUTS / "maven.xml").read_text()
    parsed = parse("maven", RunOutput("", "/testbed", "/testbed", None, text[:-100], JAVA))
    assert parsed.results == {"org.example.bank.CauseTest.wrapped": "error"}
    assert not parsed.finished


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("maven", "src/main/java/org/example/bank/Iban.java:25", "';' expected"),
        (
            "gradle",
            "src/main/java/org/example/words/Words.java:22",
            "incompatible types: int cannot be converted to String",
        ),
    ],
)
def test_java_that_does_not_compile(name, place, message):
    parsed = read(name, f"{name}-compile.txt")
    assert parsed.results == {f"compile {place}": "error"}
    assert told(parsed) == {f"compile {place}": (place, message)}


def test_warnings_of_compilers_are_no_errors():
    text = "[WARNING] /testbed/src/A.java:[3,4] [deprecation]\nw: file:///testbed/src/A.kt:3:1 unused\n"
    text += "/testbed/src/A.java:3: warning: [removal]\ne: file:///testbed/src/A.kt:9:2 Unresolved reference: b\n"
    parsed = parse("gradle", RunOutput(text, "/testbed", "/testbed", 1))
    assert told(parsed) == {"compile src/A.kt:9": ("src/A.kt:9", "Unresolved reference: b")}


def test_rspec():
    parsed = read("rspec", "rspec.json")
    assert parsed.results == {
        "spec/errors_spec.rb > errors raises": "failed",
        "spec/errors_spec.rb > errors stays open": "skipped",
        "spec/playlist_spec.rb > Playlist keeps the order": "passed",
        "spec/playlist_spec.rb > Playlist refuses songs without a length": "passed",
        "spec/playlist_spec.rb > Playlist#duration sums up": "passed",
        "spec/playlist_spec.rb > Playlist#duration has two digits for seconds": "failed",
        "spec/playlist_spec.rb > Playlist#duration counts hours": "skipped",
    }
    raised, wrong = parsed.failures
    assert [str(place) for place in raised.places] == ["spec/errors_spec.rb:4", "lib/playlist.rb:10"]
    assert raised.message == "ArgumentError: Silence has no length"
    assert (wrong.location, wrong.message.splitlines()[0]) == ("spec/playlist_spec.rb:20", 'expected: "4:05"')


def test_a_file_that_rspec_cannot_load():
    assert told(read("rspec", "rspec-broken.json")) == {
        "spec/broken_spec.rb": (
            "spec/broken_spec.rb:1",
            'require "nothing_of_the_kind"\nLoadError:\ncannot load such file -- nothing_of_the_kind',
        )
    }


def test_phpunit():
    parsed = read("phpunit", "phpunit.xml")
    colour, more = "Example\\Colour\\Tests\\ColourTest::test", "Example\\Colour\\Tests\\MoreTest::test"
    assert parsed.results == {
        f'{colour}GoesThereAndBack with data set "black"': "passed",
        f'{colour}GoesThereAndBack with data set "teal"': "passed",
        f"{colour}RefusesNames": "passed",
        f"{colour}TakesCapitals": "error",
        f"{colour}TakesShortForms": "skipped",
        f"{more}Blue": "failed",
        f"{more}Type": "error",
        f"{more}Incomplete": "skipped",
    }
    capitals, blue, _ = parsed.failures
    assert [str(place) for place in capitals.places] == ["tests/ColourTest.php:32", "src/Colour.php:22"]
    assert capitals.message == "InvalidArgumentException: #ABCDEF is no colour"
    assert (blue.location, blue.message) == (
        "tests/MoreTest.php:12",
        "blue\nFailed asserting that 2 is identical to 1.",
    )


def test_php_that_cannot_be_run():
    fatal = "Fatal error: Cannot override final method Exception::getMessage()"
    assert told(read("phpunit", "phpunit-fatal.txt")) == {"src/Colour.php": ("src/Colour.php:28", fatal)}
    start = 'ParseError: syntax error, unexpected token "{", expecting variable'
    assert told(read("phpunit", "phpunit-parse.txt")) == {"bootstrap script": ("", start)}


@pytest.mark.parametrize("parser", ["ctest", "auto"])
def test_ctest(parser):
    parsed = read(parser, "ctest.txt", exit_code=8)
    assert parsed.results == {
        "identity": "passed",
        "multiply": "passed",
        "transpose": "failed",
        "huge": "skipped",
        "hangs": "failed",
        "has": "error",
        "missing": "error",
        "off": "skipped",
        "says_wrong": "failed",
    }
    messages = told(parsed)
    assert messages["transpose"] == (
        "tests/test_transpose.cpp:12",
        "test_transpose: /testbed/tests/test_transpose.cpp:12: int main(): Assertion `!(column == row)' failed.",
    )
    assert messages["hangs"] == ("", "Timeout")
    assert messages["missing"][1].startswith("Not Run\nCould not find executable not_there")
    assert messages["says_wrong"][1].startswith("Failed  Required regular expression not found.")
    assert parsed.finished


def test_a_run_of_ctest_that_was_killed_names_the_test_at_work():
    text = (OUTPUTS / "ctest.txt").read_text().partition("5/9 Test")[0]
    parsed = parse("ctest", RunOutput(text, "/testbed", "/testbed", None))
    assert (parsed.running, parsed.finished, parsed.results["huge"]) == ("hangs", False, "skipped")


@pytest.mark.parametrize(
    "said", ["/testbed/tests/a.cpp:7: Failure\nvalues differ", "tests/a.cpp(7): error in case\nvalues differ"]
)
def test_what_other_frameworks_say_below_ctest_tells_the_place(said):
    text = f"1/1 Test #1: a .........***Failed  0.01 sec\nRunning main() from main.cc\n{said}\n\n"
    text += "0% tests passed, 1 tests failed out of 1\n"
    (failure,) = parse("ctest", RunOutput(text, "/testbed", "/testbed", 8)).failures
    assert (failure.location, failure.message) == ("tests/a.cpp:7", said)


def test_cmake_that_fails():
    assert told(read("ctest", "ctest-compile.txt", exit_code=2)) == {
        "compile src/matrix.cpp:10": ("src/matrix.cpp:10", "‘one’ was not declared in this scope")
    }
    assert told(read("ctest", "ctest-configure.txt")) == {
        "compile CMakeLists.txt:10": ("CMakeLists.txt:10", 'Unknown CMake command "enable_testin".')
    }
