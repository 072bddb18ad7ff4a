"""Where tokens for forges are found, and which sites they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from tasks.forges import locate_issue, locate_repository
from tasks.forges.tokens import Token, token_of_url
from tasks.sources import read_issue
from tests.tasks.forge_kinds import GitHubServer, settings


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's directory of configuration; no variable says anything."""
    for name in (*settings(GitHubServer(tmp_path)), "GH_CONFIG_DIR", "GLAB_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_store_of_gh(config: Path) -> None:
    write(
        config / "gh/hosts.yml",
        "github.com:\n    user: mona\n    oauth_token: gho_1\nghe.example.org:\n    oauth_token: gho_2\n",
    )
    assert locate_issue("https://github.com/o/r/issues/1").forge.token() == "gho_1"
    assert locate_repository("git@github.com:o/r.git").forge.token() == "gho_1"


def test_key_ring_of_gh_is_asked_for_hosts_that_it_knows(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/gh"
    write(program, '#!/bin/sh\ntest "$*" = "auth token --hostname github.com" && echo gho_3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    forge = locate_issue("https://github.com/o/r/issues/1").forge
    assert forge.token() is None
    write(config / "gh/hosts.yml", "github.com:\n    user: mona\n")
    assert forge.token() == "gho_3"


def test_store_of_glab(config: Path) -> None:
    known = "    gitlab.com:\n        token: !!null glpat-1\n"
    hosts = f"{known}    git.example.org:\n        token: glpat-2\n        api_protocol: https\n"
    write(config / "glab-cli/config.yml", f"host: gitlab.com\nhosts:\n{hosts}")
    assert locate_issue("https://gitlab.com/o/r/-/issues/1").forge.token() == "glpat-1"
    assert locate_issue("https://git.example.org/a/b/c/-/work_items/1").forge.token() == "glpat-2"
    assert locate_issue("http://git.example.org/a/b/c/-/issues/1").forge.token() is None


def test_store_of_tea(config: Path) -> None:
    write(config / "tea/config.yml", "logins:\n- name: it\n  url: https://codeberg.org/\n  token: abc\n  user: mona\n")
    assert locate_issue("https://codeberg.org/o/r/issues/1").forge.token() == "abc"
    found = token_of_url("https://codeberg.org/o/r.git")
    assert found == Token("abc", "tea's store", "oauth2")
    assert "abc" not in repr(found)


@pytest.mark.parametrize("text", ["", "[", "- a\n- b\n", "github.com: x\n", "hosts: 3\nlogins: 3\n", "\xff"])
def test_broken_stores_hold_nothing(config: Path, text: str) -> None:
    for name in ("gh/hosts.yml", "glab-cli/config.yml", "tea/config.yml"):
        write(config / name, text)
    for url in ("https://github.com/o/r", "https://gitlab.com/o/r", "https://codeberg.org/o/r"):
        assert locate_repository(url).forge.token() is None


@pytest.mark.parametrize("value", ["…", "ghp_1\nghp_2", "ghp_1 # of work", "“ghp_1”"])
def test_what_cannot_be_a_token_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", value)
    with pytest.raises(UsageError, match="GITHUB_TOKEN holds no token for") as caught:
        read_issue("https://github.com/o/r/issues/1")
    assert value not in str(caught.value)
    assert "ghp_1" not in str(caught.value)


@pytest.mark.parametrize("value", ["http://[x", "https://gitlab.example.org:port", "例え：x"])
def test_a_variable_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GITLAB_HOST", value)
    with pytest.raises(UsageError, match="GITLAB_HOST holds no address: "):
        locate_issue("https://example.org/o/r/issues/1")


@pytest.mark.parametrize(
    ("variables", "url", "token"),
    [
        ({"GITHUB_TOKEN": "t"}, "https://github.com/o/r", "t"),
        ({"GH_TOKEN": "t"}, "https://github.com/o/r", "t"),
        ({"GITHUB_TOKEN": "t"}, "http://github.com/o/r", None),
        ({"GITHUB_TOKEN": "t"}, "https://github.com.example.org/o/r", None),
        ({"GITHUB_TOKEN": "t"}, "https://github.com@example.org/o/r", None),
        ({"GITHUB_TOKEN": "t"}, "https://gitlab.com/o/r", None),
        ({"GITHUB_TOKEN": "t", "GITHUB_API_URL": "https://ghe.example.org/api/v3"}, "https://ghe.example.org/o/r", "t"),
        ({"GITHUB_TOKEN": "t", "GITHUB_API_URL": "https://ghe.example.org/api/v3"}, "https://github.com/o/r", None),
        ({"GH_ENTERPRISE_TOKEN": "t", "GH_HOST": "ghe.example.org"}, "https://ghe.example.org/o/r", "t"),
        ({"GITLAB_TOKEN": "t"}, "https://gitlab.com/o/r", "t"),
        ({"GITLAB_TOKEN": "t"}, "https://git.example.org/a/b/-/issues/1", None),
        ({"GITLAB_TOKEN": "t", "GITLAB_HOST": "git.example.org"}, "https://git.example.org/a/b/-/issues/1", "t"),
        ({"GITLAB_TOKEN": "t", "GITLAB_HOST": "git.example.org"}, "https://gitlab.com/a/b", None),
        ({"GITEA_TOKEN": "t", "GITEA_URL": "https://example.org/git/"}, "https://example.org/git/o/r", "t"),
        ({"GITEA_TOKEN": "t", "GITEA_URL": "https://example.org/git/"}, "https://example.org/o/r", None),
        ({"FORGEJO_TOKEN": "t"}, "https://codeberg.org/o/r", "t"),
        ({"GITEA_TOKEN": "t"}, "https://codeberg.org/o/r", None),
        ({"GITHUB_TOKEN": "t"}, "git@github.com:o/r.git", None),
    ],
)
def test_token_goes_to_the_site_that_it_is_for(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, token: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = token_of_url(url)
    assert (found.value if found else None) == token
