"""Saying compactly what a run of the tests found, and what differs from the run before any edit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aci_tools.testing.report import FAILING, STATUSES, Failure, Status, TestReport

_MAX_FAILURES = 5
_MAX_LINES = 6
_MAX_NAMES = 5
_MAX_WIDTH = 200
_TAIL_LINES = 25
_NOISE = re.compile(
    r"(?:Use -v to get (?:more|the full) diff$|\.\.\.Full output truncated|(?:> )?use 'pytest --fixtures)"
)
_DOTS = re.compile(r"[.FEsxX]+(?: +\[ *\d+%\])?$")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TIME = re.compile(r"\b\d+\.\d+ ?(s|ms|sec|seconds)\b")
_PYTEST_TMP = re.compile(r"(/pytest-of-\w+/pytest-)\d+\b")


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed since the baseline, as ids of tests.

    Attributes:
        newly_passing: Failed before, pass now.
        newly_failing: Did not fail before, fail now.
        new_failing: Were not there before, fail now.
        new_passing: Were not there before, pass now.
        gone: Ran before, did not run now.
    """

    newly_passing: tuple[str, ...] = ()
    newly_failing: tuple[str, ...] = ()
    new_failing: tuple[str, ...] = ()
    new_passing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def difference(report: TestReport, baseline: TestReport) -> Difference:
    """Compare a run with the baseline, test by test.

    Args:
        report: The run.
        baseline: A run that covers the same target, or everything.
    """
    now, before = report.results, baseline.results
    shared = [test for test in now if test in before]
    unknown = [test for test in now if test not in before] if baseline.complete else []
    same_target = report.complete and baseline.covers == {report.target}
    return Difference(
        newly_passing=tuple(t for t in shared if now[t] == "passed" and before[t] in (*FAILING, "xfail")),
        newly_failing=tuple(t for t in shared if now[t] in FAILING and before[t] not in FAILING),
        new_failing=tuple(t for t in unknown if now[t] in FAILING),
        new_passing=tuple(t for t in unknown if now[t] == "passed"),
        gone=tuple(t for t in before if t not in now and before[t] != "skipped") if same_target else (),
    )


def summarize(report: TestReport, baseline: TestReport | None) -> str:
    """The text that an agent reads after a run.

    Args:
        report: The run.
        baseline: The outcome before any edit; ``None`` when it is not known or not to be spoken of.
    """
    delta = difference(report, baseline) if baseline is not None and not report.unedited else None
    lines = [_headline(report), *report.notes]
    if delta is not None:
        lines += _compared(delta)
    elif report.unedited and report.results and baseline is not None:
        lines.append("Nothing has been edited yet: later runs are compared with this one.")
    lines += _failures(report, delta)
    if report.complete and report.exit_code == 5 and not report.results:
        lines.append("Check the target: a file, an id or a part of a name, as the test runner takes it.")
    elif not _explained(report):
        lines += _tail(report)
    return "\n".join(lines)


def _explained(report: TestReport) -> bool:
    """Whether what was said so far tells why the run ended as it did."""
    if report.running and not report.timed_out:
        return any(failure.id == report.running for failure in report.failures)
    if not report.results:
        return bool(report.notes) and report.exit_code == 4
    return not report.exit_code or bool(report.failing)


def _headline(report: TestReport) -> str:
    numbers = [(report.counts.get(status, 0), status) for status in STATUSES]
    counts = ", ".join(f"{number} {_counted(status, number)}" for number, status in numbers if number)
    command = f"`{_shown(report.command)}`"
    at_work = f" while running {report.running}" if report.running else ""
    if report.timed_out:
        advice = (
            "Give a target to run fewer tests." if not report.running else "It may hang; give a target to run others."
        )
        return f"{command} was stopped at its deadline{at_work}. Until then: {counts or 'no result'}. {advice}"
    if not report.complete:
        return f"{command} broke off (exit code {report.exit_code}){at_work}. Until then: {counts or 'no result'}."
    if report.counts:
        failed = report.counts.get("failed", 0) + report.counts.get("error", 0)
        ended = "" if failed or not report.exit_code else f", yet the exit code is {report.exit_code}"
        return f"{counts}{ended} ({command})"
    if report.exit_code == 0:
        return f"{command} succeeded (exit code 0)."
    if report.exit_code == 5:
        return f"No tests ran ({command})."
    return f"{command} failed (exit code {report.exit_code}) without naming a test."


