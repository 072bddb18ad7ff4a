"""Which Python a repository asks for."""

from __future__ import annotations

import pytest

from aci_tools.guard.target_version import target_version


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "py39"),
        ({"pyproject.toml": "[project]\nrequires-python = '>=3.11,<4'\n"}, "py311"),
        ({"pyproject.toml": "[project]\nrequires-python = '~=3.8'\n"}, "py38"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.10'\n"}, "py310"),
        ({"pyproject.toml": "[tool.ruff]\ntarget-version = 'py312'\n[project]\nrequires-python = '>=3.8'\n"}, "py312"),
        ({"setup.cfg": "[options]\npython_requires = >=3.9\n"}, "py39"),
        ({"setup.py": "setup(python_requires='>=2.7, !=3.0.*')\n"}, "py37"),
        ({".python-version": "3.13.1\n"}, "py313"),
        ({"pyproject.toml": "not [ toml", "setup.cfg": "python_requires = >=3.10"}, "py310"),
    ],
)
def test_the_repository_says(files, expected):
    assert target_version(lambda path: files[path].encode() if path in files else None) == expected
