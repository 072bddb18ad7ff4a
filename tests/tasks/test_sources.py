"""What a user's words for an issue mean, and the problem statement made of it."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from tasks.sources import Comment, Issue, Reference, read_issue


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


def test_a_pipe_is_read_like_a_file() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        file.write("# From the pipe")
    try:
        assert read_issue(f"/dev/fd/{reader}").title == "From the pipe"
    finally:
        os.close(reader)


def test_one_word_that_is_a_file_is_the_file() -> None:
    Path("crash").write_text("# From the file")
    assert read_issue("crash").title == "From the file"


def test_statement_has_title_body_and_comments() -> None:
    issue = Issue(
        "Crash", "It fails.", comments=(Comment("Me too."), Comment("<!-- only a hint -->"), Comment("On 3.12."))
    )
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


@pytest.mark.parametrize("limit", [50, 75, 125, 250, 1250])
def test_statement_is_bounded_and_says_what_is_left_out(limit: int) -> None:
    body = "It fails.\n```python\n" + "x = 1\n" * 100 + "```\n"
    issue = Issue("Crash", body, comments=tuple(Comment("comment " * 40 + str(number)) for number in range(20)))
    statement = issue.statement(limit)
    assert len(statement.encode()) <= 4 * limit
    assert statement.startswith("Crash\n\nIt fails.")
    assert "left out]" in statement or "characters in all]" in statement
    assert statement.count("```") % 2 == 0


def test_hostile_markdown_takes_no_time() -> None:
    for body in (
        "<!--" * 50_000,
        "```" + "`" * 50_000,
        "`a" * 50_000,
        "```\n<!--\n" * 30_000,
        "![" * 50_000,
        "<img " * 50_000,
    ):
        assert len(Issue("x", body).statement(250)) <= 1000


def test_most_useful_is_kept_in_the_order_in_which_it_was_said() -> None:
    comments = (
        Comment("+1, same here, any news?"),
        Comment("I think that it has to do with the weather. " * 10),
        Comment("It fails in `parse`:\n```\nTraceback (most recent call last):\nKeyError\n```", "reporter"),
        Comment("Where I work it fails with `x`, too. " * 10),
        Comment("That is the fault of `split`.", "maintainer"),
    )
    references = (Reference("#3", "Rewrite it", "All of it. " * 500, "open", pull_request=True),)
    issue = Issue("Crash", "It fails.", comments=comments, references=references)
    whole = issue.statement()
    assert [whole.index(f"## Comment {number}") for number in range(1, 6)] == sorted(
        whole.index(f"## Comment {number}") for number in range(1, 6)
    )
    assert "## Mentioned: pull request #3, open\n\nRewrite it\n\nAll of it." in whole
    assert len(whole) < 4000
    short = issue.statement(100)
    assert "## Comment 3, by who reported it\n\nIt fails in `parse`" in short
    assert "## Comment 5, by a maintainer\n\nThat is the fault of `split`." in short
    assert short.endswith("[3 comments and 1 mentioned issue left out]")
    middle = replace(issue, references=()).statement(190)
    assert "Where I work" in middle
    assert "+1" not in middle


def test_statement_in_any_script_is_bounded() -> None:
    issue = Issue("崩溃", "它失败了。" * 5000, comments=(Comment("是的" * 5000),))
    assert 3500 < len(issue.statement(1000).encode()) <= 4000


def test_labels_are_said_and_assignees_are_not() -> None:
    statement = Issue("Crash", "It fails.", labels=("bug", "area: parser"), assignees=("octocat",)).statement()
    assert statement == "Crash\n\nLabels: bug, area: parser\n\nIt fails."


def test_long_log_keeps_its_end() -> None:
    log = "\n".join(f"line {number}" for number in range(5000))
    statement = Issue("Crash", f"See:\n```\n{log}\nKeyError: 'a'\n```\nPlease mend it.").statement(1000)
    assert "line 0\n" in statement
    assert "KeyError: 'a'\n```\nPlease mend it." in statement
    assert "lines left out]" in statement


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("![The crash](https://example.org/a/crash.png?size=2)", "[image: The crash, crash.png]"),
        ("![](data:image/png;base64,iVBORw0KGgo=)", "[image: no name]"),
        ('<img width="300" alt="Crash" src="https://example.org/user-attachments/1">', "[image: Crash, 1]"),
        ("![](//example.org?one.png#two/three.png)", "[image: no name]"),
        ("![](../a/crash.png)", "[image: crash.png]"),
        ("![](https://example.org：说明)", "[image: no name]"),
        ('<img src="http://[crash/one.png">', "[image: one.png]"),
        ("`![not](one.png)`", "`![not](one.png)`"),
    ],
)
def test_images_are_named(image: str, name: str) -> None:
    assert Issue("Crash", f"See {image} there").statement() == f"Crash\n\nSee {name} there"


@pytest.mark.parametrize(("state", "locked", "count"), [("open", False, 0), ("closed", False, 1), ("closed", True, 2)])
def test_closed_and_locked_issues_are_remarked_on(state: str, locked: bool, count: int) -> None:
    remarks = Issue("Crash", state=state, locked=locked).remarks
    assert len(remarks) == count
    assert all(word in " ".join(remarks) for word in ["closed", "locked"][:count])


def test_identifier_names_the_issue() -> None:
    issue = Issue("Crash", repo="https://github.com/pallets/flask.git", number=12)
    assert issue.identifier == "pallets__flask-12"
    assert Issue("It crashes, always!").identifier.startswith("it-crashes-always-")
    assert Issue("It crashes", "here").identifier != Issue("It crashes", "there").identifier
    assert Issue("…").identifier
