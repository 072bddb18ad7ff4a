"""Projects in many languages, tested by ``run_tests`` in a container with what Debian has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.testing import TestReport, difference, run_project_tests
from tests.languages.repositories import PROJECTS, Project

pytestmark = [pytest.mark.docker, pytest.mark.languages, pytest.mark.timeout(600)]

Opener = Callable[[Project], Session]


@pytest.fixture
def opener(tmp_path: Path, languages_image: str) -> Iterator[Opener]:
    """Opens a session on a project, with its dependencies installed; it is closed in the end."""
    opened: list[Session] = []

    def open_it(project: Project) -> Session:
        repository = project.write(tmp_path / project.name)
        spec = SandboxSpec(image=languages_image, repository=repository, network=bool(project.install))
        session = Session(open_sandbox("docker", spec), SessionSettings())
        opened.append(session)
        if project.install:
            installed = session.sandbox.run(project.install, cwd=session.root, timeout=300.0)
            assert installed.ok, installed.text
        return session

    yield open_it
    for session in opened:
        session.sandbox.close()


def _ran(report: TestReport) -> set[str]:
    return {test for test, status in report.results.items() if status != "skipped"}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_project_is_tested_repaired_and_tested_again(project: Project, opener: Opener) -> None:
    session = opener(project)
    before = run_project_tests(session)
    failed = set(before.failing)
    parents = {test for test in failed if project.failed.startswith(f"{test}/")}  # Go counts a test above its parts
    assert failed - parents == {project.failed}
    assert {test for test, status in before.results.items() if status == "passed"} == set(project.passed)
    assert before.counts.get("skipped", 0) == project.skipped
    (failure,) = before.failures
    assert (failure.id, failure.location) == (project.failed, project.location)
    assert project.message in failure.message
    assert session.patch() == ""

    alone = run_project_tests(session, project.target)
    assert project.failed in alone.results
    assert set(alone.failing) <= failed
    assert len(_ran(alone)) < len(_ran(before))

    fixed = session.sandbox.read(f"{session.root}/{project.file}").decode().replace(project.bug, project.fix)
    session.write(project.file, fixed.encode())
    after = run_project_tests(session)
    assert after.ok
    assert difference(after, before).newly_passing == tuple(test for test in before.results if test in failed)
    assert session.patch().count("\ndiff --git") == 0
