"""Running a project's tests: the command, its deadline, its report, and the outcome before any edit."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aci_tools.errors import SandboxError
from aci_tools.output import clean
from aci_tools.sandbox.base import Sandbox
from aci_tools.testing import parsers
from aci_tools.testing.detect import find_plan, missing
from aci_tools.testing.plan import REPORTS, WITH_RESULTS, TestPlan
from aci_tools.testing.report import TestReport, count
from aci_tools.testing.target import command_for
from aci_tools.tools.base import NOT_FOUND, ToolError

if TYPE_CHECKING:
    from aci_tools.session import Session

_PLUGIN = Path(__file__).with_name("patchwright_pytest.py")
_TAIL = 3000
_PARALLEL = ("jest", "go", "cargo", "maven", "gradle")  # their tests end in a different order each time

# The scratch directory is inside the git directory: git never takes it for a change, and it lives as long as the
# repository does, which a sandbox's /tmp need not.
_PREPARE = """
scratch="$(git rev-parse --absolute-git-dir)/patchwright"
rm -rf "$scratch" && mkdir -p "$scratch/lib" && pwd -P && printf '%s\\n' "$scratch"
git ls-files -z --others --exclude-standard > "$scratch/untracked"
"""
_EXPORTS = """
export PYTHONPATH="$PATCHWRIGHT_SCRATCH/lib${PYTHONPATH:+:$PYTHONPATH}"
export PYTEST_ADDOPTS="$PATCHWRIGHT_PYTEST_OPTIONS${PYTEST_ADDOPTS:+ $PYTEST_ADDOPTS}"
unset PATCHWRIGHT_SCRATCH
"""
# All tests, in the same order each time, even when a file cannot be collected or the project stops at a failure.
_PYTEST_OPTIONS = "-p no:randomly --maxfail=0 --continue-on-collection-errors --tb=short --color=no"
_REMOVE = """
xargs -0 rm -f -- < "$SCRATCH/files"
if [ -s "$SCRATCH/folders" ]; then xargs -0 rmdir -- < "$SCRATCH/folders" 2>/dev/null; fi
"""
_COLLECT = """
find . -path ./.git -prune -o -path "$PATTERN" -newer "$SCRATCH/untracked" -type f -print0 |
    sort -z | xargs -0r cat > "$SCRATCH/results.json"
git ls-files -z --cached --others --exclude-standard -- '*.java' '*.kt' '*.scala' '*.groovy' > "$SCRATCH/sources"
"""
_REFUSED = re.compile(r"error: unrecognized arguments: (-.*)")
_ORIGINAL = "git -c core.hooksPath=/dev/null reset -q --hard HEAD && git -c core.hooksPath=/dev/null clean -ffdq"


def run_project_tests(session: Session, target: str | None = None, *, compare: bool = True) -> TestReport:
    """Run the tests, and see to it that ``session.baseline`` covers the same target.

    The baseline is this run when nothing has been edited yet. Otherwise the same tests are run once more on the code
    as it was, unless their outcome is known from a fresh sandbox; the edits are put back afterwards whatever happens.

    Args:
        session: Its settings give the deadline; its plan and baseline are filled in.
        target: Files, ids or a pattern in the runner's own terms; ``None`` or "" runs everything.
        compare: Whether the baseline is wanted at all.

    Raises:
        ToolError: No way to run tests is known, or it cannot run a part of them.
        SandboxError: The sandbox is lost for good.
    """
    target = (target or "").strip()
    plan = session.test_plan = session.test_plan or find_plan(session)
    if plan is None:
        raise ToolError(missing(session), NOT_FOUND)
    unedited = session.patch() == ""
    timeout = session.settings.test_timeout
    report = replace(run_plan(session.sandbox, plan, target, timeout), unedited=unedited)
    if compare and (session.baseline is None or not {target, ""} & session.baseline.covers):
        if unedited:
            session.baseline = _merged(session.baseline, report)
        elif report.complete:  # else a second run would only reach its deadline as well
            before = session.pristine.report(plan, target, timeout) if session.pristine is not None else None
            before = before or _run_on_original(session.sandbox, plan, target, timeout)
            session.baseline = _merged(session.baseline, before)
    return report


def measure_baseline(session: Session) -> None:
    """Find out what all tests come to, in a session in which nothing has been done yet; nothing where none can be run.

    Raises:
        SandboxError: The sandbox is lost for good.
    """
    plan = session.test_plan = session.test_plan or find_plan(session)
    with contextlib.suppress(ToolError):
        if plan is not None and session.pristine is not None:
            session.baseline = session.pristine.report(plan, "", session.settings.test_timeout)
        if session.baseline is None:
            run_project_tests(session)


@dataclass(frozen=True, slots=True)
class _Workplace:
    """Where a run keeps its own files, and what was in the repository before it."""

    root: str
    scratch: str
    untracked: frozenset[str]

    @property
    def records(self) -> str:
        return f"{self.scratch}/records.jsonl"

    @property
    def results(self) -> str:
        return f"{self.scratch}/results.json"


@dataclass(frozen=True, slots=True)
class Companion:
    """What watches a run from the inside.

    Attributes:
        files: Python files by their path below a directory that stands first on Python's path.
        env: Variables of the run.
        plugin: The module among them that pytest loads as a plugin, or "".
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    plugin: str = ""


