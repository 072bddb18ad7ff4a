"""Which places a known solution touches, and how near attempts came to them."""

from __future__ import annotations

import difflib
from typing import Any

import pytest

from trajectories.stats import facts, read_attempt, touched
from trajectories.stats.localisation import Localisation, localise, patched_files

BEFORE = '''\
import os

LIMIT = 1


class Reader:
    """Reads."""

    size = 1

    def parse(self, text):
        found = []
        for line in text:
            found.append(line)
        return found

    def close(self):
        pass


def top(a):
    first = a
    second = a
    third = a
    return third


def other(a):
    return a
'''


def patch_to(after: str, path: str = "pkg/io.py", context: int = 3) -> str:
    lines = difflib.unified_diff(BEFORE.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}", n=context)
    return f"diff --git a/{path} b/{path}\n" + "".join(lines)


@pytest.mark.parametrize("source", [True, False], ids=["by tree", "by text"])
@pytest.mark.parametrize(
    ("old", "new", "functions"),
    [
        ("found.append(line)", "found.append(line.strip())", {"parse"}),
        ("    size = 1", "    size = 2", {"Reader"}),
        ("LIMIT = 1", "LIMIT = 2", set()),
        ("def top(a):\n    first = a", "def top(a, b=1):\n    first = b", {"top"}),
        ("    third = a\n    return third\n", "    third = a\n    return first\n", {"top"}),
        ("def other(a):", "def new(a):\n    return 1\n\n\ndef other(a):", set()),
        ("        pass\n", "        def inner():\n            return 1\n        inner()\n", {"close"}),
    ],
)
def test_functions_of_changed_lines(source: bool, old: str, new: str, functions: set[str]) -> None:
    assert old in BEFORE
    patch = patch_to(BEFORE.replace(old, new), context=6)
    (file,) = touched(patch, {"pkg/io.py": BEFORE} if source else None)
    assert (file.path, file.new, set(file.functions)) == ("pkg/io.py", False, functions)


def test_where_the_hunk_has_no_definition_gits_heading_names_it() -> None:
    hunk = "--- a/x.py\n+++ b/x.py\n@@ -50,3 +50,3 @@ def far_above(self):\n     a\n-    b\n+    c\n     d\n"
    (file,) = touched(hunk)
    assert file.spots == {(51, "far_above")}
    (outside,) = touched(hunk.replace("-    b\n+    c", "-b\n+c"))
    assert outside.functions == frozenset()


def test_new_files_and_other_languages_count_as_files_only() -> None:
    new = "diff --git a/n.py b/n.py\nnew file mode 100644\n--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x = 1\n"
    c = "diff --git a/m.c b/m.c\n--- a/m.c\n+++ b/m.c\n@@ -1 +1 @@ int main()\n-a\n+b\n"
    assert [(file.path, file.new, file.functions) for file in touched(new + c)] == [
        ("n.py", True, frozenset()),
        ("m.c", False, frozenset()),
    ]
    assert touched("this is no diff") == ()
    assert touched("--- a/x\n+++ b/x\n@@ -1,9 +1 @@\n-a\n") == ()


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{0}/pkg/io.py", "pkg/io.py"),
        ("{0}/b/io.py", "b/io.py"),
        ("{0}/a name.py", "a name.py"),
        (r'"{0}/\303\274n\303\257.py"', "ünï.py"),
        (r'"{0}/quo\"te.py"', 'quo"te.py'),
        (r'"{0}/t\tab \\ b.py"', "t\tab \\ b.py"),
        (r'"{0}/\351.py"', r"\xe9.py"),
    ],
)
@pytest.mark.parametrize("headed", [True, False])
@pytest.mark.parametrize("new", [True, False])
def test_names_as_git_writes_them(written: str, path: str, headed: bool, new: bool) -> None:
    old, now = written.format("a"), written.format("b")
    hunk = "@@ -0,0 +1 @@\n+x\n" if new else "@@ -1,2 +1 @@\n--- x\n-y\n+z\n"
    patch = f"--- {'/dev/null' if new else old}\n+++ {now}\n{hunk}"
    if headed:
        patch = f"diff --git {old} {now}\n{'new file mode 100644' if new else 'index 1..2 100644'}\n{patch}"
    patch += "diff --git a/m.py b/m.py\nold mode 100644\nnew mode 100755\n" if headed else ""
    wanted = {path, "m.py"} if headed else {path}
    assert patched_files(patch) == {file.path for file in touched(patch)} == wanted


