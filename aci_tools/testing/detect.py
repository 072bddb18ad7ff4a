"""Finding out how a repository's tests are run, by looking at what it says itself."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast, get_args

import yaml

from aci_tools.testing import toolchains
from aci_tools.testing.commands import recognise
from aci_tools.testing.plan import ParserName, TestPlan

if TYPE_CHECKING:
    from aci_tools.session import Session

#: The file in which a repository says itself how it is tested.
PINNED = ".patchwright.yaml"
_CONFIGS = (
    "pytest.ini .pytest.ini pyproject.toml setup.cfg setup.py requirements.txt tox.ini noxfile.py manage.py "
    f"tests/runtests.py GNUmakefile makefile Makefile {PINNED} {toolchains.CONFIGS}"
)
# Says for one Python whether it has pytest, and whether src/ has to be put in front: its packages are not installed, or
# another copy of them would be imported instead (unless that copy holds compiled parts that src/ lacks).
_PYTHON_PROBE = """
import glob, importlib.util as u, json, os, sys
here = os.path.realpath(".")
src = False
for init in glob.glob("src/*/__init__.py"):
    folder = os.path.dirname(init)
    try:
        found = u.find_spec(os.path.basename(folder))
    except Exception:
        found = None
    origin = os.path.realpath(os.path.dirname(found.origin)) if found and found.origin else ""
    if not origin or not (origin + "/").startswith(here + "/"):
        compiled = lambda path: any(f.endswith((".so", ".pyd")) for _, _, fs in os.walk(path) for f in fs)
        src = src or not (origin and compiled(origin) and not compiled(folder))
print(json.dumps({"pytest": u.find_spec("pytest") is not None, "src": src}))
"""
_PROBE = r"""
printf '\0files\0'
git -c core.quotePath=false ls-files --cached --others --exclude-standard |
    grep -E '(^|/)(test[^/]*|[^/]*_test|conftest|__init__)\.py$' | head -n 20000
printf '\0cases\0'
git grep --untracked -lE 'unittest|TestCase' -- 'test*.py' '*/test*.py' 2>/dev/null | head -n 1000
for file in $CONFIGS; do
    if [ -f "$file" ]; then printf '\0%s\0' "$file"; head -c 100000 "$file" | tr -d '\0'; fi
done
printf '\0programs\0'
eval "$PROGRAMS_PROBE"
printf '\0pythons\0'
for python in .venv/bin/python venv/bin/python python python3; do
    if facts="$("$python" -c "$PYTHON_PROBE" 2>/dev/null)"; then
        printf '%s\t%s\n' "$python" "$facts"
        case "$facts" in *'"pytest": true'*) break ;; esac
    fi
done
"""
_PYTEST_SECTIONS = {"pyproject.toml": "[tool.pytest", "setup.cfg": "[tool:pytest]", "tox.ini": "[pytest]"}
# What makes a repository one in Python, whatever else there is: a file of this name with this in it.
_PYTHON_PROJECT = {
    "pytest.ini": "",
    ".pytest.ini": "",
    "setup.py": "",
    "requirements.txt": "",
    "tox.ini": "",
    "noxfile.py": "",
    "manage.py": "",
    "pyproject.toml": r"^\[(?:project|build-system|tool\.poetry|tool\.pytest)",
    "setup.cfg": r"^\[(?:metadata|tool:pytest)\]",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen of a repository.

    Attributes:
        configs: Text of the configuration files that are there, by name.
        files: Python files that look like tests, ``conftest.py`` and ``__init__.py`` files.
        cases: Test files that mention unittest.
        python: The Python to use (one that has pytest, if there is one), or "".
        has_pytest: Whether it can import pytest.
        needs_src: Whether ``src`` has to be put on its path.
        programs: Programs of the project, or installed, that decide how tests are run.
    """

    configs: dict[str, str]
    files: tuple[str, ...]
    cases: tuple[str, ...]
    python: str
    has_pytest: bool
    needs_src: bool
    programs: tuple[str, ...] = ()


def find_plan(session: Session) -> TestPlan | None:
    """How the tests of the session's repository are run.

    The configured test command comes first, then the one that ``.patchwright.yaml`` pins; then what the repository
    says: Django's own runner, unittest where it is asked for, pytest, Django's ``manage.py``, unittest, the build tools
    of other languages, make, and at last tox and nox, which have to install things first. Without a file of a Python
    project, the other languages come first.

    Returns:
        The plan, or ``None`` when nothing is known; :func:`missing` says what was looked for.
    """
    if command := session.settings.test_command:
        return _configured(command, session)
    return choose(look(session), session.root)


def _configured(command: str, session: Session) -> TestPlan:
    source = "the configured test command"
    if re.fullmatch(r"(?:npm|yarn|pnpm)(?: run)? test", command):  # what is behind it is known from package.json
        found = toolchains.choose(look(session).configs, (), session.root)
        if found and found.command.startswith("npm test"):
            return replace(found, source=source)
    asking, parser = recognise(command)
    return TestPlan(asking, parser, session.root, source)


