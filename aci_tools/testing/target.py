"""Turning what the agent wants to run into the runner's own arguments."""

from __future__ import annotations

import re
import shlex

from aci_tools.sandbox.base import Sandbox
from aci_tools.testing import names
from aci_tools.testing.plan import TestPlan
from aci_tools.tools.base import ToolError

_GO_TEST = r"(?:Test|Example|Benchmark|Fuzz)\w*"


def command_for(plan: TestPlan, target: str, sandbox: Sandbox) -> str:
    """The command that runs a target.

    Args:
        plan: How tests are run.
        target: Files, ids or a pattern in the runner's own terms, options included; "" for everything.
        sandbox: Where to look whether a word is a path.

    Raises:
        ToolError: This command cannot run a part of the tests.
    """
    if target and plan.parser == "auto" and "{target}" not in plan.command and "npm " not in plan.command:
        raise ToolError(
            f"`{plan.command}` always runs everything. Call run_tests without a target, or use bash for a part of it."
        )
    arguments = _arguments(plan, target, sandbox)
    discovery = re.search(r" discover\b.*$", plan.command) if plan.parser == "unittest" else None
    if discovery and arguments.startswith("-v "):  # named tests are loaded, not discovered
        return _named(plan.command[: discovery.start()], discovery[0], arguments)
    if "{target}" in plan.command:
        return plan.command.replace("{target}", arguments).strip()
    if arguments and plan.command == "npm test --silent":
        arguments = f"-- {arguments}"
    return f"{plan.command} {arguments}" if target else plan.command


def _arguments(plan: TestPlan, target: str, sandbox: Sandbox) -> str:
    words = _words(target)
    if words and words[0].startswith("-"):
        return shlex.join(words)
    match plan.parser:
        case "pytest":
            return _pytest(target, words, plan, sandbox)
        case "unittest":
            return _unittest(words)
        case "django":
            return shlex.join(_dotted(word.removeprefix("tests/")) for word in words)
        case "go":
            return _go(words)
        case "cargo":
            integration = re.fullmatch(r"tests/(\w+)\.rs(?:: (\S+))?", target)
            return f"--test {integration[1]} {integration[2] or ''}".strip() if integration else _one(target, words)
        case "jest":
            return names.in_file(target, words, "-t")
        case "mocha":
            return names.in_file(target, words, "--grep")
        case "rspec":
            return names.in_file(target, words, "-e", pattern=False)
        case "maven":
            return names.for_maven(words)
        case "gradle":
            return names.for_gradle(words)
        case "phpunit" if "::" in target or not re.search(r"[/.]", target or "."):
            return f"--filter {shlex.quote(f'~{names.escaped(target)}~')}"
        case "ctest" if target:
            return f"-R {shlex.quote(names.escaped(target))}"
        case _:
            return shlex.join(words)


def _one(target: str, words: list[str]) -> str:
    """The name of a documentation test, ``src/lib.rs - Ring (line 7)``, is one word."""
    return shlex.quote(target) if " - " in target else shlex.join(words)


def _words(target: str) -> list[str]:
    """The words of a target; an id such as ``test_a.py::test_b[x y]`` is one word, spaces and quotes included."""
    if "[" in target and "::" in target:
        return [target]
    try:
        return shlex.split(target)
    except ValueError:
        return [target]


def _pytest(target: str, words: list[str], plan: TestPlan, sandbox: Sandbox) -> str:
    if not words:
        return ""
    paths = [word.split("::")[0] for word in words]
    tests = " && ".join(f"[ -e {shlex.quote(path)} ]" for path in paths)
    if sandbox.run(tests, cwd=plan.cwd).ok or "/" in target or "::" in target or ".py" in target:
        return shlex.join(words)
    return f"-k {shlex.quote(target)}"


def _unittest(words: list[str]) -> str:
    if all(re.fullmatch(r"\w+", word) for word in words):
        return " ".join(f"-k {word}" for word in words)
    return f"-v {shlex.join(map(_dotted, words))}"


def _named(python: str, discovery: str, arguments: str) -> str:
    """Run named tests under the names that discovery gives them, which begin below its start directory."""
    start = re.search(r" -s (\S+)", discovery)
    if start is None:
        return f"{python} {arguments}"
    prefix = start[1].replace("/", ".") + "."
    names = [name.removeprefix(prefix) for name in arguments.split()]
    return f'export PYTHONPATH="$PWD/{start[1]}${{PYTHONPATH:+:$PYTHONPATH}}"; {python} {" ".join(names)}'


def _dotted(word: str) -> str:
    """``tests/test_a.py::TestB::test_c`` as ``tests.test_a.TestB.test_c``."""
    path, *names = word.split("::")
    if path.endswith(".py"):
        path = path.removesuffix(".py").removeprefix("./").replace("/", ".")
    return ".".join([path, *names])


def _go(words: list[str]) -> str:
    found = [re.fullmatch(rf"(?:\S*?[\w-]\.)?({_GO_TEST}(?:/\S*)?)", word) for word in words]
    tests = [match[1] for match in found if match]  # without the package, which a report puts before it
    packages = [word for word, match in zip(words, found, strict=True) if not match]
    packages = [word if word.startswith(".") else f"./{word}" for word in packages]
    packages = [package.rsplit("/", 1)[0] if package.endswith(".go") else package for package in packages]
    pattern = "/".join(f"^{part}$" for part in tests[0].split("/")) if len(tests) == 1 else f"^({'|'.join(tests)})$"
    return (f"-run {shlex.quote(pattern)} " if tests else "") + shlex.join(packages or ["./..."])
