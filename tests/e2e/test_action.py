"""The GitHub Action: its steps are run as a runner runs them, with a token like that of a job, on a loopback forge."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import FIX, FIXED, ROOT, SUBMIT, TOOLS, User
from tests.tasks.forge_kinds import GitHubServer, settings
from tests.tasks.forge_server import Forge, Refused, serving

TOKEN = "canary-of-a-job-77ab"
BRANCH = "patchwright/issue-7"
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


class ForgeWithApps(GitHubServer):
    """GitHub as a job sees it: its token is nobody's, and the API does not say what it may."""

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], login: str | None) -> Any:
        if path == "/user":
            raise Refused(403, "Resource not accessible by integration")
        return super().answer(method, path, query, body, login)

    def repository(self, project: Any, login: str | None) -> dict[str, Any]:
        return super().repository(project, login) | {"permissions": {"admin": False, "push": False, "pull": False}}


class Runner:
    """Runs the steps of a composite action that are scripts."""

    def __init__(self, user: User, forge: Forge, event: dict[str, Any]) -> None:
        self.user = user
        self.action = yaml.safe_load((ROOT / "action.yml").read_text())
        self.github = {"event": event, "token": TOKEN}
        self.temp = user.home / "temp"
        self.temp.mkdir()
        files = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
        self.env = user.env | settings(forge) | {name: str(self.temp / file) for name, file in files.items()}
        self.env |= {"RUNNER_TEMP": str(self.temp), "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_ACTIONS": "true"}
        self.env |= {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
        # What the package needs is here already, so only the package itself is built and installed.
        self.env["PYTHONPATH"] = next(place for place in sys.path if place.endswith("site-packages"))
        self.env["PATH"] = f"{Path(sys.executable).parent}:{self.env['PATH']}"

    def run(self, **given: str) -> list[subprocess.CompletedProcess[str]]:
        inputs = {name: given.get(name, str(one.get("default", ""))) for name, one in self.action["inputs"].items()}
        known = {"inputs": {name: self.filled(value, {}) for name, value in inputs.items()}}
        done: list[subprocess.CompletedProcess[str]] = []
        for step in self.action["runs"]["steps"]:
            if "run" in step:
                env = {name: self.filled(value, known) for name, value in step.get("env", {}).items()}
                script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
                done.append(
                    subprocess.run(
                        script, env=self.env | env, cwd=self.user.home, capture_output=True, text=True, check=False
                    )
                )
                if done[-1].returncode:
                    break
        return done

    def filled(self, text: str, known: dict[str, Any]) -> str:
        """A text with its expressions evaluated; what is not there is empty, as it is on a runner."""

        def value(match: re.Match[str]) -> str:
            found: Any = {"github": self.github, **known}
            for name in match[1].split("."):
                found = found.get(name, "") if isinstance(found, dict) else ""
            return str(found)

        return _EXPRESSION.sub(value, text)

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.temp / "output").read_text().splitlines())


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    made = ForgeWithApps(tmp_path / "forge")
    made.users = {TOKEN: "github-actions[bot]"}
    with serving(made):
        yield made


def test_a_label_leads_to_a_draft(user: User, forge: Forge) -> None:
    project = forge.add("acme/calc", user.repository, writers={"github-actions[bot]"})
    project.issue(7, "add subtracts", "It gives `-1` for `add(1, 2)`. `$(touch ran)` \"; touch ran; '")
    issue = {"html_url": f"{forge.web}/acme/calc/issues/7", "number": 7}
    runner = Runner(user, forge, {"issue": issue, "label": {"name": "patchwright"}})
    lines = ["sandbox.kind=local", TOOLS, "aci.review_submit=false"]
    words = {"content": "Title: Add\nCause: A sign.\nChange: It adds."}
    install, solve = runner.run(model=user.script(FIX, SUBMIT, words), settings="\n".join(lines))
    assert install.returncode == 0, install.stderr
    assert solve.returncode == 0, solve.stderr
    [pull] = project.pulls
    assert (pull.head, pull.head_path, pull.draft, pull.title) == (BRANCH, "acme/calc", True, "Add (#7)")
    assert runner.outputs["url"] == f"{forge.web}/acme/calc/pull/{pull.number}"
    assert (Path(runner.outputs["directory"]) / "trajectory.jsonl").exists()
    assert runner.outputs["url"] in (runner.temp / "summary").read_text()
    assert project.run("show", f"{BRANCH}:calc.py") + "\n" == FIXED
    assert not list(user.home.rglob("ran"))
    assert TOKEN not in solve.stderr + solve.stdout + pull.body

    # Then another label: nothing more happens. And a refusal fails the job, and says so.
    runner.github["event"]["label"]["name"] = "bug"
    runner.action["runs"]["steps"] = runner.action["runs"]["steps"][-1:]
    (ignored,) = runner.run(model="scripted:none")
    assert (ignored.returncode, project.pulls) == (0, [pull])
    assert "The label is not patchwright" in ignored.stdout
    runner.github["event"]["label"]["name"] = "patchwright"
    project.find(7).assignees = ["carol"]
    (refused,) = runner.run(model=user.script(FIX, SUBMIT))
    assert refused.returncode == 2
    assert "carol is assigned to the issue" in refused.stderr
    assert runner.outputs["url"] == ""


def test_no_script_of_it_has_somebodys_words_in_it() -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    assert [step for step in steps if "${{" in step.get("run", "")] == []


def test_the_documented_workflow_asks_for_no_more_than_is_needed() -> None:
    page = (ROOT / "docs" / "pull-requests.md").read_text()
    workflow = yaml.load(page.partition("```yaml\n")[2].partition("```")[0], yaml.BaseLoader)
    assert workflow["on"] == {"issues": {"types": ["labeled"]}}
    assert workflow["permissions"] == {"contents": "write", "issues": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    known = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert known.keys() >= job["steps"][0]["with"].keys()
    assert "'patchwright'" in job["if"]
    assert known["label"]["default"] == "patchwright"