def look(session: Session) -> Facts:
    """Gather the facts with one command."""
    done = session.sandbox.run(
        _PROBE,
        cwd=session.root,
        env={
            "CONFIGS": _CONFIGS,
            "PYTHON_PROBE": _PYTHON_PROBE,
            "PROGRAMS_PROBE": toolchains.PROGRAMS_PROBE,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        timeout=60.0,
        output_limit=8 << 20,
    )
    parts = done.text.split("\0")[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=False))
    pythons = [line.split("\t") for line in sections.pop("pythons", "").splitlines() if "\t" in line]
    files = tuple(sections.pop("files", "").splitlines())
    cases = tuple(sections.pop("cases", "").splitlines())
    programs = tuple(sections.pop("programs", "").splitlines())
    facts = [(python, json.loads(said)) for python, said in pythons]
    python, said = next((fact for fact in facts if fact[1]["pytest"]), facts[0] if facts else ("", {}))
    return Facts(sections, files, cases, python, bool(said.get("pytest")), bool(said.get("src")), programs)


def choose(facts: Facts, root: str) -> TestPlan | None:
    """The plan that the facts speak for."""
    if pinned := _pinned(facts.configs.get(PINNED, ""), root):
        return pinned
    other = toolchains.choose(facts.configs, facts.programs, root)
    if other and not _is_python_project(facts.configs):
        return other
    return _python(facts, root) or other or _general(facts.configs, root)


def _pinned(text: str, root: str) -> TestPlan | None:
    """The plan that a repository states itself; ``None`` where it states none that can be understood."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    environment = document.get("environment") if isinstance(document, dict) else None
    stated = environment if isinstance(environment, dict) else {}
    command, parser = stated.get("test_command"), stated.get("parser")
    if not isinstance(command, str) or not command:
        return None
    if parser in get_args(ParserName):
        return TestPlan(command, cast(ParserName, parser), root, PINNED)
    return TestPlan(*recognise(command), root, PINNED)


def _is_python_project(configs: Mapping[str, str]) -> bool:
    return any(name in configs and re.search(sign, configs[name], re.M) for name, sign in _PYTHON_PROJECT.items())


def _python(facts: Facts, root: str) -> TestPlan | None:
    configs = facts.configs
    python = f'PYTHONPATH="$PWD/src${{PYTHONPATH:+:$PYTHONPATH}}" {facts.python}' if facts.needs_src else facts.python
    unittest = TestPlan(f"{python} -m unittest discover -v", "unittest", root, "unittest test cases")
    if facts.python and "django" in configs.get("tests/runtests.py", ""):
        python = f"../{python}" if "/" in python else python
        return TestPlan(f"{python} runtests.py --verbosity 2", "django", f"{root}/tests", "tests/runtests.py")
    if facts.python and facts.cases and (source := _unittest_source(configs)):
        return replace(unittest, command=f"{unittest.command}{_start(facts)}", source=source)
    if facts.has_pytest and (source := _pytest_source(facts)):
        return TestPlan(f"{python} -m pytest -q", "pytest", root, source)
    if facts.python and "django" in configs.get("manage.py", ""):
        return TestPlan(f"{python} manage.py test --verbosity 2", "django", root, "manage.py")
    if facts.python and facts.cases:
        return replace(unittest, command=f"{unittest.command}{_start(facts)}")
    return None


def _general(configs: Mapping[str, str], root: str) -> TestPlan | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if target := re.search(r"^(test|check)\s*:(?!=)", configs.get(name, ""), re.M):
            return TestPlan(f"make {target[1]}", "auto", root, f"{name}, target {target[1]}")
    if "[testenv" in configs.get("tox.ini", ""):
        return TestPlan("tox", "auto", root, "tox.ini")
    if "noxfile.py" in configs:
        return TestPlan("nox", "auto", root, "noxfile.py")
    return None


def missing(session: Session) -> str:
    """What to say when there is no plan."""
    facts = look(session)
    if _pytest_source(facts) and not facts.has_pytest:
        return (
            "The tests here are written for pytest, but no Python in this sandbox can import pytest. "
            "Check your change by running code with bash instead, e.g. `python3 -c '...'`."
        )
    return (
        "No way to run tests was found (looked for pytest, unittest, Django, npm, Go, Cargo, Maven, Gradle, "
        "RSpec, PHPUnit, CTest, make, tox and nox). "
        "Look for a script with `ls` in bash and run it there, or check your change with a small script of your own."
    )


def _unittest_source(configs: Mapping[str, str]) -> str:
    """The file that says that tests are run by unittest, if none speaks of pytest."""
    if any("pytest" in configs.get(name, "") for name in (*_PYTHON_PROJECT, "Makefile")):
        return ""
    return next((name for name in ("tox.ini", "noxfile.py", "Makefile") if "unittest" in configs.get(name, "")), "")


def _pytest_source(facts: Facts) -> str:
    for name in ("pytest.ini", ".pytest.ini"):
        if name in facts.configs:
            return name
    for name, section in _PYTEST_SECTIONS.items():
        if section in facts.configs.get(name, ""):
            return name
    names = [PurePosixPath(file).name for file in facts.files]
    if "conftest.py" in names:
        return "conftest.py"
    return "test files" if any(name.startswith("test_") or name.endswith("_test.py") for name in names) else ""


def _start(facts: Facts) -> str:
    """Where discovery starts: in the directory above the outermost package of most test files."""
    inits = {str(PurePosixPath(file).parent) for file in facts.files if file.endswith("__init__.py")}
    tops: Counter[str] = Counter()
    for case in facts.cases:
        folder = PurePosixPath(case).parent
        while str(folder) in inits:
            folder = folder.parent
        tops[str(folder)] += 1
    top = tops.most_common(1)[0][0]
    return "" if top == "." else f" -s {shlex.quote(top)}"
