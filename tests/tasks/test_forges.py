"""Issues, repositories and pull requests of each kind of forge, over real HTTP."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.forges import locate_issue, locate_repository
from tasks.sources import Comment, read_issue
from tests.tasks.forge_kinds import KINDS, settings
from tests.tasks.forge_server import Forge, Project, serving

TOKEN = "tok-of-carol"
ISSUES = {"github": "issues", "gitlab": "-/issues", "gitea": "issues"}
PULLS = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}


@pytest.fixture(params=KINDS)
def forge(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    made = KINDS[request.param](tmp_path / "forge")
    made.users = {TOKEN: "carol", "tok-of-mona": "mona"}
    with serving(made):
        for name, value in settings(made).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        yield made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository of one commit, which every test gets a copy of."""
    place = tmp_path_factory.mktemp("source")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "trunk", str(place)], check=True)
    who = "A U Thor <author@example.org> 946684800 +0000"
    history = f"commit refs/heads/trunk\ncommitter {who}\ndata 5\nBegin\nM 644 inline story\ndata 3\none\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=place, input=history.encode(), check=True)
    return place


@pytest.fixture
def project(forge: Forge, source: Path) -> Project:
    return forge.add("octo/hello.world", source, writers={"mona"})


@pytest.fixture
def signed_in(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings(forge, TOKEN).items():
        monkeypatch.setenv(name, value)


def issue_url(forge: Forge, number: int, path: str = "octo/hello.world") -> str:
    return f"{forge.web}/{path}/{ISSUES[forge.kind]}/{number}"


def forge_of(forge: Forge) -> Any:
    return locate_issue(issue_url(forge, 1)).forge


@pytest.mark.usefixtures("signed_in")
def test_issue_with_what_was_said_and_what_it_refers_to(forge: Forge, project: Project) -> None:
    project.issue(3, "Older", "It said `hi`.", state="closed")
    project.pull(5, "Say hello", "Not yet.", head="feature", author="mona")
    mark = "!5" if forge.kind == "gitlab" else "#5"
    entry = project.issue(
        7, "Greeting is wrong ", f"It says `bye`, see {mark}, #99 and `#4`.", labels=["bug", "area: ui"]
    )
    entry.assignees, entry.locked = ["mona"], True
    entry.comments = [("mona", f"Like {issue_url(forge, 3)}."), ("reporter", "With 3.12."), ("somebody", "Here too.")]
    issue = read_issue(issue_url(forge, 7) + "#note")
    assert (issue.kind, issue.title, issue.number, issue.url) == (
        forge.kind,
        "Greeting is wrong",
        7,
        issue_url(forge, 7),
    )
    assert (issue.state, issue.locked, issue.labels, issue.assignees) == ("open", True, ("bug", "area: ui"), ("mona",))
    assert issue.repo == f"{forge.web}/octo/hello.world.git"
    assert [one.by for one in issue.comments] == ["maintainer", "reporter", ""]
    seen = [(one.name, one.title, one.state, one.pull_request) for one in issue.references]
    assert seen == [(mark, "Say hello", "open", True), ("#3", "Older", "closed", False)]
    assert issue.identifier == "octo__hello.world-7"
    assert not issue.pull_request
    statement = issue.statement()
    assert "Labels: bug, area: ui\n\nIt says `bye`" in statement
    assert "## Comment 2, by who reported it\n\nWith 3.12." in statement
    assert "mona" not in statement


def test_what_is_linked_by_the_forges_own_means(forge: Forge, project: Project) -> None:
    project.issue(3, "Older")
    project.issue(7, "Crash", related=[("octo/hello.world", 3)])
    assert [one.name for one in read_issue(issue_url(forge, 7)).references] == (
        [] if forge.kind == "github" else ["#3"]
    )


def test_an_address_that_cannot_be_one_is_text(forge: Forge, project: Project) -> None:
    project.issue(3, "Older")
    project.issue(7, "Crash", "官网 https://example.org：说明 #3")
    assert [one.name for one in read_issue(issue_url(forge, 7)).references] == ["#3"]


def test_pull_request_is_read_like_an_issue(forge: Forge, project: Project) -> None:
    project.pull(8, "Say hello", "It said bye.", head="feature", comments=[("somebody", "No.")])
    issue = read_issue(f"{forge.web}/octo/hello.world/{PULLS[forge.kind]}/8")
    assert (issue.title, issue.pull_request, issue.comments) == ("Say hello", True, (Comment("No."),))


def test_all_pages(forge: Forge, project: Project) -> None:
    comments = [("somebody", f"number {number}") for number in range(230)]
    project.issue(7, "Crash", comments=comments)
    assert [one.body for one in read_issue(issue_url(forge, 7)).comments] == [said for _, said in comments]


def test_bots_and_hidden_notes_are_left_out(forge: Forge, project: Project) -> None:
    bots = {"github": "ci[bot]", "gitlab": "project_1_bot_2", "gitea": "ci-bot"}
    comments = [(bots[forge.kind], "Stale."), ("somebody", "Here too.")]
    if forge.kind == "gitlab":
        comments += [("mona", "internal: The customer is Acme."), ("mona", "changed the description")]
    project.issue(7, "Crash", comments=comments)
    assert [one.body for one in read_issue(issue_url(forge, 7)).comments] == ["Here too."]


def test_private_project_needs_the_token(forge: Forge, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.private = True
    project.issue(7, "Crash")
    variable = next(name for name, value in settings(forge, TOKEN).items() if value == TOKEN)
    with pytest.raises(UsageError, match=f"no such issue .*private: then set {variable}"):
        read_issue(issue_url(forge, 7))
    monkeypatch.setenv(variable, TOKEN)
    with pytest.raises(UsageError, match=f"{variable} has no access"):
        read_issue(issue_url(forge, 7))
    monkeypatch.setenv(variable, "tok-of-mona")
    assert read_issue(issue_url(forge, 7)).title == "Crash"
    monkeypatch.setenv(variable, "expired")
    with pytest.raises(InfrastructureError, match=f"refused the token in {variable}") as caught:
        read_issue(issue_url(forge, 7))
    assert "expired" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["X-RateLimit", "RateLimit"])
def test_rate_limit_says_until_when(forge: Forge, prefix: str) -> None:
    reset = int(time.time()) + 720
    forge.failing = (429, {f"{prefix}-Remaining": "0", f"{prefix}-Reset": str(reset)}, b"{}")
    clock = time.strftime("%H:%M", time.gmtime(reset))
    with pytest.raises(InfrastructureError, match=rf"until {clock} UTC \(in 12 minutes\); with \w+_TOKEN set"):
        read_issue(issue_url(forge, 7))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>Sign in</html>", "no JSON"),
        (200, b"[]", "no object"),
        (502, b"", "answered 502"),
        (403, b'{"message": "Blocked\\nhere"}', r"refused access.*\(Blocked here\)"),
    ],
)
def test_odd_answers_are_one_clear_line(forge: Forge, status: int, body: bytes, said: str) -> None:
    forge.failing = (status, {}, body)
    with pytest.raises(InfrastructureError, match=said) as caught:
        read_issue(issue_url(forge, 7))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("signed_in")
