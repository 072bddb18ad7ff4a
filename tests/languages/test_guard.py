"""What the guard says of edits in the languages of the projects."""

from __future__ import annotations

import pytest

from aci_tools.guard import Guard
from tests.languages.repositories import PROJECTS, Project

GUARD = Guard()


def edited(project: Project, text: str) -> tuple[bytes, bytes]:
    before = project.source(project.file)
    return before.encode(), before.replace(project.bug, text).encode()


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_repair_lands_and_a_broken_one_is_refused(project: Project) -> None:
    assert GUARD.refuse(project.file, *edited(project, project.fix)) == []
    before, broken = edited(project, f"{project.fix} ))")
    (line,) = [number for number, text in enumerate(broken.decode().splitlines(), 1) if " ))" in text]
    assert line in [fault.line for fault in GUARD.refuse(project.file, before, broken)]


@pytest.mark.parametrize(
    "header",
    [
        "namespace a {\nclass B {\npublic:\n    template <class T> T get() const;\n};\n}\n",
        "struct device { struct class *class; int new; };\n",
    ],
    ids=["C++", "C"],
)
def test_a_header_may_be_either(header: str) -> None:
    assert GUARD.refuse("include/a.h", None, header.encode()) == []
    assert GUARD.refuse("include/a.h", header.encode(), header.replace("}", ")", 1).encode()) != []