def _shown(command: str) -> str:
    """The command; of one that has to prepare something first, only what runs the tests."""
    return re.split(r"\n|&& ", command)[-1] if "\n" in command else command


def _counted(status: Status, number: int) -> str:
    return {"error": "error" if number == 1 else "errors", "xfail": "expected to fail"}.get(status, status)


def _compared(delta: Difference) -> list[str]:
    line = "Compared with before any edit: "
    line += f"{len(delta.newly_passing)} newly passing, {len(delta.newly_failing)} newly failing"
    if delta.new_failing or delta.new_passing:
        line += f"; new tests: {len(delta.new_passing)} passing, {len(delta.new_failing)} failing"
    if delta.gone:
        line += f"; {len(delta.gone)} did not run any more"
    lines = [f"{line}."]
    for heading, names in (
        ("Newly failing", delta.newly_failing),
        ("Did not run any more", delta.gone),
        ("Newly passing", delta.newly_passing),
    ):
        if names:
            lines.append(f"{heading}: {_names(names)}")
    return lines


def _failures(report: TestReport, delta: Difference | None) -> list[str]:
    worse = set(delta.newly_failing + delta.new_failing) if delta else set()
    groups: dict[tuple[object, ...], list[Failure]] = {}
    for failure in sorted(report.failures, key=lambda f: f.id not in worse):
        own = failure.places[-1] if failure.places else failure.id
        groups.setdefault((failure.message, own), []).append(failure)
    lines: list[str] = []
    for alike in list(groups.values())[:_MAX_FAILURES]:
        first, *others = alike
        status = "ERROR" if report.results.get(first.id) == "error" else "FAILED"
        lines += ["", f"{status} {first.id}", *(f"  {line}" for line in _details(first))]
        if others:
            lines.append(f"  the same in {len(others)} more: {_names([other.id for other in others])}")
    rest = [failure.id for alike in list(groups.values())[_MAX_FAILURES:] for failure in alike]
    if rest:
        lines += ["", f"... and {len(rest)} more: {_names(rest)}"]
    return lines


def _details(failure: Failure) -> list[str]:
    places = [f"{place}: {place.source}" if place.source else str(place) for place in failure.places]
    message = [
        _stable(line) for line in failure.message.splitlines() if line.strip() and not _NOISE.match(line.strip())
    ]
    room = _MAX_LINES - len(places)
    if len(message) > room:
        message = [*message[: room - 1], f"... {len(message) - room + 1} more lines"]
    return [_short(line) for line in places + message]


def _tail(report: TestReport) -> list[str]:
    lines = [_stable(line) for line in report.tail.splitlines() if line.strip() and not _DOTS.match(line)]
    return ["The output ends:" if lines else "It printed nothing.", *(_short(line) for line in lines[-_TAIL_LINES:])]


def _stable(line: str) -> str:
    """Without what differs from run to run: addresses, times, the numbers of temporary directories."""
    return _TIME.sub(r"... \1", _PYTEST_TMP.sub(r"\g<1>0", _ADDRESS.sub("0x...", line))).rstrip()


def _short(line: str) -> str:
    return line if len(line) <= _MAX_WIDTH else f"{line[: _MAX_WIDTH * 3 // 4]} ... {line[-_MAX_WIDTH // 5 :]}"


def _names(names: Sequence[str] | Iterable[str]) -> str:
    names = list(names)
    more = f", ... and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(_short(name) for name in names[:_MAX_NAMES]) + more
