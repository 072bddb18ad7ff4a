"""What a Python project says of itself in pyproject.toml, setup.cfg, setup.py, Pipfile and tox.ini, read as data."""

from __future__ import annotations

import ast
import configparser
import re
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from tasks.environments.tree import Tree

_GROUPS = ("test", "tests", "testing", "dev", "develop", "ci")
_RUST = ("maturin", "setuptools-rust", "setuptools_rust")
_NATIVE = ("mesonpy", "meson-python", "scikit-build", "scikit_build_core", "cython", "pybind11", "nanobind", "cffi")


@dataclass
class Metadata:
    """What was read.

    Attributes:
        file: The file that says most.
        installable: Whether pip can install the project.
        requires_python: Specifier of its Python versions, or "".
        dependencies: Whether it needs other packages.
        entry_points: Whether it has entry points.
        extras: Names of its extras.
        group: Name of the dependency group for its tests, or "".
        further: Requirements of its tests that pip does not find by itself.
        tox: Requirements of its tests by tox.ini.
        builds_extensions: What it compiles with, empty where it is pure Python.
    """

    file: str = ""
    installable: bool = False
    requires_python: str = ""
    dependencies: bool = False
    entry_points: bool = False
    extras: tuple[str, ...] = ()
    group: str = ""
    further: list[str] = field(default_factory=list)
    tox: list[str] = field(default_factory=list)
    builds_extensions: str = ""


def read_metadata(tree: Tree) -> Metadata:
    """Read what a project says of itself."""
    found = Metadata()
    _setup_py(tree, found)
    _setup_cfg(tree, found)
    _pyproject(tree, found)
    _pipfile(tree, found)
    found.tox = _tox(tree)
    return found


def _pyproject(tree: Tree, found: Metadata) -> None:
    document = tree.toml("pyproject.toml")
    project, build, tool = (_table(document, name) for name in ("project", "build-system", "tool"))
    poetry = _table(tool, "poetry")
    if not (project or build or poetry):
        return
    found.file = "pyproject.toml"
    found.installable = found.installable or bool(project.get("name") or poetry.get("name"))
    found.requires_python = str(project.get("requires-python") or found.requires_python)
    found.dependencies |= bool(project.get("dependencies")) or "dependencies" in (project.get("dynamic") or ())
    found.entry_points |= any(project.get(name) for name in ("entry-points", "scripts", "gui-scripts"))
    found.extras = tuple(dict.fromkeys((*found.extras, *map(str, _table(project, "optional-dependencies")))))
    groups = _table(document, "dependency-groups")
    found.group = next((name for name in _GROUPS if name in groups), "")
    requires = " ".join(str(word) for word in _list(build.get("requires"))).lower()
    if any(name in requires for name in _RUST):
        found.builds_extensions = "rust"
    elif any(name in requires for name in _NATIVE):
        found.builds_extensions = "c"
    if poetry:
        _poetry(poetry, found)


def _poetry(poetry: dict[str, Any], found: Metadata) -> None:
    dependencies = _table(poetry, "dependencies")
    found.dependencies |= bool(set(dependencies) - {"python"})
    found.entry_points |= bool(poetry.get("scripts") or poetry.get("plugins"))
    found.extras = tuple(dict.fromkeys((*found.extras, *map(str, _table(poetry, "extras")))))
    if "python" in dependencies and not found.requires_python:
        found.requires_python = _range(str(dependencies["python"]))
    groups = _table(poetry, "group")
    tables = [_table(poetry, "dev-dependencies")]
    tables += [_table(_table(groups, name), "dependencies") for name in _GROUPS if name in groups]
    for table in tables:
        for name, wanted in table.items():
            version = wanted.get("version", "*") if isinstance(wanted, dict) else wanted
            if isinstance(version, str) and name != "python":
                found.further.append(f"{name}{_range(version)}")


def _range(version: str) -> str:
    """Poetry's and Pipenv's version constraint as pip takes it: ``^1.2`` is ``>=1.2,<2``."""
    if version.strip() in ("*", ""):
        return ""
    parts = []
    for part in re.split(r"\s*,\s*", version.split("||")[0].strip()):
        number = part.lstrip("^~= ")
        numbers = [int(piece) for piece in re.findall(r"\d+", number)][:3]
        if part.startswith("^") and numbers:
            place = next((index for index, piece in enumerate(numbers) if piece), len(numbers) - 1)
            parts.append(f">={number},<{_next(numbers, place)}")
        elif part.startswith("~") and not part.startswith("~=") and numbers:
            parts.append(f">={number},<{_next(numbers, min(1, len(numbers) - 1))}")
        else:
            parts.append(part if part[:1] in "<>=!~" else f"=={part}")
    return ",".join(parts)


def _next(numbers: list[int], place: int) -> str:
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


def _setup_cfg(tree: Tree, found: Metadata) -> None:
    config = _ini(tree.text("setup.cfg"))
    if not config.has_section("metadata"):
        return
    found.file = "setup.cfg"
    found.installable = found.installable or config.has_option("metadata", "name")
    found.requires_python = config.get("options", "python_requires", fallback=found.requires_python)
    found.dependencies |= bool(config.get("options", "install_requires", fallback="").strip())
    found.entry_points |= config.has_section("options.entry_points")
    if config.has_section("options.extras_require"):
        found.extras = tuple(config.options("options.extras_require"))
    found.further += _requirements(config.get("options", "tests_require", fallback=""))


def _setup_py(tree: Tree, found: Metadata) -> None:
    text = tree.text("setup.py")
    if not text:
        return
    found.file, found.installable = "setup.py", True
    try:
        parsed = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        found.dependencies = True  # for an older Python; pip will tell
        return
    keywords = {
        keyword.arg: keyword.value
        for call in ast.walk(parsed)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "setup"
        for keyword in call.keywords
    }
    values = {name: _literal(value) for name, value in keywords.items()}
    # What is computed cannot be read: then there may be some.
    found.dependencies |= "install_requires" in keywords and values["install_requires"] not in ([], (), "")
    found.dependencies |= None in keywords
    found.entry_points |= bool(set(keywords) & {"entry_points", "scripts"})
    found.requires_python = str(values.get("python_requires") or "")
    extras = values.get("extras_require")
    found.extras = tuple(map(str, extras)) if isinstance(extras, dict) else ()
    required = values.get("tests_require")
    found.further += [line for line in _list(required) if isinstance(line, str) and _requirements(line)]
    if "ext_modules" in keywords or "cffi_modules" in keywords:
        found.builds_extensions = "c"
    if "rust_extensions" in keywords:
        found.builds_extensions = "rust"


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _pipfile(tree: Tree, found: Metadata) -> None:
    document = tree.toml("Pipfile")
    for section in ("packages", "dev-packages"):
        for name, wanted in _table(document, section).items():
            version = wanted.get("version", "*") if isinstance(wanted, dict) else wanted
            if isinstance(version, str):
                found.further.append(f"{name}{_range(version)}")
    found.file = found.file or ("Pipfile" if document else "")


def _tox(tree: Tree) -> list[str]:
    config = _ini(tree.text("tox.ini"))
    return _requirements(config.get("testenv", "deps", fallback=""))


def _ini(text: str) -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(text)
    except configparser.Error:
        return configparser.ConfigParser(interpolation=None)
    return config


def _requirements(text: str) -> list[str]:
    """The lines that are requirements by themselves: no options, no files, no references."""
    found = []
    for line in text.splitlines():
        plain = line.partition("#")[0].strip()
        try:
            Requirement(plain)
        except InvalidRequirement:
            continue
        found.append(plain)
    return found


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
