"""The example of the documentation is one that is read."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Detect

PAGE = Path(__file__).resolve().parents[3] / "docs/environments.md"


def test_the_example_pins_an_environment(detect: Detect) -> None:
    example = re.search(r"<!-- tested: .*? -->\n```yaml\n(.*?)```", PAGE.read_text(), re.S)
    assert example is not None
    found = detect({".patchwright.yaml": example[1]})
    assert found.pinned
    assert found.image == "python:3.13-bookworm"
    assert found.packages == ("libpq-dev", "graphviz")
    assert len(found.install) == 3
    assert (found.test_command, found.parser, found.inputs) == ("pytest -q tests/unit", "pytest", ("pyproject.toml",))