GOLD = touched(patch_to(BEFORE.replace("found.append(line)", "found.append(line.strip())")), {"pkg/io.py": BEFORE})


def found(script: Any) -> Localisation:
    return localise(read_attempt(script.end()), GOLD)


@pytest.mark.parametrize(
    ("tool", "arguments", "result", "named", "opened", "seen"),
    [
        ("search_dir", {"term": "parse"}, {"text": "pkg/io.py (1):\n  11:    def parse(self"}, 1, 0, 0),
        ("search_dir", {"term": "parse"}, {"text": "otherpkg/io.py (1)"}, 0, 0, 0),
        ("find_file", {"pattern": "io.py"}, {"text": "1 file is named io.py:\npkg/io.py"}, 1, 0, 0),
        ("open", {"path": "pkg/io.py"}, {"data": {"path": "pkg/io.py", "lines": [1, 9]}}, 1, 1, 0),
        ("open", {"path": "pkg/io.py"}, {"data": {"path": "pkg/io.py", "lines": [12, 20]}}, 1, 1, 1),
        ("open", {"path": "pkg/io.py"}, {"data": {"path": "pkg/io.py", "lines": ["12", None]}}, 1, 1, 0),
        ("open", {"path": "pkg/io.py"}, {"text": "11:    def parse(self, text):"}, 1, 1, 1),
        ("open", {"path": "pkg/io.pyc"}, {}, 0, 0, 0),
        ("open", {"path": "pkg/io.py"}, {"code": "not-found"}, 1, 0, 0),
        ("rewrite_function", {"path": "pkg/io.py", "name": "Reader.parse", "code": "…"}, {"text": "ok"}, 1, 1, 1),
        ("goto", {"line": 12}, {"data": {"path": "pkg/io.py", "lines": [8, 16]}}, 1, 1, 1),
        ("bash", {"command": "sed -n '1,40p' /testbed/pkg/io.py"}, {"text": "    def parse(self"}, 1, 1, 1),
        ("bash", {"command": "cd pkg && cat io.py"}, {"text": "x"}, 0, 1, 0),
        ("bash", {"command": "cat io.py"}, {"text": "x"}, 0, 0, 0),
        ("bash", {"command": "grep -rn parse pkg"}, {"text": "pkg/io.py:11:    def parse(self, text):"}, 1, 0, 0),
        ("str_replace_editor", {"command": "view", "path": "/testbed/pkg/io.py"}, {"text": "def parse"}, 1, 1, 1),
        ("run_tests", {"target": "pkg/io.py"}, {}, 1, 0, 0),
    ],
)
def test_what_counts_as_named_opened_and_seen(
    write: Any, tool: str, arguments: Any, result: Any, named: int, opened: int, seen: int
) -> None:
    near = found(write().do(tool, arguments, **result))
    assert (len(near.named), len(near.opened), len(near.seen)) == (max(named, opened), opened, seen)
    assert near.first_opened == (1 if opened else None)


def test_a_shell_stays_where_it_went(write: Any) -> None:
    script = write().do("bash", {"command": "cd pkg"}, data={"cwd": "/testbed/pkg"})
    assert found(script.do("bash", {"command": "head io.py"})).first_opened == 2


def test_line_numbers_count_until_the_first_edit_only(write: Any) -> None:
    shown = {"data": {"path": "pkg/io.py", "lines": [10, 20]}}
    assert not found(write().edit("pkg/a.py").do("open", {"path": "pkg/io.py"}, **shown)).seen


def test_recall_stands_in_the_facts(write: Any) -> None:
    path = (
        write()
        .do("open", {"path": "pkg/io.py"})
        .edit("pkg/other.py")
        .end(patch=patch_to(BEFORE + "#\n", "pkg/other.py"))
    )
    row, _ = facts(read_attempt(path), gold=GOLD)
    assert (row.gold_files, row.gold_opened, row.gold_edited, row.gold_functions, row.gold_seen) == (1, 1, 0, 1, 0)
    assert row.first_gold == 1
    unknown, _ = facts(read_attempt(path))
    assert unknown.gold_files is None