def test_an_answer_that_lacks_something_is_one_clear_line(forge: Forge) -> None:
    forge.failing = (200, {}, b"{}")
    client = forge_of(forge)
    for ask in (client.me, lambda: client.repository("octo/hello.world")):
        with pytest.raises(InfrastructureError, match=r"127\.0\.0\.1:\d+ did not answer like \w+: no \w+$"):
            ask()


@pytest.mark.usefixtures("signed_in")
def test_pull_request_from_a_fork(forge: Forge, project: Project) -> None:
    project.issue(7, "Crash")
    client = forge_of(forge)
    assert client.me() == "carol"
    target = client.repository("octo/hello.world")
    assert (target.forge, target.can_push, target.default_branch) == (forge.kind, False, "trunk")
    assert target.clone_url == f"{forge.web}/octo/hello.world.git"
    fork = client.fork(target)
    assert (fork.path, fork.can_push, fork.parent) == ("carol/hello.world", True, "octo/hello.world")
    assert client.fork(target).path == fork.path
    forge.projects[fork.path].run("branch", "patchwright/issue-7", "HEAD")
    assert client.pull_requests(target.path, head="patchwright/issue-7") == []
    place = {"head": "patchwright/issue-7", "head_repo": fork.path, "base": "trunk"}
    made = client.create(target, title="Mend it", body="Closes #7", draft=True, **place)
    assert (made.repo, made.head, made.head_repo, made.base) == (target.path, place["head"], fork.path, "trunk")
    assert (made.draft, made.author, made.state, made.title, made.body) == (
        True,
        "carol",
        "open",
        "Mend it",
        "Closes #7",
    )
    assert client.pull_requests(target.path, head="patchwright/issue-7") == [made]
    assert client.pull_requests(target.path, head="other") == []
    assert client.linked(target.path, 7) == [made]
    changed = client.update(made, title="Mend the crash", body="Closes #7.")
    assert (changed.title, changed.body, changed.draft, changed.number) == (
        "Mend the crash",
        "Closes #7.",
        True,
        made.number,
    )
    with pytest.raises(UsageError, match="exists already"):
        client.create(target, title="Again", body="", draft=False, **place)
    forge.projects[target.path].find(made.number).state = "closed"
    assert client.pull_requests(target.path, head="patchwright/issue-7") == []
    assert [one.state for one in client.pull_requests(target.path, head="patchwright/issue-7", state="all")] == [
        "closed"
    ]
    assert client.linked(target.path, 7) == []