def run_plan(
    sandbox: Sandbox, plan: TestPlan, target: str, timeout: float, companion: Companion | None = None
) -> TestReport:
    """Run the tests on the code as it is; the working tree is left without new files.

    Args:
        sandbox: Where.
        plan: How.
        target: What; "" is everything.
        timeout: Seconds until the run is killed; what was finished by then is reported.
        companion: What else watches the run. It may leave files in the parent of its directory, :func:`scratch_file`.
    """
    companion = companion or Companion()
    command = command_for(plan, target, sandbox)
    options = "-p patchwright_pytest" + (f" -p {companion.plugin}" if companion.plugin else "")
    notes: tuple[str, ...] = ()
    report = _run(sandbox, plan, command, options, target, timeout, companion)
    if not report.results and 'Error importing plugin "patchwright_pytest"' in report.tail:
        options = "-rA"  # the command sets PYTHONPATH itself; the text has to do
        report = _run(sandbox, plan, command, options, target, timeout, companion)
    if not report.results and (refused := _REFUSED.search(report.tail)):
        notes = (f"Ignored, as the pytest plugins for them are not installed: {refused[1].strip()}.",)
        report = _run(sandbox, plan, command, options, target, timeout, companion, ignored=refused[1])
    return replace(report, notes=notes + report.notes)


def _run(
    sandbox: Sandbox,
    plan: TestPlan,
    command: str,
    pytest_options: str,
    target: str,
    timeout: float,
    companion: Companion,
    ignored: str = "",
) -> TestReport:
    place = _prepare(sandbox)
    for name, data in companion.files.items():
        sandbox.write(f"{place.scratch}/lib/{name}", data)
    own_report = plan.parser in WITH_RESULTS
    cache = shlex.quote(f"cache_dir={place.scratch}/cache")
    environment = {
        "PATCHWRIGHT_SCRATCH": place.scratch,
        "PATCHWRIGHT_TEST_REPORT": place.records,
        "PATCHWRIGHT_PYTEST_OPTIONS": f"{pytest_options} {_PYTEST_OPTIONS} -o {cache}",
        "PATCHWRIGHT_PYTEST_IGNORED": " ".join(re.findall(r"(?:^| )(-[^\s=]+)", ignored)),
        "PATCHWRIGHT_RESULTS": place.results,
        # Nothing may be left in the repository, and the same code is to give the same report.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "COVERAGE_FILE": f"{place.scratch}/coverage",
        "HYPOTHESIS_STORAGE_DIRECTORY": f"{place.scratch}/hypothesis",
        **companion.env,
    }
    if own_report:
        environment["CI"] = "1"  # no watching for changes, no writing of snapshots
    if plan.parser == "tap":
        environment["NODE_OPTIONS"] = "--test-reporter=tap"
    done = sandbox.run(_EXPORTS + command, cwd=plan.cwd, env=environment, timeout=timeout)
    artefact = _read(sandbox, place.results if own_report else place.records)
    sources: tuple[str, ...] = ()
    if plan.parser in REPORTS:
        artefact, sources = _collect(sandbox, place, REPORTS[plan.parser])
    _remove_new_files(sandbox, place)
    text = clean(done.output)
    cwd = place.root + plan.cwd.removeprefix(sandbox.workdir)
    parsed = parsers.parse(plan.parser, parsers.RunOutput(text, place.root, cwd, done.exit_code, artefact, sources))
    if plan.parser in _PARALLEL:
        parsed.results = dict(sorted(parsed.results.items()))
        parsed.failures.sort(key=lambda failure: failure.id)
    notes = [note.replace(f"{place.root}/", "") for note in parsed.notes]
    complete = done.end == "exited" and (parsed.finished or not parsed.running)
    if parsed.running and not complete and done.end != "timeout":
        parsed.results[parsed.running] = "error"  # the test that brought the run down
    return TestReport(
        results=parsed.results,
        failures=tuple(replace(f, message=f.message.replace(f"{place.root}/", "")) for f in parsed.failures),
        counts=parsed.counts or count(parsed.results),
        duration=done.duration,
        complete=complete,
        exit_code=done.exit_code,
        tail=text[-_TAIL:].replace(place.scratch, "/tmp/patchwright").replace(f"{place.root}/", ""),
        target=target,
        running=parsed.running,
        command=command,
        timed_out=done.end == "timeout",
        notes=(*notes, done.note) if done.end == "lost" else tuple(notes),
        covers=frozenset({target}),
    )


