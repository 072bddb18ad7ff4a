"""Twelve small real projects, each with one bug that one of its own tests shows.

They are written in nine languages and built and tested in twelve ways. Their files are in ``projects/``, one directory
each; a test asks for a copy that is a git repository.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FILES = Path(__file__).with_name("projects")


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        name: Its directory in ``projects/``.
        language: What it is written in.
        runner: What runs its tests.
        passed: Ids of the tests that pass.
        failed: Id of the test that shows the bug.
        location: Where its failure is to be looked for, as ``path:line``, or "" where the runner does not say.
        message: A part of what the failure says.
        file: The file with the bug.
        bug: Its text in the file.
        fix: What to put in its place.
        packages: Debian packages that the project needs, in a container with git and Python.
        skipped: How many of its tests are skipped.
        install: What installs the project's own dependencies from the registries.
        part: What is asked for to run the failing test alone, where its id cannot be.
    """

    name: str
    language: str
    runner: str
    passed: tuple[str, ...]
    failed: str
    location: str
    message: str
    file: str
    bug: str
    fix: str
    packages: tuple[str, ...] = ()
    skipped: int = 0
    install: str = ""
    part: str = ""

    @property
    def target(self) -> str:
        """What to ask for to run the failing test, and fewer than all."""
        return self.part or self.failed

    def write(self, directory: Path) -> Path:
        """Make the project a git repository with one commit in ``directory``, which must not exist yet."""
        shutil.copytree(_FILES / self.name, directory)
        commit = (
            "git init -q -b main && git add -A && git -c user.name=a -c user.email=a@example.org commit -q -m first"
        )
        subprocess.run(commit, shell=True, cwd=directory, check=True)
        return directory

    def source(self, path: str) -> str:
        """The text of one of its files, as it is at first."""
        return (_FILES / self.name / path).read_text()

    def mend(self, directory: Path) -> None:
        """Fix the bug in a copy."""
        path = directory / self.file
        text = path.read_text()
        assert text.count(self.bug) == 1
        path.write_text(text.replace(self.bug, self.fix))


