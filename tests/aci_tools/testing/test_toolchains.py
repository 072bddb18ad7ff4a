"""How projects in other languages are tested, in whole and in part."""

from __future__ import annotations

import json

import pytest

from aci_tools.testing.commands import recognise
from aci_tools.testing.detect import Facts
from aci_tools.testing.detect import choose as choose_any
from aci_tools.testing.plan import TestPlan
from aci_tools.testing.target import command_for
from aci_tools.testing.toolchains import choose

JSON = '--ci --json --outputFile="$PATCHWRIGHT_RESULTS"'
RSPEC = '--format progress --format json --out "$PATCHWRIGHT_RESULTS"'
GRADLE = "--no-daemon --console=plain --continue cleanTest test"


@pytest.mark.parametrize(
    ("configs", "programs", "command"),
    [
        ({"pom.xml": ""}, ("mvn",), "mvn -B -fae test"),
        ({"pom.xml": "", "mvnw": ""}, (), "sh ./mvnw -B -fae test"),
        ({"pom.xml": "", "mvnw": ""}, ("mvn",), "mvn -B -fae test"),
        ({"build.gradle.kts": "", "gradlew": ""}, ("gradle", "gradlew"), f"sh ./gradlew {GRADLE}"),
        ({"settings.gradle": ""}, ("gradle",), f"gradle {GRADLE}"),
        ({"Gemfile": "gem 'rspec'\n"}, (), f"rspec {RSPEC}"),
        ({"Gemfile": "", ".rspec": ""}, ("bundle",), f"bundle exec rspec {RSPEC}"),
        ({"phpunit.xml.dist": "<phpunit/>"}, (), 'phpunit --log-junit "$PATCHWRIGHT_RESULTS"'),
        (
            {"composer.json": '{"require-dev": {"phpunit/phpunit": "*"}}'},
            ("vendor/bin/phpunit",),
            'vendor/bin/phpunit --log-junit "$PATCHWRIGHT_RESULTS"',
        ),
        ({"package.json": '{"devDependencies": {"jest": "29"}}'}, (), f"npx --no-install jest {JSON}"),
        ({"package.json": '{"scripts": {"test": "node --test"}}'}, (), "npm test --silent"),
    ],
)
def test_the_build_file_decides(configs, programs, command):
    plan = choose(configs, programs, "/testbed")
    assert plan is not None
    assert plan.command == command


@pytest.mark.parametrize(
    "configs", [{}, {"Gemfile": "gem 'rails'"}, {"composer.json": "{}"}, {"CMakeLists.txt": "project(a)"}]
)
def test_a_build_file_that_speaks_of_no_tests_gives_no_plan(configs):
    assert choose(configs, (), "/testbed") is None


def test_scripts_in_python_do_not_hide_what_a_project_is():
    configs = {"CMakeLists.txt": "enable_testing()\n", "pyproject.toml": "[tool.ruff]\n"}
    facts = Facts(configs, ("scripts/test_release.py",), (), "python3", True, False)
    assert choose_any(facts, "/testbed").parser == "ctest"
    facts.configs["pyproject.toml"] = "[project]\nname = 'bindings'\n"
    assert choose_any(facts, "/testbed").parser == "pytest"


@pytest.mark.parametrize(
    ("given", "asking", "parser"),
    [
        ("npx vitest", 'npx vitest --run --reporter=json --outputFile="$PATCHWRIGHT_RESULTS"', "jest"),
        ("bundle exec rspec spec/unit", f"bundle exec rspec spec/unit {RSPEC}", "rspec"),
        ("go test ./...", "grep '^module ' go.mod; go test -json {target}", "go"),
        ("cd a && X=1 go test -v ./...", "cd a && grep '^module ' go.mod; X=1 go test -json -v {target}", "go"),
        ("go test ./pkg/...", "grep '^module ' go.mod; go test -json ./pkg/...", "go"),
        ("./gradlew check", "./gradlew check", "gradle"),
        ("mvn -q verify", "mvn -q verify", "maven"),
        ("cd build && ctest", "cd build && ctest --output-on-failure", "ctest"),
        ("vendor/bin/phpunit --log-junit mine.xml", "vendor/bin/phpunit --log-junit mine.xml", "auto"),
        ("jest | tee log", "jest | tee log", "auto"),
        ("make test", "make test", "auto"),
    ],
)
def test_the_runner_in_a_given_command_is_asked_for_its_report(given, asking, parser):
    assert recognise(given) == (asking, parser)
    assert recognise(asking)[1] == parser


def test_npm_test_as_the_given_command_is_what_package_json_says(project):
    from aci_tools.testing import find_plan

    package = json.dumps({"scripts": {"test": "jest"}})
    plan = find_plan(project({"package.json": package}, test_command="npm test"))
    assert (plan.command, plan.parser) == (f"npm test --silent -- {JSON}", "jest")


MODULES = "-Dsurefire.failIfNoSpecifiedTests=false -DfailIfNoTests=false"


@pytest.mark.parametrize(
    ("parser", "target", "arguments"),
    [
        ("maven", "org.x.ATest.adds", f"-Dtest='org.x.ATest#adds' {MODULES}"),
        ("maven", "src/test/java/org/x/ATest.java", f"-Dtest=org.x.ATest {MODULES}"),
        ("maven", "ATest#adds[1]", f"-Dtest='ATest#adds' {MODULES}"),
        ("maven", "adds", f"-Dtest='*#adds' {MODULES}"),
        ("gradle", "org.x.ATest.adds(int)", "--tests org.x.ATest.adds"),
        ("gradle", "ATest BTest", "--tests '*ATest' --tests '*BTest'"),
        ("gradle", "adds", "--tests '*.adds'"),
        ("rspec", "spec/a_spec.rb > A#b is (c)", "spec/a_spec.rb -e 'A#b is (c)'"),
        ("rspec", "spec/a_spec.rb:12", "spec/a_spec.rb:12"),
        ("rspec", "is c", "-e 'is c'"),
        ("phpunit", "A\\BTest::testC", "--filter '~A\\\\BTest::testC~'"),
        ("phpunit", "tests/BTest.php", "tests/BTest.php"),
        ("ctest", "multiply", "-R multiply"),
        ("jest", "test/a.js > A > b (c)", "test/a.js -t 'A b \\(c\\)'"),
        ("cargo", "tests/it.rs: adds", "--test it adds"),
        ("cargo", "src/lib.rs - A (line 3)", "'src/lib.rs - A (line 3)'"),
        ("go", "example.org/a/b.TestC/d", "-run '^TestC$/^d$' ./..."),
        ("go", "b/c_test.go", "./b"),
    ],
)
def test_a_part_of_the_tests(project, parser, target, arguments):
    session = project({"README": ""})
    plan = TestPlan("runner", parser, session.root, "")
    assert command_for(plan, target, session.sandbox) == f"runner {arguments}"
    assert command_for(plan, "", session.sandbox) == "runner"
