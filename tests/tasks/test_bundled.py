"""The machinery of bundled tasks, on a package that the test makes and a package index of its own."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from tasks.bundled import fetch, judge, names, recipe

MODULE = "def double(number):\n    return number + number + 1\n"
FIX = """\
--- a/src/toy/__init__.py
+++ b/src/toy/__init__.py
@@ -1,2 +1,2 @@
 def double(number):
-    return number + number + 1
+    return number + number
"""
TEST = """\
from toy import double


def test_two():
    assert double(2) == 4


def test_type():
    assert double(1.0)
"""
#: A build that would tell if it were ever executed.
SETUP = "import pathlib\npathlib.Path({canary!r}).touch()\nfrom setuptools import setup\nsetup()\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index with one source distribution, the only one that pip knows, and a directory with its recipe."""
    files = {
        "src/toy/__init__.py": MODULE,
        "setup.py": SETUP.format(canary=str(tmp_path / "executed")),
        "PKG-INFO": "Metadata-Version: 2.1\nName: Toy.Package\nVersion: 1.2\n",
        ".gitignore": "PKG-INFO\n",
        "conftest.py": "raise SystemExit('a conftest.py that must not be read')\n",
    }
    archive = tmp_path / "index/toy-package/toy_package-1.2.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"toy_package-1.2/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (archive.parent / "index.html").write_text(
        f'<a href="toy_package-1.1.tar.gz">old</a><a href="{archive.name}#sha256={digest}">{archive.name}</a>'
    )
    made = tmp_path / "recipes/toy"
    made.mkdir(parents=True)
    (made / "task.toml").write_text(
        f'package = "Toy.Package"\nversion = "1.2"\nfixed_version = "1.3"\nsha256 = "{digest}"\nimport_path = ["src"]\n'
    )
    (made / "issue.md").write_text("# double() is off by one\n")
    (made / "hidden_test.py").write_text(TEST)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    return tmp_path


def test_repository_is_the_released_source_in_one_commit(index: Path) -> None:
    made = fetch("toy", index / "cache", index / "recipes")
    log = subprocess.run(["git", "log", "--format=%ad"], cwd=made, capture_output=True, text=True, check=True).stdout
    assert log.count("\n") == 1
    assert "2000" in log
    assert (made / "src/toy/__init__.py").read_text() == MODULE
    assert (made / "PKG-INFO").exists()
    assert [path.name for path in (index / "cache").iterdir()] == [made.name]
    assert not (index / "executed").exists()
    again = fetch("toy", index / "other", index / "recipes")
    heads = [(path / ".git/refs/heads/main").read_text() for path in (made, again)]
    assert heads[0] == heads[1]


def test_second_fetch_needs_no_index(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch("toy", index / "cache", index / "recipes")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert fetch("toy", index / "cache", index / "recipes") == first


@pytest.mark.parametrize("where", ["index over HTTP", "extra index", "directory of files"])
def test_wherever_pip_is_configured_to_look(
    index: Path, monkeypatch: pytest.MonkeyPatch, serve: Any, where: str
) -> None:
    if where == "index over HTTP":
        monkeypatch.setenv("PIP_INDEX_URL", serve(index / "index"))
    else:
        monkeypatch.setenv("PIP_INDEX_URL", (index / "empty").as_uri())
        monkeypatch.setenv(
            *{
                "extra index": ("PIP_EXTRA_INDEX_URL", f"{(index / 'no').as_uri()} {(index / 'index').as_uri()}/"),
                "directory of files": ("PIP_FIND_LINKS", str(index / "index/toy-package")),
            }[where]
        )
    assert (fetch("toy", index / "cache", index / "recipes") / "setup.py").exists()


def test_file_with_another_digest_is_never_used(index: Path) -> None:
    with (index / "index/toy-package/toy_package-1.2.tar.gz").open("ab") as archive:
        archive.write(b"\0")
    with pytest.raises(InfrastructureError, match="another SHA-256") as caught:
        fetch("toy", index / "cache", index / "recipes")
    assert "\n" not in str(caught.value)
    assert list((index / "cache").iterdir()) == []
    assert not (index / "executed").exists()


def test_no_index_is_one_clear_line(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(
        InfrastructureError, match=r"cannot download Toy\.Package 1\.2: cannot reach 127\.0\.0\.1"
    ) as caught:
        fetch("toy", index / "cache", index / "recipes")
    assert "\n" not in str(caught.value)


def computer(copy: Path, path: str = f"{Path(sys.executable).parent}:/usr/bin:/bin") -> Sandbox:
    return open_sandbox("local", SandboxSpec(repository=copy, env={"PATH": path}))


def test_verdict_with_and_without_the_fix(index: Path) -> None:
    made = fetch("toy", index / "cache", index / "recipes")
    before = judge("toy", made, "", computer, index / "recipes")
    assert not before.passed
    assert before.summary == "1 failed, 1 passed; test_two: assert 5 == 4"
    after = judge("toy", made, FIX, computer, index / "recipes")
    assert (after.passed, after.summary) == (True, "2 passed")
    assert (made / "src/toy/__init__.py").read_text() == MODULE


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (FIX.replace("+    return number + number\n", "+    return number +\n"), "invalid syntax"),
        (FIX.replace("+    return number + number\n", "+    raise SystemExit(0)\n"), "SystemExit"),
        (FIX.replace("+    return number + number\n", "+    __import__('os')._exit(0)\n"), "did not run"),
        (FIX.replace("number + 1", "number + 2"), "does not apply"),
        (FIX.replace("double", "triple"), "does not apply"),
    ],
)
def test_bad_patch_fails_with_the_reason(index: Path, patch: str, said: str) -> None:
    made = fetch("toy", index / "cache", index / "recipes")
    verdict = judge("toy", made, patch, computer, index / "recipes")
    assert not verdict.passed
    assert said in verdict.summary
    assert "\n" not in verdict.summary


def test_python_without_pytest(index: Path, tmp_path: Path) -> None:
    made = fetch("toy", index / "cache", index / "recipes")
    venv.create(tmp_path / "bare", with_pip=False)
    bare = f"{tmp_path / 'bare' / 'bin'}:/usr/bin:/bin"
    with pytest.raises(InfrastructureError, match="no python3 with pytest"):
        judge("toy", made, FIX, lambda copy: computer(copy, path=bare), index / "recipes")


def test_unknown_and_malformed_recipes(index: Path) -> None:
    assert names(index / "recipes") == ["toy"]
    with pytest.raises(UsageError, match="no bundled task 'tox': there is toy"):
        recipe("tox", index / "recipes")
    with pytest.raises(UsageError, match="no bundled task"):
        recipe("../recipes/toy", index / "recipes")
    (index / "recipes/toy/task.toml").write_text('package = "toy"\nsha = "x"\n')
    with pytest.raises(UsageError, match=r"task\.toml: version: Field required"):
        recipe("toy", index / "recipes")
