"""Runs a hidden test on a patched package and says in one line how it went."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox import CommandResult, Sandbox

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


def run_hidden_test(test: bytes, sandbox: Sandbox, import_path: Sequence[str]) -> Verdict:
    """Run a test file with pytest on the package in a sandbox.

    Configuration and ``conftest.py`` files of the package are not read. Test and report stand in a directory whose name
    cannot be guessed.

    Args:
        test: The file.
        sandbox: Has the package at its working directory; its ``python3`` must have pytest.
        import_path: Directories that the package is imported from, relative to its top.

    Raises:
        InfrastructureError: There is no Python with pytest.
    """
    place = f"/tmp/patchwright-judge-{secrets.token_hex(12)}"
    sandbox.write(f"{place}/test_hidden.py", test)
    sandbox.write(f"{place}/pytest.ini", b"[pytest]\n")
    options = ("-q", "-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib")
    files = (f"--junitxml={place}/report.xml", "-c", f"{place}/pytest.ini", f"--rootdir={place}")
    command = shlex.join(["python3", "-m", "pytest", *options, *files, f"{place}/test_hidden.py"])
    done = sandbox.run(command, env=_environment(sandbox.workdir, import_path), timeout=_TIMEOUT)
    try:
        if done.end == "timeout":
            return Verdict(False, f"the hidden test took longer than {_TIMEOUT:.0f} seconds")
        if "No module named pytest" in done.text or done.exit_code == 127:
            raise InfrastructureError("no python3 with pytest in the sandbox: install pytest, or give another image")
        try:
            report = sandbox.read(f"{place}/report.xml")
        except FileNotFoundError:
            report = b""
        return _read(report, done)
    finally:
        sandbox.run(f"rm -rf {place}")


def _environment(workdir: str, import_path: Sequence[str]) -> dict[str, str]:
    return {
        "PYTHONPATH": ":".join(f"{workdir}/{path}" for path in import_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _read(report: bytes, done: CommandResult) -> Verdict:
    try:
        cases = list(ElementTree.fromstring(report).iter("testcase"))
    except ElementTree.ParseError:
        words = done.text.strip().splitlines() or ["no output"]
        return Verdict(False, f"the hidden test did not run: {words[-1][:200]}")
    failures = [(case.get("name", "?"), fault) for case in cases for fault in case if fault.tag in ("failure", "error")]
    skipped = sum(any(part.tag == "skipped" for part in case) for case in cases)
    passed = len(cases) - len({name for name, _ in failures}) - skipped
    if not failures:
        return Verdict(
            done.exit_code == 0 and passed > 0, f"{passed} passed" + (f", {skipped} skipped" * bool(skipped))
        )
    name, fault = failures[0]
    # For a file that cannot be imported the message is a generic one; the last line of the traceback says why.
    lines = [line for line in (fault.text or "").splitlines() if line.startswith("E ")]
    reason = lines[-1][1:].strip() if fault.tag == "error" and lines else (fault.get("message") or "").split("\n")[0]
    return Verdict(False, f"{len(failures)} failed, {passed} passed; {name}: {reason[:300]}")
