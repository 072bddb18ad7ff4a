"""What a Python project needs: a virtual environment with the project, its dependencies and what its tests import."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

from tasks.environments.debian import packaged, python_image
from tasks.environments.hints import Hints
from tasks.environments.languages.python_metadata import Metadata, read_metadata
from tasks.environments.proposal import Needs
from tasks.environments.tree import Tree

#: Where the virtual environment is: outside the repository, so that it is no part of it.
PLACE = "/opt/environment"

_TESTS = ("test_*.py", "*_test.py", "tests.py", "conftest.py")
_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "tox.ini", "pytest.ini", "noxfile.py", "manage.py")
_REQUIREMENTS = re.compile(
    r"(?:requirements/)?(?:(?:requirements[-_.])?(?:tests?|testing|dev|develop|development|ci)(?:[-_.]requirements)?"
    r"|requirements)\.(?:txt|pip)|requirements/(?:base|main|common)\.txt"
)
_EXTRAS = ("test", "tests", "testing", "dev", "develop", "development", "all")
_COMPILED = ("*.pyx", "*.pxd", "*.c", "*.cc", "*.cpp", "*.h", "*.hpp", "*.f", "*.f90", "*.rs", "meson.build")
_INPUTS = (*_MANIFESTS, "*requirement*.txt", "*requirement*.pip", "requirements/*", "*constraint*.txt", "MANIFEST.in")
_LOOKS_ITSELF_UP = re.compile(r"\b(?:importlib[._]metadata|pkg_resources)\b")
_SAFE = re.compile(r"[A-Za-z0-9][\w.,\-\[\]<>=!~* ;'\"]*")


def needs(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a Python project, none if it imports nothing but itself; ``None`` where there is no such project."""
    requirements = [path for path in tree.paths if _REQUIREMENTS.fullmatch(path)]
    manifests = [name for name in _MANIFESTS if name in tree]
    if not (manifests or requirements) or not tree.has("*.py"):
        return None
    tests = tree.has(*_TESTS)
    metadata = read_metadata(tree)
    compiled = metadata.builds_extensions
    steps, why = _steps(tree, hints, metadata, requirements)
    if not steps and not compiled and not _must_be_installed(tree, metadata):
        return Needs("Python", tests)
    install = [f"python3 -m venv {PLACE}", f". {PLACE}/bin/activate", "python -m pip install --upgrade pip"]
    if metadata.installable:
        install.append(_project(hints, metadata))
        why.append(f"{metadata.file}: the project is installed, with its dependencies")
    install += [*steps, "python -m pip install pytest"]
    image = python_image(metadata.requires_python, tree.text(".python-version") or hints.versions.get("python", ""))
    if image:
        why.append(f"{metadata.file} asks for Python {metadata.requires_python}; Debian has {packaged('python')}")
    if "rust" in compiled:
        packages: tuple[str, ...] = ("build-essential", "python3-dev", "cargo")
    elif compiled:
        packages = ("build-essential", "python3-dev", *(("gfortran",) if tree.has("*.f", "*.f90") else ()))
    else:
        packages = ()
    return Needs(
        "Python",
        tests,
        toolchain=("python3-venv",),
        packages=packages,
        install=tuple(install),
        inputs=(*_INPUTS, *(("**",) if compiled else ())),
        image=image,
        why=tuple(why),
    )


def _steps(tree: Tree, hints: Hints, metadata: Metadata, requirements: list[str]) -> tuple[list[str], list[str]]:
    """The commands beside the installation of the project itself, and why each is there."""
    steps, why = [], []
    files = dict.fromkeys(requirements)
    for words in hints.pip:  # continuous integration may name files that are called otherwise
        files |= {file: None for option, file in pairwise(words) if option in ("-r", "--requirement")}
    here = [file for name in files if (file := name.removeprefix("./")) in tree]
    for file in dict.fromkeys(here):
        steps.append(f"python -m pip install -r {shlex.quote(file)}")
        why.append(f"{file} lists requirements")
    if metadata.group:
        steps.append(f"python -m pip install --group {shlex.quote(metadata.group)}")
        why.append(f"{metadata.file} has a dependency group {metadata.group}")
    listed = [line for line in (*metadata.further, *(() if here else metadata.tox)) if _SAFE.fullmatch(line)]
    if listed:
        steps.append(f"python -m pip install {shlex.join(listed)}")
        why.append(f"the project lists {len(listed)} packages for its tests")
    return steps, why


def _project(hints: Hints, metadata: Metadata) -> str:
    """The command that installs the project, with the extras that continuous integration or their names speak for."""
    asked = [found[1] for words in hints.pip for word in words if (found := re.fullmatch(r"\.\[([\w.,-]+)\]", word))]
    extras = [name for name in ",".join(asked).split(",") if name in metadata.extras]
    extras = extras or [name for name in _EXTRAS if name in metadata.extras][:1]
    plain = "python -m pip install -e ."
    if not extras:
        return plain
    project = f".[{','.join(dict.fromkeys(extras))}]"
    return f"python -m pip install -e {shlex.quote(project)} || {plain}"


def _must_be_installed(tree: Tree, metadata: Metadata) -> bool:
    """Whether a project runs from its directory only when it is installed, although it needs no other package."""
    if not metadata.installable:
        return False
    if metadata.dependencies or metadata.entry_points or any(name in metadata.extras for name in _EXTRAS):
        return True
    sources = [path for path in tree.matching("*.py") if not path.startswith(("docs/", "setup.py"))]
    return any(_LOOKS_ITSELF_UP.search(tree.text(path)) for path in sources[:2000])
