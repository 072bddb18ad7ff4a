"""Which files are tests, and whose."""

from __future__ import annotations

import pytest

from aci_tools.testing.files import holds_tests, named_after

FILES = [
    "src/calc.py",
    "tests/test_calc.py",
    "tests/test_calc_units.py",
    "lib/tests/test_io.py",
    "src/io/tests/test_io.py",
    "web/form.test.js",
    "web/test_form.py",
    "Shape.java",
    "ShapeTest.java",
]


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("src/calc.py", "tests/test_calc.py"),
        ("src/io/io.py", "src/io/tests/test_io.py"),
        ("web/form.js", "web/form.test.js"),
        ("web/form.py", "web/test_form.py"),
        ("Shape.java", "ShapeTest.java"),
        ("src/units.py", ""),
        ("calc", ""),
    ],
)
def test_a_test_file_is_called_after_its_source(source, test):
    assert named_after(filter(holds_tests, FILES), source) == test
