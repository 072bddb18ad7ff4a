"""What a user's words for an issue mean, and the problem statement made of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from tasks.sources import Issue, read_issue


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("# Crash on empty input\n\nIt fails.\n", "Crash on empty input", "It fails."),
        ("\n## Crash ##\r\nIt fails.\r\n", "Crash", "It fails."),
        ("Crash\n=====\n\nIt fails.", "Crash", "It fails."),
        ("---\nlabels: [bug]\n---\n# Crash\nIt fails.", "Crash", "It fails."),
        ("Seen today.\n\n# Crash\n\nIt fails.", "Crash", "Seen today.\n\n\nIt fails."),
        ("It fails.\n\n## Steps\n\n1. run", "It fails.", "## Steps\n\n1. run"),
        ("It fails.\n```sh\n# not a heading\n```", "It fails.", "```sh\n# not a heading\n```"),
        ("Only a line", "Only a line", ""),
        ("\ufeff# With a mark", "With a mark", ""),
    ],
)
def test_title_and_body_of_a_file(text: str, title: str, body: str) -> None:
    Path("issue file.md").write_text(text, encoding="utf-8", newline="")
    issue = read_issue("issue file.md")
    assert (issue.title, issue.body, issue.kind) == (title, body, "file")


def test_long_first_line_is_no_title() -> None:
    text = "word " * 100
    issue = read_issue(text)
    assert len(issue.title) <= 200
    assert issue.body == text.strip()


def test_standard_input() -> None:
    issue = read_issue("-", stdin=io.StringIO("# Crash\nIt fails."))
    assert (issue.title, issue.body, issue.kind) == ("Crash", "It fails.", "stdin")


@pytest.mark.parametrize(
    "text",
    ["It crashes", "Typo in README.md", "src/app.py raises KeyError", "crash", "see https://example.org/x/y", "a\nb"],
)
def test_text_is_text(text: str) -> None:
    assert read_issue(text).title == text.split("\n")[0]
    assert read_issue(text).kind == "text"


@pytest.mark.parametrize("spec", ["issue.md", "notes.TXT", "./issue", "issues/12", "~/issue", "C:/issue"])
def test_mistyped_path_is_not_taken_for_text(spec: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_issue(spec)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("empty.md", "is empty"),
        ("directory", "is a directory"),
        ("binary", "not a text file"),
    ],
)
def test_what_is_no_issue_is_said(spec: str, said: str) -> None:
    Path("empty.md").touch()
    Path("directory").mkdir()
    Path("binary").write_bytes(b"\x7fELF\0")
    with pytest.raises(UsageError, match=said):
        read_issue(spec)


def test_one_word_that_is_a_file_is_the_file() -> None:
    Path("crash").write_text("# From the file")
    assert read_issue("crash").title == "From the file"


def test_statement_has_title_body_and_comments() -> None:
    issue = Issue("Crash", "It fails.", comments=("Me too.", "<!-- only a hint -->", "On 3.12."))
    assert issue.statement() == "Crash\n\nIt fails.\n\n## Comment 1\n\nMe too.\n\n## Comment 2\n\nOn 3.12."


def test_hints_of_templates_go_and_code_stays() -> None:
    body = (
        "<!-- Please search first -->\n### What\n\nIt `<!-- fails -->`.<!--\nmany\nlines -->\n\n"
        "```html\n<!-- kept -->\n```\n~~~\n<!-- kept too -->\n~~~\n<!-- never closed"
    )
    statement = Issue("Crash", body).statement()
    assert statement == (
        "Crash\n\n### What\n\nIt `<!-- fails -->`.\n\n"
        "```html\n<!-- kept -->\n```\n~~~\n<!-- kept too -->\n~~~\n<!-- never closed"
    )


@pytest.mark.parametrize("limit", [200, 300, 500, 1000, 5000])
def test_statement_is_bounded_and_says_what_is_left_out(limit: int) -> None:
    body = "It fails.\n```python\n" + "x = 1\n" * 100 + "```\n"
    issue = Issue("Crash", body, comments=tuple("comment " * 40 + str(number) for number in range(20)))
    statement = issue.statement(limit)
    assert len(statement) <= limit
    assert statement.startswith("Crash\n\nIt fails.")
    assert "left out]" in statement or "characters in all]" in statement
    assert statement.count("```") % 2 == 0


def test_hostile_markdown_takes_no_time() -> None:
    for body in ("<!--" * 50_000, "```" + "`" * 50_000, "`a" * 50_000, "```\n<!--\n" * 30_000):
        assert len(Issue("x", body).statement(1000)) <= 1000


def test_identifier_names_the_issue() -> None:
    issue = Issue("Crash", repo="https://github.com/pallets/flask.git", number=12)
    assert issue.identifier == "pallets__flask-12"
    assert Issue("It crashes, always!").identifier.startswith("it-crashes-always-")
    assert Issue("It crashes", "here").identifier != Issue("It crashes", "there").identifier
    assert Issue("…").identifier
