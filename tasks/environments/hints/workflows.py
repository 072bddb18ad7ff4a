"""Continuous integration, read as data: GitHub's workflows and GitLab's pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.environments.debian import first_version
from tasks.environments.hints.commands import debian_packages, pip_arguments, test_commands
from tasks.environments.hints.model import Hints, language_of_image

#: Actions that set a language up, with the input that names its version.
_SETUPS = {
    "actions/setup-python": ("python", "python-version"),
    "actions/setup-node": ("node", "node-version"),
    "actions/setup-go": ("go", "go-version"),
    "actions/setup-java": ("java", "java-version"),
    "ruby/setup-ruby": ("ruby", "ruby-version"),
    "shivammathur/setup-php": ("php", "php-version"),
}


def read_workflow(document: dict[str, Any], path: str) -> Hints:
    """What a workflow of GitHub says of the project's needs. Only jobs that run tests count.

    Args:
        document: Its content.
        path: Where it is, for the user.
    """
    hints = Hints()
    jobs = document.get("jobs")
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps = [step for step in _list(job.get("steps")) if isinstance(step, dict)] if isinstance(job, dict) else []
        of_job = Hints()
        for step in steps:
            _take(of_job, str(step.get("run") or ""))
            language, key = _SETUPS.get(str(step.get("uses", "")).partition("@")[0], ("", ""))
            given = step.get("with")
            if language and isinstance(given, dict) and (version := first_version(str(given.get(key, "")))):
                of_job.versions.setdefault(language, version)
        if of_job.tests:
            hints.add(of_job)
    return _summed(hints, path)


def read_pipeline(document: dict[str, Any], path: str) -> Hints:
    """What GitLab's pipeline says of the project's needs. Only jobs that run tests count.

    Args:
        document: Its content.
        path: Where it is, for the user.
    """
    hints = Hints()
    default = document.get("default")
    shared = {**document, **(default if isinstance(default, dict) else {})}
    for job in document.values():
        if not isinstance(job, dict) or "script" not in job:
            continue
        of_job = Hints()
        for part in (job.get("before_script", shared.get("before_script")), job["script"]):
            for line in _list(part):
                _take(of_job, str(line))
        image = job.get("image", shared.get("image", ""))
        if found := language_of_image(str(image.get("name") if isinstance(image, dict) else image)):
            of_job.versions.setdefault(*found)
        if of_job.tests:
            hints.add(of_job)
    return _summed(hints, path)


def _take(hints: Hints, shell: str) -> None:
    hints.packages += [name for name in debian_packages(shell) if name not in hints.packages]
    hints.pip += pip_arguments(shell)
    hints.tests += test_commands(shell)


def _summed(hints: Hints, path: str) -> Hints:
    if hints.tests:
        hints.says(f"{path} runs the tests with `{hints.tests[0]}`")
    return hints


def _list(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else () if value is None else (value,)
