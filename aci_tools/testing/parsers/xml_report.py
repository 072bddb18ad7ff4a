"""Reports in JUnit's XML, which many runners write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from aci_tools.output import clean
from aci_tools.testing.report import Status

_DOCUMENT = re.compile(r"<\?xml\b.*?\?>")
_STATUS: dict[str, Status] = {"failure": "failed", "error": "error", "warning": "failed", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a report.

    Attributes:
        owner: The class that it belongs to.
        name: Its own name.
        status: How it ended.
        text: What is said about its failure, a stack trace included.
    """

    owner: str
    name: str
    status: Status
    text: str


def read_cases(report: str) -> list[Case]:
    """The tests of one or several XML documents; one that is cut off or broken is left out."""
    cases: list[Case] = []
    for document in _DOCUMENT.split(report):
        try:
            root = ElementTree.fromstring(document)
        except ElementTree.ParseError:
            continue
        cases += [_case(element) for element in root.iter("testcase")]
    return cases


def _case(element: ElementTree.Element) -> Case:
    status: Status = "passed"
    text = ""
    for part in element:
        if part.tag in _STATUS:
            status = _STATUS[part.tag]
            text = part.text or part.get("message") or ""
    owner = element.get("class") or element.get("classname") or ""
    return Case(owner, element.get("name") or "", status, clean(text.encode("utf-8", "replace")).strip())
