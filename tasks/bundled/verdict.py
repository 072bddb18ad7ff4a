"""Runs a hidden test on a patched package and says in one line how it went."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from aci_tools.errors import InfrastructureError

_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a patch solves a task.

    Attributes:
        passed: Whether every hidden test passed.
        summary: One line: the counts, and of a failure which test and why.
    """

    passed: bool
    summary: str


def run_hidden_test(test: Path, repository: Path, import_path: Sequence[Path], python: str) -> Verdict:
    """Run a test file with pytest on a package in its source directory.

    Configuration and ``conftest.py`` files of the package are not read.

    Args:
        test: The file, outside the package.
        repository: Top of the package, the working directory.
        import_path: Directories that the package is imported from.
        python: The interpreter, which must have pytest.

    Raises:
        InfrastructureError: The interpreter does not start or has no pytest.
    """
    with tempfile.TemporaryDirectory(prefix="patchwright-verdict-") as scratch:
        report, config = Path(scratch) / "report.xml", Path(scratch) / "pytest.ini"
        config.write_text("[pytest]\n")
        options = ("-q", "-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", f"--junitxml={report}")
        command = [python, "-m", "pytest", *options, "-c", str(config), f"--rootdir={test.parent}", str(test)]
        try:
            done = subprocess.run(
                command, cwd=repository, env=_environment(import_path), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, errors="replace", timeout=_TIMEOUT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Verdict(False, f"the hidden test took longer than {_TIMEOUT:.0f} seconds")
        except OSError as error:
            raise InfrastructureError(f"cannot run {python}: {error.strerror}") from error
        if "No module named pytest" in done.stderr:
            raise InfrastructureError(f"{python} has no pytest: install it with {python} -m pip install pytest")
        return _read(report, done)


def _environment(import_path: Sequence[Path]) -> dict[str, str]:
    foreign = ("PYTEST_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, import_path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _read(report: Path, done: subprocess.CompletedProcess[str]) -> Verdict:
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        words = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        return Verdict(False, f"the hidden test did not run: {words[-1][:200]}")
    failures = [(case.get("name", "?"), fault) for case in cases for fault in case if fault.tag in ("failure", "error")]
    skipped = sum(any(part.tag == "skipped" for part in case) for case in cases)
    passed = len(cases) - len({name for name, _ in failures}) - skipped
    if not failures:
        return Verdict(
            done.returncode == 0 and passed > 0, f"{passed} passed" + (f", {skipped} skipped" * bool(skipped))
        )
    name, fault = failures[0]
    # For a file that cannot be imported the message is a generic one; the last line of the traceback says why.
    lines = [line for line in (fault.text or "").splitlines() if line.startswith("E ")]
    reason = lines[-1][1:].strip() if fault.tag == "error" and lines else (fault.get("message") or "").split("\n")[0]
    return Verdict(False, f"{len(failures)} failed, {passed} passed; {name}: {reason[:300]}")
