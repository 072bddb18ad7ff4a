"""Data for training: conversations, preference pairs, rewards."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange import Context, Trajectory, Verdict, Verdicts, exporter
from trajectories.exchange.rewards import adaptive, added, coarse, faults, fine, outcome
from trajectories.log import TrajectoryError
from trajectories.verdicts import patch_digest

Make = Callable[..., list[Event]]
Export = Callable[..., Any]
TOOLS = {"bash": {"name": "bash", "description": "Run it.", "parameters": {"type": "object", "properties": {}}}}
GOOD = "diff --git a/calc.py b/calc.py\n--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-a\n+b\n"
BAD = GOOD.replace("+b", "+c")


def test_native_calls_become_openais_messages(attempt: Make, exported: Export) -> None:
    (row,) = exported("openai", attempt(), context=Context(tools=TOOLS))
    roles = [message["role"] for message in row["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user", "assistant"]
    call = row["messages"][2]["tool_calls"][0]
    assert (call["type"], call["function"]["name"]) == ("function", "bash")
    assert row["messages"][3]["tool_call_id"] == call["id"]
    assert row["tools"] == [{"type": "function", "function": TOOLS["bash"]}]


def test_a_text_format_needs_no_tools(attempt: Make, exported: Export) -> None:
    (row,) = exported("openai", attempt(native=False), context=Context(tools=TOOLS))
    assert set(row) == {"messages"}
    assert all("tool_calls" not in message for message in row["messages"])
    assert row["messages"][3] == {"role": "user", "content": "calc.py"}


def test_every_call_is_answered_before_anything_else_is_said(exported: Export) -> None:
    calls = [{"id": id, "name": "bash", "arguments": "{}"} for id in ("x", "y")]
    events: list[Event] = [
        Message(role="user", purpose="task", content="Go."),
        ModelReplied(step=1, content="", tool_calls=calls),
        Observed(step=1, call_id="y", text="only one ran"),
        Message(role="user", purpose="remark", content="Mind the time."),
        ModelReplied(step=2, content="", tool_calls=calls),
        Message(role="user", purpose="correction", content="Not JSON."),
        ModelReplied(step=3, content="Done."),
    ]
    (row,) = exported("openai", events)
    answers = [(m["role"], m.get("tool_call_id")) for m in row["messages"][2:5]]
    assert answers == [("tool", "y"), ("tool", "x"), ("user", None)]
    assert [m.get("tool_call_id") for m in row["messages"][6:8]] == ["x", "y"]


def test_sharegpt_speakers_take_turns(attempt: Make, exported: Export) -> None:
    (row,) = exported("sharegpt", attempt(), context=Context(tools=TOOLS))
    assert row["id"] == "a1"
    spoken = row["conversations"]
    assert [s["from"] for s in spoken] == ["system", "human", "gpt", "tool", "gpt", "human", "gpt"]
    assert '<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call>' in spoken[2]["value"]
    assert spoken[3]["value"] == "<tool_response>\ncalc.py\n</tool_response>"
    assert json.loads(row["tools"])[0]["function"]["name"] == "bash"


def test_steps_copied_from_elsewhere_are_not_learnt_from(attempt: Make, exported: Export) -> None:
    events = [
        event.model_copy(update={"copied": True}) if isinstance(event, ModelReplied) and event.step == 1 else event
        for event in attempt()
    ]
    (row,) = exported("openai", events)
    assert "calc.py" not in json.dumps(row["messages"])


def test_an_attempt_without_a_reply_is_left_out_and_said(attempt: Make) -> None:
    (document,) = exporter("openai").write([Trajectory(attempt()[:3])], Context())
    assert document.content == b""
    assert document.notes == ("1 attempts without a reply of a model are left out",)


def judged(*verdicts: Verdict) -> Context:
    return Context(Verdicts(verdicts))


def test_pairs_prefer_what_resolves_the_task(attempt: Make, exported: Export) -> None:
    context = judged(
        Verdict("calc-1", True, "resolved", patch=patch_digest(GOOD)),
        Verdict("calc-1", False, "unresolved", patch=patch_digest(BAD)),
    )
    good, bad = attempt("good", GOOD, "ls"), attempt("bad", BAD, "rm -rf .")
    other = attempt("broken", BAD, "pwd", status="model_error")
    (row,) = exported("dpo", bad, good, other, context=context)
    assert (row["chosen_attempt"], row["rejected_attempt"], row["task"]) == ("good", "bad", "calc-1")
    assert [m["role"] for m in row["prompt"]] == ["system", "user"]
    assert "ls" in row["chosen"][0]["tool_calls"][0]["function"]["arguments"]
    assert "rm -rf ." in row["rejected"][0]["tool_calls"][0]["function"]["arguments"]


def test_forked_attempts_share_all_up_to_the_fork(attempt: Make, exported: Export) -> None:
    context = judged(
        Verdict("calc-1", True, "resolved", patch=patch_digest(GOOD)),
        Verdict("calc-1", False, "unresolved", patch=patch_digest(BAD)),
    )
    good, bad = attempt("good", GOOD), attempt("bad", BAD)
    bad = [
        e.model_copy(update={"content": "Other."}) if isinstance(e, ModelReplied) and e.step == 2 else e for e in bad
    ]
    (row,) = exported("dpo", good, bad, context=context)
    assert [m["role"] for m in row["prompt"]] == ["system", "user", "assistant", "tool"]
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("Hm.", "Other.")


@pytest.mark.parametrize("format", ["dpo", "rollouts"])
def test_without_verdicts_there_is_nothing_to_prefer(format: str, attempt: Make) -> None:
    with pytest.raises(TrajectoryError, match="need verdicts"):
        exporter(format).write([Trajectory(attempt())], Context())


LOG = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/runpy.py", line 1, in run
    x
  File "/testbed/calc.py", line 1, in add
    b
NameError: name 'b' is not defined
tests/test_calc.py:9: AssertionError
E       AssertionError: assert 1 == 2
tests/test_calc.py:9: AssertionError
"""


