"""The threat model and its tests are held together: no line without a test, no test without a line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
#: Attacks that are not made twice by the parameter ``defended``, and what makes them without the defence.
WITHOUT_DEFENCE = {
    "test_a_model_that_obeys_a_hostile_issue_gets_nothing_out": (
        "test_it_would_get_all_but_the_keys_of_the_environment_out_of_no_sandbox"
    ),
    "test_nothing_that_the_repository_names_is_executed": "test_the_traps_do_snap_for_plain_git",
    # It tries each trick on another grader too, and says which of them that one falls for.
    "test_a_trick_resolves_nothing": "test_a_trick_resolves_nothing",
}
_TEST = re.compile(r"`(tests/[\w/]+\.py)?::(test_\w+)`")


def threats() -> dict[str, list[tuple[str, str]]]:
    """The tests of every threat, as file and name."""
    found = {}
    for line in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| ") or cells[0] in ("Threat", "---"):
            continue
        assert len(cells) == 3, line
        file = ""
        found[cells[0]] = [(file := named or file, test) for named, test in _TEST.findall(cells[2])]
    return found


def functions(file: str) -> dict[str, set[str]]:
    """The tests of a file, with their parameters."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: {argument.arg for argument in node.args.args} for node in found}


@pytest.mark.parametrize("threat", threats())
def test_every_threat_has_a_test_that_was_seen_to_fail(threat: str) -> None:
    assert threats()[threat], "there is no test"
    named = {test for of_threat in threats().values() for _, test in of_threat}
    for file, test in threats()[threat]:
        assert test in functions(file), f"{file} has no {test}"
        twice = "defended" in functions(file)[test] or test in WITHOUT_DEFENCE.values()
        assert twice or WITHOUT_DEFENCE.get(test) in named, f"nothing shows that {test} can fail"


def test_every_test_of_security_is_named() -> None:
    named = {place for tests in threats().values() for place in tests}
    for path in sorted((ROOT / "tests" / "security").glob("test_*.py")):
        file = path.relative_to(ROOT).as_posix()
        if path.name != Path(__file__).name:
            missing = [test for test in functions(file) if (file, test) not in named]
            assert not missing, f"docs/security.md does not name these of {file}: {missing}"
