"""What runs in a sandbox to judge a patch: the tests that the verdict needs, and no others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from tasks.grading.patches import sections
from tasks.task import Task

#: What SWE-bench marks the tests' output with.
START, END, EXIT_CODE = ">>>>> Start Test Output", ">>>>> End Test Output", ">>>>> Test Exit Code"

_NO_TESTS = (".json", ".png", "csv", ".txt", ".md", ".jpg", ".jpeg", ".pkl", ".yml", ".yaml", ".toml")
_COMMANDS = {
    "django/django": "./tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1",
    "sympy/sympy": "PYTHONWARNINGS='ignore::UserWarning,ignore::SyntaxWarning' bin/test -C --verbose",
}
_PACKAGING = ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "meson.build", "CMakeLists.txt")
_COMPILED = ("*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hpp", "*.pyx", "*.pxd", "*.pxi", "*.f", "*.f90", "*.rs")
_INSTALLS_ITSELF = re.compile(r"\bpip3? install\b(?=.*(?:^|\s)['\"]?\.(?:\[[^\]]*\])?['\"]?(?:\s|$))")
_OFFLINE = "--no-index --no-deps --no-build-isolation"


def directives(task: Task) -> tuple[str, ...]:
    """The test files that a task's test patch names, in the form its runner takes: SWE-bench's rule."""
    named = [section.paths[-1] for section in sections(task.test_patch) if section.paths]
    files = [path for path in dict.fromkeys(named) if not path.endswith(_NO_TESTS)]
    if task.repo != "django/django":
        return tuple(files)
    return tuple(path.removesuffix(".py").removeprefix("tests/").replace("/", ".") for path in files)


def test_command(task: Task) -> str:
    """The shell command that runs a task's judging tests."""
    if task.environment is not None and task.environment.test_command:
        return task.environment.test_command
    files = shlex.join(directives(task))
    return f"{_COMMANDS.get(task.repo, 'pytest -rA')} {files}".strip()


def reinstall_commands(task: Task, changed: Iterable[str]) -> list[str]:
    """The commands that build and install the repository anew, where only that puts a patch into effect.

    That is so when it changes packaging or compiled files, and always when the tests import an installed copy.

    They reach no index: everything that a build needs has to be in the environment.

    Args:
        task: Its environment tells how it was installed.
        changed: What the patch changed.
    """
    names = [PurePosixPath(path).name for path in changed]
    needed = any(name in _PACKAGING or any(fnmatchcase(name, p) for p in _COMPILED) for name in names)
    if not (needed or (names and _installed_copy(task))) or task.environment is None:
        return []
    return [
        _INSTALLS_ITSELF.sub(lambda found: f"{found[0]} {_OFFLINE}", line)
        for line in task.environment.install
        if _INSTALLS_ITSELF.search(line)
    ]


def _installed_copy(task: Task) -> bool:
    """Whether the tests import a copy of the repository that was installed, so that any patch needs installing."""
    lines = task.environment.install if task.environment else ()
    return any(_INSTALLS_ITSELF.search(line) and not re.search(r"\s(?:-e|--editable)\b", line) for line in lines)


def script(task: Task) -> str:
    """The script of an evaluation, in the form that SWE-bench gives its own; for the record."""
    lines = ["#!/bin/bash", "set -uxo pipefail"]
    if task.test_patch:
        lines += ["git apply -v - <<'EOF_114329324912'", task.test_patch.rstrip("\n"), "EOF_114329324912"]
    lines += [f": '{START}'", test_command(task), "SWEBENCH_TEST_EXIT_CODE=$?", f": '{END}'"]
    return "\n".join([*lines, f'echo "{EXIT_CODE}: $SWEBENCH_TEST_EXIT_CODE"', ""])


def between_marks(eval_script: str) -> list[str]:
    """The lines of SWE-bench's own script that run the tests."""
    _, _, rest = eval_script.partition(f": '{START}'\n")
    return [line for line in rest.partition(f": '{END}'")[0].splitlines() if line.strip()]


def published(eval_script: str, setup: str, opening: str, closing: str) -> str:
    """SWE-bench's own script, with our report around the test command and boundaries that tests cannot guess.

    Args:
        eval_script: The script of the published image.
        setup: Shell lines that our report needs.
        opening: Line that is printed before the tests' output.
        closing: Line that is printed after it, with the exit code of the test command after a space.
    """
    lines: list[str] = []
    for line in eval_script.splitlines():
        if START in line:
            lines += [line, "set +x", setup, f"echo {shlex.quote(opening)}", "set -x"]
        elif END in line:
            lines += [f"{{ echo {shlex.quote(closing)} $?; }} 2>/dev/null", line]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