def verdict(status: str = "unresolved", log: str = "", passed: int = 0, failed: int = 0) -> Verdict:
    tests = tuple(f"t{n}" for n in range(passed + failed))
    return Verdict("calc-1", status == "resolved", status, tests[:passed], tests[passed:], log=log)


@pytest.mark.parametrize(
    ("given", "kind", "reward"),
    [
        (verdict("resolved"), "success", 1.0),
        (verdict(log="E   AssertionError: assert 1 == 2"), "failure", -0.3),
        (verdict(), "failure", -0.3),
        (verdict(log=LOG), "error", -0.6),
        (verdict("timeout"), "error", -0.6),
        (
            verdict(log='  File "/testbed/calc.py", line 1\n    def (\nSyntaxError: invalid syntax'),
            "syntax_error",
            -1.0,
        ),
        (verdict("unappliable"), "syntax_error", -1.0),
        (verdict("empty_patch"), "failure", -0.3),
    ],
)
def test_coarse_rewards_are_rltfs(given: Verdict, kind: str, reward: float) -> None:
    assert (outcome(given), coarse(given)) == (kind, reward)


def test_adaptive_rewards_are_rltfs() -> None:
    assert adaptive(verdict(passed=3, failed=1)) == pytest.approx(-0.3 + 1.3 * 0.75)
    assert adaptive(verdict(passed=0, failed=4)) == -0.3
    assert adaptive(verdict("resolved", passed=4)) == 1.0
    assert adaptive(verdict(passed=3, failed=1, log=LOG)) == -0.6


def test_fine_feedback_blames_the_lines_of_the_patch() -> None:
    found = fine(verdict(log=LOG), GOOD)
    assert [(f.kind, f.scope) for f in found] == [("NameError", "line"), ("AssertionError", "ignore")]
    assert [(line.path, line.line, line.text) for line in found[0].lines] == [("calc.py", 1, "b")]
    elsewhere = LOG.replace('calc.py", line 1', 'other.py", line 1')
    assert fine(verdict(log=elsewhere), GOOD)[0].scope == "ignore"
    assert fine(verdict(log='  File "a.py", line 1\nRecursionError: too deep'), GOOD)[0].scope == "global"
    assert fine(verdict("timeout"), GOOD)[0].scope == "global"
    assert fine(verdict("resolved", log=LOG), GOOD) == []


def test_added_lines_have_their_numbers_in_the_new_file() -> None:
    patch = (
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n+2.5\n three\n"
        "@@ -10 +11,2 @@\n ten\n+++ not a header\n"
        "diff --git a/b.py b/b.py\n--- /dev/null\n+++ b/b.py\n@@ -0,0 +1 @@\n+new\n\\ No newline at end of file\n"
    )
    found = [(line.path, line.line, line.text) for line in added(patch)]
    assert found == [("a.py", 2, "2"), ("a.py", 3, "2.5"), ("a.py", 12, "++ not a header"), ("b.py", 1, "new")]


