"""From an issue's URL to a pull request: each kind of forge, over real HTTP, with git's own server behind it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.models.weights import CATALOGUE, weights_path
from tests.e2e.conftest import FIX, FIXED, SUBMIT, TOOLS, User, call, one_line
from tests.tasks.forge_kinds import KINDS, settings
from tests.tasks.forge_server import Forge, Project, serving

TOKEN = "canary-of-mona-4f1c"
BRANCH = "patchwright/issue-7"
WORDS = {
    "content": "Title: Add the arguments of add\n"
    "Cause: `add` used the wrong operator, says @everybody. Closes #1.\n"
    "Change: It adds now; see https://example.org/x.",
    "usage": {"prompt_tokens": 300, "completion_tokens": 40},
}
OTHER_FIX = call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return b + a\n")


class Solver:
    """Solves issue 7 of a project by the command line."""

    def __init__(self, user: User, forge: Forge, project: Project) -> None:
        self.user, self.forge, self.project = user, forge, project
        self.url = f"{forge.web}/{project.path}/{'-/' if forge.kind == 'gitlab' else ''}issues/7"
        self.runs = 0

    def __call__(
        self, *more: str, replies: tuple[dict[str, Any], ...] = (FIX, SUBMIT, WORDS), token: str = TOKEN
    ) -> Any:
        self.runs += 1
        script = ["--model", self.user.script(*replies), "--sandbox", "local"]
        wanted = ["--set", TOOLS, "--set", "aci.review_submit=false", "--output", str(self.output), "--open-pr", *more]
        return self.run("solve", "--issue", self.url, *script, *wanted, token=token)

    def run(self, *arguments: str, token: str = TOKEN) -> Any:
        return self.user.agent(*arguments, env=self.user.env | settings(self.forge, token))

    @property
    def output(self) -> Path:
        return self.user.home / f"out-{self.runs}"

    @property
    def pushed(self) -> bool:
        return any(one.path.endswith("git-receive-pack") and one.method == "POST" for one in self.forge.requests)


@pytest.fixture(params=KINDS)
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forge]:
    made = KINDS[request.param](tmp_path / "forge")
    made.users = {TOKEN: "mona", "tok-of-carol": "carol"}
    with serving(made):
        yield made


@pytest.fixture
def gitea(tmp_path: Path) -> Iterator[Forge]:
    made = KINDS["gitea"](tmp_path / "forge")
    made.users = {TOKEN: "mona", "tok-of-carol": "carol"}
    with serving(made):
        yield made


def solver_on(forge: Forge, user: User, **more: Any) -> Solver:
    project = forge.add("acme/calc", user.repository, writers={"mona"}, **more)
    project.issue(7, "add subtracts", "It gives `-1` for `add(1, 2)`.")
    return Solver(user, forge, project)


@pytest.fixture
def solve(user: User, gitea: Forge) -> Solver:
    return solver_on(gitea, user)


def test_an_issue_becomes_a_draft_and_a_second_run_updates_it(user: User, forge: Forge) -> None:
    solve = solver_on(forge, user, private=True)
    before = solve.project.run("rev-parse", "main")
    done = solve()
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    [pull] = solve.project.pulls
    assert (pull.head, pull.base, pull.author, pull.head_path) == (BRANCH, "main", "mona", "acme/calc")
    assert pull.title.removeprefix("Draft: ").removeprefix("WIP: ") == "Add the arguments of add (#7)"
    assert pull.draft or pull.title.startswith(("Draft:", "WIP:"))
    assert pull.body.count("Closes #") == 1
    for said in (
        "Closes #7.",
        "### Cause\n\n`add` used the wrong operator, says `@everybody`. Closes `#1`.",
        "340 tokens",
    ):
        assert said in pull.body, pull.body
    assert f"--issue {solve.url} --base {before} --model scripted:script.jsonl" in pull.body
    assert "Settings left out here" not in pull.body
    assert "The project's tests were not run by the agent on the change as it is." in pull.body
    assert solve.project.run("show", f"{BRANCH}:calc.py") + "\n" == FIXED
    assert solve.project.run("log", "--format=%P %ce", f"main..{BRANCH}") == f"{before} patchwright@localhost"
    message = solve.project.run("log", "-1", "--format=%B", BRANCH)
    assert message.startswith("Add the arguments of add (#7)\n")
    assert f"\nIssue: {solve.url}\n" in message
    assert solve.project.run("rev-parse", "main") == before

    pull.body = f"Please squash.\r\n\r\n{pull.body}\nReviewed by hand."
    pull.title = f"{pull.title} properly"
    again = solve(replies=(OTHER_FIX, SUBMIT, WORDS))
    assert again.returncode == 0, again.stderr
    assert "pull request updated, a draft:" in again.stderr
    assert solve.project.pulls == [pull]
    assert pull.title.endswith("(#7) properly")
    said = pull.body.replace("\r", "")
    assert (said[:15], said[-17:]) == ("Please squash.\n", "Reviewed by hand.")
    assert pull.body.count("### Problem") == 1
    assert "b + a" in solve.project.run("show", f"{BRANCH}:calc.py")
    assert solve.project.run("rev-list", "--count", f"main..{BRANCH}") == "1"

    written = [file.read_bytes() for file in user.home.rglob("*") if file.is_file()]
    kept = [done.stdout, done.stderr, again.stderr, pull.body, message, solve.project.run("config", "--list")]
    assert not any(TOKEN.encode() in text for text in (*written, *(one.encode() for one in kept)))


def test_without_the_right_to_push_it_comes_from_a_fork(user: User, forge: Forge) -> None:
    solve = solver_on(forge, user)
    done = solve("--ready", "--json", token="tok-of-carol")
    assert done.returncode == 0, done.stderr
    published = json.loads(done.stdout)["pull_request"]
    assert (published["done"], published["draft"]) == ("opened", False)
    [pull] = solve.project.pulls
    assert (pull.author, pull.head_path, pull.title) == ("carol", "carol/calc", "Add the arguments of add (#7)")
    assert published["url"].endswith(f"/{pull.number}")
    assert solve.project.branches() == ["main"]
    assert forge.projects["carol/calc"].run("show", f"{BRANCH}:calc.py") + "\n" == FIXED


def test_the_same_attempt_can_be_published_again(solve: Solver) -> None:
    assert solve().returncode == 0
    commit = solve.project.run("rev-parse", BRANCH)
    again = solve.run("solve", "--resume", "--output", str(solve.output), "--open-pr")
    assert again.returncode == 0, again.stderr
    assert "pull request unchanged, a draft:" in again.stderr
    assert solve.project.run("rev-parse", BRANCH) == commit


def assign(project: Project) -> None:
    project.find(7).assignees = ["mona", "carol"]


def work(project: Project) -> None:
    project.pull(8, "Fix add", "Solves #7.", head="main", author="carol")


def close(project: Project) -> None:
    project.find(7).state = "closed"


def reject(project: Project) -> None:
    project.run("branch", BRANCH, "main")
    project.pull(9, "Add", "Solves #7.", head=BRANCH, author="mona", state="closed")


SITUATIONS = {
    "carol is assigned to the issue": assign,
    "carol is on it with http": work,
    "the issue is closed": close,
    "an earlier pull request for it was closed": reject,
}


@pytest.mark.parametrize("reason", SITUATIONS)
def test_nobody_is_disturbed_unless_that_is_asked_for(solve: Solver, reason: str) -> None:
    SITUATIONS[reason](solve.project)
    refused = solve()
    assert refused.returncode == 2
    assert f"--open-pr: {reason}" in one_line(refused)
    assert not (solve.output / "trajectory.jsonl").exists()
    assert not solve.pushed


def test_it_goes_on_all_the_same_when_told(solve: Solver) -> None:
    for situation in SITUATIONS.values():
        situation(solve.project)
    done = solve("--anyway")
    assert done.returncode == 0, done.stderr
    assert [one.author for one in solve.project.pulls if one.head == BRANCH and one.state == "open"] == ["mona"]


def test_somebody_elses_commit_on_the_branch_is_kept(solve: Solver, user: User, tmp_path: Path) -> None:
    assert solve().returncode == 0
    user.git("pull", "-q", str(solve.project.git), BRANCH)
    (user.repository / "notes.txt").write_text("mine\n")
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Mine")
    user.git("push", "-q", str(solve.project.git), f"HEAD:{BRANCH}")
    mine = solve.project.run("rev-parse", BRANCH)
    again = solve(replies=(OTHER_FIX, SUBMIT, WORDS))
    assert again.returncode == 2
    assert "no pull request: somebody else has committed on patchwright/issue-7" in again.stderr
    assert "b + a" in again.stdout
    assert solve.project.run("rev-parse", BRANCH) == mine


def test_what_ci_runs_is_not_pushed_unseen(solve: Solver) -> None:
    workflow = call(
        "bash", command="mkdir -p .github/workflows && echo 'on: push' > .github/workflows/ci.yml; echo > go.sum"
    )
    done = solve(replies=(workflow, FIX, SUBMIT, WORDS))
    assert done.returncode == 1
    assert "look at .github/workflows/ci.yml: it decides what continuous integration runs" in done.stderr
    assert "look at go.sum: it decides which dependencies are installed" in done.stderr
    assert solve.project.branches() == ["main"]
    again = solve.run("solve", "--resume", "--output", str(solve.output), "--open-pr", "--anyway")
    assert again.returncode == 0, again.stderr
    [pull] = solve.project.pulls
    assert "### Look at these first\n\n- `.github/workflows/ci.yml`: decides" in pull.body
    assert solve.project.run("show", f"{BRANCH}:.github/workflows/ci.yml") == "on: push"


@pytest.mark.parametrize("secret", [TOKEN, "ghp_" + "A1b2C3d4E5" * 4])
def test_a_patch_with_a_secret_stays_here(solve: Solver, secret: str) -> None:
    done = solve(replies=(call("bash", command=f"echo key={secret} > settings.ini"), FIX, SUBMIT, WORDS))
    assert done.returncode == 1
    assert "no pull request: the patch adds what looks like a secret to settings.ini" in done.stderr
    assert solve.project.branches() == ["main"]


def test_a_base_that_nobody_else_has_is_refused(solve: Solver, user: User) -> None:
    (user.repository / "notes.txt").write_text("private\n")
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Not pushed")
    done = solve("--repo", str(user.repository))
    assert done.returncode == 2
    assert "is not on main of" in one_line(done)


def test_a_branch_given_as_the_base_is_where_it_goes(solve: Solver, user: User) -> None:
    user.git("checkout", "-q", "-b", "stable")
    user.git("commit", "-q", "--allow-empty", "-m", "Release")
    user.git("push", "-q", str(solve.project.git), "stable")
    done = solve("--base", "stable")
    assert done.returncode == 0, done.stderr
    assert solve.run("solve", "--resume", "--output", str(solve.output), "--open-pr").returncode == 0
    assert [pull.base for pull in solve.project.pulls] == ["stable"]
    assert solve.project.run("rev-parse", f"{BRANCH}~") == solve.project.run("rev-parse", "stable")


def test_the_default_branch_is_never_pushed_to(solve: Solver, user: User) -> None:
    solve.project.run("branch", "-m", "main", BRANCH)
    done = solve()
    assert done.returncode == 2
    assert "is where pull requests go to" in one_line(done)
    assert not solve.pushed


def test_without_a_solution_there_is_none(solve: Solver) -> None:
    for replies, reason in (((SUBMIT,), "there is no patch"), ((FIX,), "ended with model_error")):
        done = solve(replies=replies)
        assert done.returncode in (1, 3)
        assert reason in done.stderr.splitlines()[-1]
    assert solve.project.pulls == []


def test_a_model_that_says_nothing_keeps_nothing_back(solve: Solver) -> None:
    done = solve(replies=(FIX, SUBMIT))
    assert done.returncode == 0, done.stderr
    [pull] = solve.project.pulls
    assert pull.title == "WIP: add subtracts (#7)"
    assert "### Cause\n\nThe model did not say." in pull.body


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--issue", "add subtracts"], "give the URL of an issue"),
        (["--issue", "add subtracts", "--include-uncommitted"], "uncommitted changes cannot be part"),
    ],
)
def test_what_cannot_become_a_pull_request_is_one_line(user: User, arguments: list[str], reason: str) -> None:
    model = ["--model", user.script(SUBMIT), "--repo", str(user.repository)]
    done = user.agent("solve", *arguments, *model, "--open-pr")
    assert done.returncode == 2
    assert reason in one_line(done)
    done = user.agent("solve", "--issue", "x", "--ready", *model)
    assert "--ready is about a pull request" in one_line(done)


def test_without_a_token_it_says_which(solve: Solver) -> None:
    done = solve(token="")
    assert done.returncode == 3
    assert "GITEA_TOKEN" in one_line(done)


def test_what_the_agent_tested_is_told(solve: Solver, user: User) -> None:
    tests = "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    (user.repository / "test_calc.py").write_text(f"{tests}\n\ndef test_other():\n    assert not add\n")
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Test")
    user.git("push", "-q", str(solve.project.git), "main")
    tools = "agent.tools=[bash, rewrite_function, run_tests, submit]"
    done = solve("--set", tools, replies=(call("run_tests"), FIX, call("run_tests"), SUBMIT, WORDS))
    assert done.returncode == 0, done.stderr
    tested = solve.project.pulls[0].body.partition("### Tested\n\n")[2].partition("\n\n### Cost")[0]
    assert "1 failed, 1 passed. Failing: `test_calc.py::test_other`." in tested
    assert "Newly passing: `test_calc.py::test_add`." in tested
    assert "were not run" not in tested


@pytest.mark.model
@pytest.mark.timeout(1800)
def test_the_embedded_model_opens_one(solve: Solver, user: User) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    name = "qwen2.5-coder-1.5b"
    if not os.environ.get("CI") and not weights_path(CATALOGUE[name]).exists():
        pytest.skip(f"the weights of {name} are not in the cache; `agent demo` fetches them")
    solve.project.find(7).body = "`add` of `calc.py` gives a wrong sum.\n\n>>> from calc import add\n>>> add(1, 2)\n3\n"
    weights = {"XDG_CACHE_HOME": str(weights_path(CATALOGUE[name]).parents[2])}
    user.env.update(weights)
    wanted = ["--model", f"local/{name}", "--output", str(solve.output), "--open-pr"]
    done = solve.run("solve", "--issue", solve.url, *wanted)
    assert done.returncode == 0, done.stderr
    [pull] = solve.project.pulls
    assert "a + b" in solve.project.run("show", f"{BRANCH}:calc.py")
    assert "The model did not say." not in pull.body