PROJECTS = (
    Project(
        name="python-pytest",
        language="Python",
        runner="pytest",
        passed=(
            "tests/test_book.py::test_days_are_in_order",
            "tests/test_book.py::test_balance[2024-02-28-0]",
            "tests/test_book.py::test_balance[None-13]",
        ),
        failed="tests/test_book.py::test_balance_counts_the_day_itself",
        location="tests/test_book.py:26",
        message="assert 10 == 13",
        file="src/ledger/book.py",
        bug="(True, False)",
        fix="(True, True)",
        skipped=1,
        install="python3 -m pip install -q --break-system-packages -e '.[test]'",
    ),
    Project(
        name="python-unittest",
        language="Python",
        runner="unittest",
        passed=(
            "tests.test_temperature.FahrenheitTest.test_freezing",
            "tests.test_temperature.KelvinTest.test_freezing",
            "tests.test_temperature.KelvinTest.test_too_cold",
        ),
        failed="tests.test_temperature.FahrenheitTest.test_boiling",
        location="tests/test_temperature.py:11",
        message="!= 212",
        file="temperature/__init__.py",
        bug="5 / 9",
        fix="9 / 5",
        skipped=1,
    ),
    Project(
        name="javascript-jest",
        language="JavaScript",
        runner="Jest",
        passed=(
            "test/cart.test.js > Cart > is empty at first",
            "test/cart.test.js > Cart > multiplies prices by counts",
            "test/cart.test.js > Cart > refuses to add nothing",
        ),
        failed="test/cart.test.js > Cart > adds to what is there",
        location="test/cart.test.js:22",
        message="Received: 300",
        file="src/cart.js",
        bug="{ price, count });",
        fix="{ price, count: count + (this.lines.get(name)?.count ?? 0) });",
        packages=("nodejs", "npm"),
        skipped=1,
        install="npm install --no-package-lock",
    ),
    Project(
        name="typescript-vitest",
        language="TypeScript",
        runner="Vitest",
        passed=(
            "test/intervals.test.ts > merge > has nothing to do",
            "test/intervals.test.ts > merge > joins what touches",
            "test/intervals.test.ts > merge > leaves gaps",
        ),
        failed="test/intervals.test.ts > merge > keeps what encloses",
        location="test/intervals.test.ts:20",
        message="expected [ { start: 1, end: 3 } ]",
        file="src/intervals.ts",
        bug="end: interval.end }",
        fix="end: Math.max(last.end, interval.end) }",
        packages=("nodejs", "npm"),
        skipped=1,
        install="npm install --no-package-lock",
    ),
    Project(
        name="javascript-node",
        part="test/query.test.js",
        language="JavaScript",
        runner="node --test",
        passed=("nothing", "two at once", "values > are by name", "values > may be missing"),
        failed="values > may contain an equals sign",
        location="test/query.test.js:19",
        message="Expected values to be strictly deep-equal",
        file="lib/query.js",
        bug='const [name, value = ""] = part.split("=");',
        fix='const [name, ...rest] = part.split("=");\n    const value = rest.join("=");',
        packages=("nodejs", "npm"),
        skipped=1,
    ),
    Project(
        name="go",
        language="Go",
        runner="go test",
        passed=(
            "example.org/numerals.TestBoth",
            "example.org/numerals.TestOrdinal",
            "example.org/numerals/roman.TestFormat",
        ),
        failed="example.org/numerals.TestOrdinalOfTeens/eleven",
        location="numerals_test.go:22",
        message='Ordinal(11) = "11st", want "11th"',
        file="numerals.go",
        bug="switch n % 10 {",
        fix="if n%100 >= 11 && n%100 <= 13 {\n\t\treturn decimal(n) + suffix\n\t}\n\tswitch n % 10 {",
        packages=("golang-go",),
        skipped=1,
    ),
    Project(
        name="rust",
        language="Rust",
        runner="cargo test",
        passed=(
            "tests::an_empty_ring_has_nothing",
            "tests::a_ring_needs_room",
            "tests/forgets.rs: keeps_what_fits",
            "src/lib.rs - Ring (line 7)",
        ),
        failed="tests/forgets.rs: forgets_the_oldest",
        location="tests/forgets.rs:15",
        message="right: `Some(1)`",
        file="src/lib.rs",
        bug="pop_back()",
        fix="pop_front()",
        packages=("cargo",),
        skipped=1,
    ),
    Project(
        name="java-maven",
        language="Java",
        runner="Maven, JUnit",
        passed=(
            "org.example.bank.IbanTest.acceptsSpaces",
            "org.example.bank.IbanTest.seesSwappedDigits",
            "org.example.bank.IbanTest.isNotValidWhenShort",
        ),
        failed="org.example.bank.IbanTest.countryIsInCapitals",
        location="src/test/java/org/example/bank/IbanTest.java:28",
        message="expected:<[GB]> but was:<[gb]>",
        file="src/main/java/org/example/bank/Iban.java",
        bug="number.substring(0, 2)",
        fix="number.substring(0, 2).toUpperCase()",
        packages=(
            "maven",
            "default-jdk-headless",
            "junit4",
            "libmaven-compiler-plugin-java",
            "libmaven-resources-plugin-java",
            "libsurefire-java",
        ),
        skipped=1,
    ),
    Project(
        name="java-gradle",
        language="Java",
        runner="Gradle, JUnit",
        passed=("org.example.words.CountTest.countsWhateverTheCase", "org.example.words.LongestTest.takesTheFirst"),
        failed="org.example.words.CountTest.anEmptyTextHasNoWords",
        location="src/test/java/org/example/words/CountTest.java:16",
        message="counted {=1}",
        file="src/main/java/org/example/words/Words.java",
        bug='for (String word : text.toLowerCase().split("\\\\W+")) {',
        fix='for (String word : text.toLowerCase().split("\\\\W+")) {\n            if (word.isEmpty()) continue;',
        packages=("gradle", "default-jdk-headless", "junit4"),
        skipped=1,
    ),
    Project(
        name="ruby-rspec",
        language="Ruby",
        runner="RSpec",
        passed=(
            "spec/playlist_spec.rb > Playlist keeps the order",
            "spec/playlist_spec.rb > Playlist refuses songs without a length",
            "spec/playlist_spec.rb > Playlist#duration sums up",
        ),
        failed="spec/playlist_spec.rb > Playlist#duration has two digits for seconds",
        location="spec/playlist_spec.rb:20",
        message='expected: "4:05"',
        file="lib/playlist.rb",
        bug='"#{minutes}:#{seconds}"',
        fix='format("%d:%02d", minutes, seconds)',
        packages=("ruby-rspec",),
        skipped=1,
    ),
    Project(
        name="php-phpunit",
        language="PHP",
        runner="PHPUnit",
        passed=(
            'Example\\Colour\\Tests\\ColourTest::testGoesThereAndBack with data set "black"',
            'Example\\Colour\\Tests\\ColourTest::testGoesThereAndBack with data set "teal"',
            "Example\\Colour\\Tests\\ColourTest::testRefusesNames",
        ),
        failed="Example\\Colour\\Tests\\ColourTest::testTakesCapitals",
        location="src/Colour.php:22",
        message="#ABCDEF is no colour",
        file="src/Colour.php",
        bug="{6}$/'",
        fix="{6}$/i'",
        packages=("phpunit",),
        skipped=1,
    ),
    Project(
        name="cpp-ctest",
        language="C++",
        runner="CTest",
        passed=("identity", "multiply"),
        failed="transpose",
        location="tests/test_transpose.cpp:12",
        message="Assertion `!(column == row)' failed",
        file="src/matrix.cpp",
        bug="return values_ == other.values_;",
        fix="return rows_ == other.rows_ && values_ == other.values_;",
        packages=("cmake", "make", "g++"),
        skipped=1,
    ),
)
