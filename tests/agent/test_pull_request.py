"""The parts of a pull request that are text: harmless words, files to look at, what was tested, how to do it again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from agent.config_files import load_config
from agent.pull_request.description import spliced
from agent.pull_request.files import Care, Changed, changed_files, files_with_secrets
from agent.pull_request.reproduce import command, withheld
from agent.pull_request.tame import code, tame
from agent.pull_request.tested import what_was_tested
from trajectories.events import AttemptEnded, Evaluated, Event, Observed, PatchChanged, TrialEnded, TrialStarted
from trajectories.log import EventLog
from trajectories.redact import Redactor


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Thanks @mona and @acme/core, see a@b.org.", "Thanks `@mona` and `@acme/core`, see a`@b.org`."),
        ("Closes #12, fixes acme/calc#3.", "Closes `#12`, fixes `acme/calc#3`."),
        ("Resolves GH-4 and !5", "Resolves `GH-4` and `!5`"),
        ("![x](https://evil.example/p.png?q=1)", "[x] (`https://evil.example/p.png?q=1`)"),
        ("<img src=x onerror=alert(1)> <!-- hidden", "&lt;img src=x onerror=alert(1)> &lt;!-- hidden"),
        ("# Big\n\n- one\n- two", "Big - one - two"),
        ("`@property` and `a < b` stay", "`@property` and `a < b` stay"),
        ("one ` alone @mona ``` fence", "one ' alone `@mona` ''' fence"),
        ("a \\`@mona` b", "a \\\\`@mona` b"),
        ("left\u202eright\u200b\x1b[31m", "left right [31m"),
        ("word " * 100, "word word word word…"),
    ],
)  # fmt: skip
def test_words_of_others_do_nothing_on_a_forge(text: str, shown: str) -> None:
    assert tame(text, 20 if len(text) > 200 else 200) == shown


def test_any_text_can_be_code() -> None:
    assert code("a`b\n<!-- c") == "`a'b <!-- c`"
    assert code("") == "` `"


@pytest.mark.parametrize(
    ("path", "care"),
    [
        (".github/workflows/ci.yml", Care.CI),
        (".GitHub/Workflows/ci.yml", Care.CI),
        (".gitlab-ci.yml", Care.CI),
        ("tools/action.yml", Care.CI),
        ("Jenkinsfile", Care.CI),
        (".forgejo/workflows/x.yaml", Care.CI),
        ("web/package-lock.json", Care.LOCK),
        ("Cargo.lock", Care.LOCK),
        (".gitmodules", Care.GIT),
        ("vendor/.git/config", Care.GIT),
        ("docs/.github/workflows/ci.yml", None),
        ("src/lock.py", None),
        ("transaction.yml.md", None),
    ],
)
def test_files_that_deserve_a_second_look(path: str, care: Care | None) -> None:
    assert Changed(path, 1, 1).care is care


def file(name: str, *added: str, removed: tuple[str, ...] = ()) -> str:
    lines = [*(f"-{line}" for line in removed), *(f"+{line}" for line in added)]
    quoted = f'"a/{name}" "b/{name}"' if "\\" in name else f"a/{name} b/{name}"
    before, after = quoted.split(" ") if "\\" in name else (f"a/{name}", f"b/{name}")
    head = f"diff --git {quoted}\n--- {before}\n+++ {after}\n@@ -1,{len(removed)} +1,{len(added)} @@\n"
    return head + "\n".join(lines) + "\n"


def test_the_files_of_a_patch_with_their_lines() -> None:
    patch = file("a b.py", "x", "y", removed=("z",)) + file("caf\\303\\251.py", "x", removed=("y",))
    assert changed_files(patch) == [Changed("a b.py", 2, 1), Changed("café.py", 1, 1)]
    assert changed_files("no patch") == []


def test_secrets_count_where_they_are_added() -> None:
    redactor = Redactor(["my-very-own-secret"])
    patch = file("moved", "k=my-very-own-secret", removed=("k=my-very-own-secret",))
    patch += file("new", "a", "other=my-very-own-secret") + file("gone", "a", removed=("AKIA" + "A" * 16,))
    patch += file("caf\\303\\251.py", "k2=my-very-own-secret")
    assert files_with_secrets(patch, redactor) == ["new", "café.py"]


def test_what_people_wrote_around_ours_stays() -> None:
    ours = "<!-- patchwright: begin -->\nnew <!-- patchwright: end --> `x`\n<!-- patchwright: end -->"
    old = ours.replace("new", "old")
    assert spliced(f"Before.\n{old}\nAfter.", ours + "\n") == f"Before.\n{ours}\nAfter."
    assert spliced("All theirs.", ours) is None


def run_of_tests(target: str = "", **counts: int) -> Observed:
    names = [f"t{number}" for number in range(counts.get("failed", 0))]
    return Observed(
        step=1, text="", data={"command": "pytest -q", "target": target, "counts": counts, "failing": names}
    )


def test_only_what_was_run_on_the_final_change_was_tested(tmp_path: Path) -> None:
    early = [run_of_tests(passed=1), PatchChanged(step=1, patch="one")]
    ended = AttemptEnded(status="submitted", patch="two")
    late: list[Event] = [run_of_tests("a.py", passed=3), PatchChanged(step=2, patch="two")]
    untested = what_was_tested([*early, *late, ended], tmp_path)
    assert untested.done == ()
    assert untested.left[0].startswith("The project's tests were not run")
    partly = what_was_tested([*early, *late, run_of_tests("a.py", passed=3), ended], tmp_path)
    assert partly.done == ("`pytest -q`: 3 passed.",)
    assert partly.left[0].startswith("Of the project's tests, no others")
    fully = what_was_tested(
        [*early, *late, run_of_tests("a.py", passed=3), run_of_tests(passed=9, failed=7), ended], tmp_path
    )
    assert fully.done[1] == ("`pytest -q`: 9 passed, 7 failed. Failing: `t0`, `t1`, `t2`, `t3`, `t4` and 2 more.")
    assert len(fully.left) == 1


def test_what_is_checked_after_an_edit_was_tested_too(tmp_path: Path) -> None:
    tests = {"command": "pytest -q", "target": "", "counts": {"passed": 7}}
    edit = Observed(step=1, text="", changed=True, data={"examples_right": [1, 2], "tests": tests})
    found = what_was_tested([edit, PatchChanged(step=1, patch="one"), AttemptEnded(status="submitted")], tmp_path)
    assert found.done == ("Passing: 1 of 2 examples of the issue or the documentation.", "`pytest -q`: 7 passed.")
    assert len(found.left) == 1


def test_of_a_strategy_the_trial_counts_whose_patch_it_is(tmp_path: Path) -> None:
    for name, passed in (("1", 4), ("2", 5)):
        (tmp_path / name).mkdir()
        with EventLog(tmp_path / name / "trajectory.jsonl") as log:
            log.append(PatchChanged(step=1, patch=name))
            log.append(run_of_tests(passed=passed))
    checks = [{"kind": "regression", "name": "t", "passed": True}, {"kind": "examples", "name": "e", "passed": False}]
    events: list[Event] = [
        *(TrialStarted(name=name, trajectory=f"{name}/trajectory.jsonl") for name in ("1", "2")),
        *(TrialEnded(name=name, status="submitted", patch=name) for name in ("1", "2")),
        *(Evaluated(key=f"{name}:All", checks=checks[: int(name)]) for name in ("1", "2")),
        AttemptEnded(status="submitted", patch="1"),
    ]
    found = what_was_tested(events, tmp_path)
    assert found.done == ("Passing: 1 of 1 tests of the project that the change touches.", "`pytest -q`: 4 passed.")


def test_the_command_names_no_place_of_the_users(tmp_path: Path) -> None:
    said = ["limits.steps=7", "agent.tools=[bash, submit]", "model.top_p=0.5", f"strategy.memory={tmp_path}/memory"]
    hidden = [
        "model.api_base=http://models.intern:8000/v1",
        "sandbox.env={A: b}",
        "aci.test_command='make -C /srv test'",
    ]
    config = load_config(["default"], [*said, *hidden, "model.name=openai/gpt-x", "agent.strategy=reflexion"])
    issue = "https://github.com/o/r/issues/7"
    words = shlex.split(command(issue, "0123abc", "openai/gpt-x", config))
    assert words[:6] == ["agent", "solve", "--issue", issue, "--base", "0123abc"]
    assert words[6:10] == ["--model", "openai/gpt-x", "--strategy", "reflexion"]
    again = load_config(["default"], words[11::2])
    assert (again.limits.steps, again.agent.tools, again.model.top_p) == (7, ["bash", "submit"], 0.5)
    assert withheld(config) == ["model.api_base", "strategy.memory", "sandbox.env", "aci.test_command"]
    assert not any(word in " ".join(words) for word in ("intern", "/srv", str(tmp_path)))
