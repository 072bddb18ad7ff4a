"""What shell commands do, by their text."""

from __future__ import annotations

import pytest

from trajectories.stats.commands import runs_tests, writes_files


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest", True),
        ("cd /testbed && python -W ignore -m pytest -q x.py | tail", True),
        ("PYTHONPATH=. timeout 60 python3.11 -m unittest", True),
        ("./tests/runtests.py decorators", True),
        ("bin/test sympy/core", True),
        ("go test ./...", True),
        ("grep -rn pytest .", False),
        ("pip install pytest", False),
        ("cat pytest.ini", False),
        ("python reproduce.py", False),
    ],
)
def test_commands_that_run_tests(command: str, expected: bool) -> None:
    assert runs_tests(command) is expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sed -i 's/a/b/' x.py", True),
        ("cat > x.py <<'EOF'\nif a > b:\n    pass\nEOF", True),
        ("echo hi >> notes.txt", True),
        ("git apply fix.patch", True),
        ("python - <<'EOF'\nopen('x.py', 'w').write('y')\nEOF", True),
        ("python - <<'EOF'\nif a > b:\n    print(a)\nEOF", False),
        ("grep -rn 'a > b' . 2>/dev/null", False),
        ("python x.py > /tmp/out 2>&1", False),
        ("sed -n '1,20p' x.py", False),
        ("git diff", False),
    ],
)
def test_commands_that_write_files(command: str, expected: bool) -> None:
    assert writes_files(command) is expected