def test_pull_request_without_a_token(forge: Forge, project: Project) -> None:
    client = forge_of(forge)
    target = client.repository(project.path)
    assert not target.can_push
    with pytest.raises(InfrastructureError, match=r"asks for a token: set \w+_TOKEN"):
        client.fork(target)


def test_gitea_is_recognised_by_asking(forge: Forge, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings(forge):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("GITEA_TOKEN", "tok-of-mona")
    project.issue(7, "Crash")
    if forge.kind == "github":
        with pytest.raises(UsageError, match="no GitHub, GitLab, Gitea or Forgejo that is known: set GITHUB_API_URL"):
            read_issue(issue_url(forge, 7))
    else:
        assert read_issue(issue_url(forge, 7)).kind == forge.kind
    # A token goes only to the site that its owner named.
    assert {one.authorization for one in forge.requests} == {None}


@pytest.mark.parametrize("form", ["{web}/octo/hello.world.git", "{web}/octo/hello.world", "{web}/octo/hello.world/"])
def test_repository_by_its_clone_url(forge: Forge, project: Project, form: str) -> None:
    place = locate_repository(form.format(web=forge.web))
    assert (place.forge.kind, place.path, place.number) == (forge.kind, project.path, 0)


@pytest.mark.parametrize(
    ("url", "web", "path"),
    [
        ("git@github.com:octo/hello.git", "https://github.com", "octo/hello"),
        ("ssh://git@gitlab.com:22/a/b/c.git", "https://gitlab.com", "a/b/c"),
        ("https://user:secret@codeberg.org/octo/hello", "https://codeberg.org", "octo/hello"),
        ("https://gitlab.example.org/a/b.git", "https://gitlab.example.org", "a/b"),
        ("https://acme.ghe.com/octo/hello", "https://acme.ghe.com", "octo/hello"),
    ],
)
def test_repository_on_public_sites(url: str, web: str, path: str) -> None:
    place = locate_repository(url)
    assert (place.forge.web, place.path) == (web, path)


@pytest.mark.parametrize(
    "url",
    [
        "/some/where",
        "https://github.com/octo",
        "https://github.com/a/b/c",
        "git://x/y/z",
        "https://[x/y/z",
        "https://x:y/y/z",
        "ssh://例え：x/y/z",
    ],
)
def test_what_is_no_repository_on_a_forge(url: str) -> None:
    with pytest.raises(UsageError, match="not "):
        locate_repository(url)