def test_exceptions_are_found_in_pytests_short_form() -> None:
    log = "    return x\nE   KeyError: 'x'\n\nsrc/a.py:4: KeyError\n"
    (fault,) = faults(log)
    assert (fault.kind, fault.places) == ("KeyError", (("src/a.py", 4),))


def test_rollouts_have_all_rewards_and_the_tests_feedback(attempt: Make, exported: Export) -> None:
    events = [
        event.model_copy(
            update={"call": event.call.model_copy(update={"arguments": {"command": "python -m pytest -x"}})}
        )
        if isinstance(event, ActionTaken) and event.step == 1
        else event
        for event in attempt("a", GOOD, command="b")
    ]
    (row,) = exported("rollouts", events, context=judged(verdict(log="", passed=1, failed=1)))
    assert row["rltf"] == {"outcome": "failure", "coarse": -0.3, "fine": [], "adaptive": pytest.approx(0.35)}
    turns = row["rlef"]["turns"]
    assert [(t["step"], t["valid"], t["reward"]) for t in turns] == [(1, True, 0.0), (2, False, -0.2), (3, True, -1.0)]
    assert turns[0]["feedback"] == [{"ok": True, "text": "calc.py"}]
    assert row["rlef"]["return"] == -1.2
    assert row["verdict"]["share"] == 0.5
    assert row["messages"][0]["role"] == "system"


def test_a_blamed_line_names_the_steps_that_wrote_it(attempt: Make, exported: Export) -> None:
    events = attempt("a", GOOD.replace("+b", "+the_new_line()"), command="echo 'the_new_line()' > calc.py")
    (row,) = exported("rollouts", events, context=judged(verdict(log=LOG)))
    assert row["rltf"]["fine"][0]["lines"][0]["steps"] == [1]


def test_a_verdict_on_the_machine_is_none_on_the_patch(attempt: Make) -> None:
    (document,) = exporter("rollouts").write([Trajectory(attempt())], judged(verdict("broken_image")))
    assert document.content == b""
    assert document.notes


# Values of steps


def fork_of(events: list[Event], step: int, **parent: Any) -> list[Event]:
    """The attempt as a fork of attempt ``a``."""
    first = events[0]
    assert isinstance(first, AttemptStarted)
    origin = {"attempt_id": "a", "seq": 6, "step": step, "relation": "fork", "changed": [], **parent}
    return [first.model_copy(update={"parent": origin}), *events[1:]]


def test_forks_give_the_values_of_steps(attempt: Make) -> None:
    context = judged(
        Verdict("calc-1", True, "resolved", patch=patch_digest(GOOD)),
        Verdict("calc-1", False, "unresolved", patch=patch_digest(BAD)),
        Verdict("calc-1", False, "infrastructure", patch=patch_digest("lost")),
    )
    forks = [
        fork_of(attempt("f1", GOOD), 1),
        fork_of(attempt("f2", BAD), 1),
        fork_of(attempt("f3", BAD), 1),
        fork_of(attempt("f4", "lost"), 1),
        fork_of(attempt("f5", BAD, status="model_error"), 1),
        fork_of(attempt("f6", GOOD), 2, changed=["remark"]),
        fork_of(attempt("f7", GOOD), 0),
        fork_of(attempt("f8", GOOD), 1, relation="sub-agent"),
        fork_of(attempt("f9", GOOD), 1, attempt_id="elsewhere"),
        fork_of(attempt("g1", BAD), 3, attempt_id="f1"),
    ]
    trajectories = [Trajectory(events) for events in [attempt("a", BAD), *forks]]
    (document,) = exporter("rollouts").write(trajectories, context)
    rows = {row["attempt"]: row for row in map(json.loads, document.content.splitlines())}
    model = "some/model"
    assert rows["a"]["step_values"] == [
        {"step": 0, "value": 1.0, "resolved": 1, "judged": 1, "model": model},
        {"step": 1, "value": 0.333333, "resolved": 1, "judged": 3, "model": model},
    ]
    assert rows["f1"]["step_values"] == [{"step": 3, "value": 0.0, "resolved": 0, "judged": 1, "model": model}]
    assert "step_values" not in rows["f2"]
    assert "1 forks that change something at their step are not counted for its value" in document.notes