def scratch_file(sandbox: Sandbox, name: str) -> str:
    """The text of a file that the latest run left in its scratch directory; "" when there is none."""
    path = f'"$(git rev-parse --absolute-git-dir)/patchwright/"{shlex.quote(name)}'
    done = sandbox.run(f"cat -- {path}", cwd=sandbox.workdir, timeout=60.0, output_limit=8 << 20)
    return done.text if done.ok else ""


def _prepare(sandbox: Sandbox) -> _Workplace:
    """Make the scratch directory with the plugin in it, and remember which files git does not know."""
    done = sandbox.run(_PREPARE, cwd=sandbox.workdir, timeout=60.0)
    lines = done.text.splitlines()
    if not done.ok or len(lines) != 2:
        raise SandboxError(f"no place for the tests' report could be made: {done.text.strip()[-300:] or done.end}")
    root, scratch = lines
    sandbox.write(f"{scratch}/lib/{_PLUGIN.name}", _PLUGIN.read_bytes())
    return _Workplace(root, scratch, _read_names(sandbox, f"{scratch}/untracked"))


def _read_names(sandbox: Sandbox, path: str) -> frozenset[str]:
    names = sandbox.read(path).decode("utf-8", "surrogateescape").split("\0")
    return frozenset(name for name in names if name)


def _read(sandbox: Sandbox, path: str) -> str:
    try:
        return sandbox.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _collect(sandbox: Sandbox, place: _Workplace, pattern: str) -> tuple[str, tuple[str, ...]]:
    """The reports that a run wrote into the repository, and the names of the sources that they speak of."""
    done = sandbox.run(_COLLECT, cwd=sandbox.workdir, env={"SCRATCH": place.scratch, "PATTERN": pattern})
    names = sorted(_read_names(sandbox, f"{place.scratch}/sources")) if done.ok else ()
    return _read(sandbox, place.results), tuple(names)


def _remove_new_files(sandbox: Sandbox, place: _Workplace) -> None:
    """Delete what the run left behind that git would take into the patch, and the directories that this empties."""
    listing = f"{place.scratch}/untracked"
    sandbox.run(f"git ls-files -z --others --exclude-standard > {shlex.quote(listing)}", cwd=sandbox.workdir)
    now = _read_names(sandbox, listing)
    new = sorted(now - place.untracked)
    if not new:
        return
    kept = {str(folder) for name in now & place.untracked for folder in PurePosixPath(name).parents}
    folders = {str(folder) for name in new for folder in PurePosixPath(name).parents} - kept - {"."}
    sandbox.write(f"{place.scratch}/files", "\0".join(new).encode("utf-8", "surrogateescape"))
    deepest_first = "\0".join(sorted(folders, reverse=True))
    sandbox.write(f"{place.scratch}/folders", deepest_first.encode("utf-8", "surrogateescape"))
    sandbox.run(_REMOVE, cwd=sandbox.workdir, env={"SCRATCH": place.scratch})


def _run_on_original(sandbox: Sandbox, plan: TestPlan, target: str, timeout: float) -> TestReport | None:
    """Run the tests on the code as it was; ``None`` when git cannot bring it back (a lock left behind, say)."""
    edited = sandbox.snapshot()
    try:
        reset = sandbox.run(_ORIGINAL, cwd=sandbox.workdir, timeout=120.0)
        return run_plan(sandbox, plan, target, timeout) if reset.ok else None
    finally:
        sandbox.restore(edited)


def _merged(baseline: TestReport | None, report: TestReport | None) -> TestReport | None:
    if baseline is None or report is None:
        return baseline or report
    # Some runners name the tests that a target leaves out, as skipped.
    fresh = {test: status for test, status in report.results.items() if status != "skipped"}
    results = {**report.results, **baseline.results, **fresh}
    return replace(baseline, results=results, covers=baseline.covers | report.covers)
