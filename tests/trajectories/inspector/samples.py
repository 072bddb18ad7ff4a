"""Trajectories to look at: a run of fifty attempts with forks and failures, a long one, a hostile one.

``python -m tests.trajectories.inspector.samples DIRECTORY`` writes them, to try the inspector on.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Condensed,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)

BEGAN = 1_790_000_000.0
PROJECTS = ["astropy/astropy", "django/django", "pallets/flask", "psf/requests", "sympy/sympy", "pydata/xarray"]
MODELS = ["anthropic/claude-sonnet-4-5", "openai/gpt-5-mini", "local/qwen3-coder-4b"]
STATEMENT = """\
separability_matrix gives the wrong answer for nested compound models

With `m.Linear1D(10) & m.Linear1D(5)` the matrix is diagonal, as it should be. Nested in another model it is not:

```python
>>> separability_matrix(m.Pix2Sky_TAN() & m.Linear1D(10) & m.Linear1D(5))
array([[ True,  True, False, False],
       [ True,  True, False, False],
       [False, False,  True, False],
       [False, False, False,  True]])
```

The inputs and outputs of the two linear models are independent, so the result should not change.
"""
THOUGHTS = [
    "The matrix is assembled in `_cstack`. I look at how the right operand is copied into the result.",
    "The left side multiplies coordinates properly; the right side is filled with ones. That loses the nesting.",
    "Before I change it, a look at who calls this, so that nothing else depends on the ones.",
    "The tests of this module say what is expected for simple models; I run them to see where we stand.",
    "The edit is in. The example of the issue should now be diagonal:\n\n```python\n"
    "separability_matrix(nested)\n```\n\nI check that and the tests of the module.",
]
VIEW = "[File: modeling/separable.py (317 lines)]\n(216 more lines above)\n" + "\n".join(
    f"{number}:{line}"
    for number, line in enumerate(
        '''def _cstack(left, right):
    """Function corresponding to the '&' operation.

    Parameters
    ----------
    left, right : `astropy.modeling.Model` or ndarray
        If input is of an array, it is the output of `coord_matrix`.
    """
    noutp = _compute_n_outputs(left, right)

    if isinstance(left, Model):
        cleft = _coord_matrix(left, "left", noutp)
    else:
        cleft = np.zeros((noutp, left.shape[1]))
        cleft[: left.shape[0], : left.shape[1]] = left
    if isinstance(right, Model):
        cright = _coord_matrix(right, "right", noutp)
    else:
        cright = np.zeros((noutp, right.shape[1]))
        cright[-right.shape[0] :, -right.shape[1] :] = 1

    return np.hstack([cleft, cright])'''.splitlines(),
        217,
    )
)
_END = "\x1b[31m======================== \x1b[1m1 failed\x1b[0m, \x1b[32m7 passed\x1b[0m\x1b[31m in 2.41s =====\x1b[0m"
TESTS = (
    "\x1b[1m============================= test session starts ==============================\x1b[0m\n"
    + "".join(
        f"modeling/tests/test_separable.py::test_{name} \x1b[32mPASSED\x1b[0m  [{12 * place:3}%]\n"
        for place, name in enumerate(
            ["coord_matrix", "cdot", "cstack", "arith_oper", "models0", "models1", "models2"], 1
        )
    )
    + "modeling/tests/test_separable.py::test_nested \x1b[31mFAILED\x1b[0m  [100%]\n\n"
    "\x1b[31m\x1b[1mE   assert array([[ True, False]]) == array([[ True, True]])\x1b[0m\n"
    "\x1b[36m\x1b[1m=========================== short test summary info ============================\x1b[0m\n"
    "\x1b[31mFAILED\x1b[0m modeling/tests/test_separable.py::\x1b[1mtest_nested\x1b[0m - AssertionError\n" + _END
)
SEARCH = "Found 38 matches in 9 files:\n" + "\n".join(
    f"modeling/{name}.py:{line}: cright = _coord_matrix(right, 'right', noutp)  # {name}"
    for line, name in enumerate(["separable", "core", "bounding_box", "mappings", "polynomial"] * 8, 20)
)
REFUSED = (
    "The edit was not made: it would break modeling/separable.py.\n- line 236: SyntaxError: unexpected indent\n"
    "This is how it would have looked:\n235:        cright = np.zeros((noutp, right.shape[1]))\n"
    "236:            cright[-right.shape[0] :, -right.shape[1] :] = right"
)


def patch(size: int) -> str:
    """A diff that grows with the number."""
    hunk = [
        " def _cstack(left, right):",
        "-        cright[-right.shape[0] :, -right.shape[1] :] = 1",
        "+        cright[-right.shape[0] :, -right.shape[1] :] = right",
    ]
    more = [f"+    # What line {number} of the fix has to say" for number in range(size)]
    lines = [
        "diff --git a/modeling/separable.py b/modeling/separable.py",
        "index 45bea36..ef2c3a7 100644",
        "--- a/modeling/separable.py",
        "+++ b/modeling/separable.py",
        f"@@ -240,2 +240,{2 + size} @@ def _cstack(left, right):",
        *hunk,
        *more,
    ]
    if size > 2:
        lines += [
            "diff --git a/docs/changes/12907.bugfix.rst b/docs/changes/12907.bugfix.rst",
            "new file mode 100644",
            "--- /dev/null",
            "+++ b/docs/changes/12907.bugfix.rst",
            "@@ -0,0 +1 @@",
            "+Nested compound models are told apart by ``separability_matrix``.",
        ]
    return "\n".join(lines) + "\n"


def story(seed: int, steps: int, *, number: int = 0, status: str = "submitted", **started: Any) -> Iterator[Event]:
    """The events of an attempt: looking, editing (some edits refused), testing, a correction and a nudge."""
    rng = random.Random(seed)
    project = PROJECTS[seed % len(PROJECTS)]
    task = {
        "id": f"{project.replace('/', '__')}-{12907 + seed // 3}",
        "repo": project,
        "base_commit": "d16bfe05a744909de4b27f5875fe0d4ed41ce607",
        "problem_statement": STATEMENT,
    }
    known = {
        "attempt_id": f"attempt-{seed}",
        "task": task,
        "model": MODELS[seed % len(MODELS)],
        "config": {"limits": {"steps": 75, "cost": 1.0}, "agent": {"format": "tool_calls"}},
        "sandbox": {"kind": "docker", "image": "patchwright/base:1", "workdir": "/testbed"},
        "tools": ["open", "search_dir", "edit", "bash", "run_tests", "submit"],
        "versions": {"patchwright": "0.1.0", "python": "3.11.2"},
    }
    yield AttemptStarted(**{**known, **started})
    yield Message(role="system", purpose="system", content="You are a software engineer who fixes an issue.\n" * 12)
    yield Message(role="user", purpose="task", content=f"Fix this issue:\n\n<issue>\n{STATEMENT}</issue>")
    total, edits, prompt = Usage(), 0, 2400
    for step in range(1, steps + 1):
        last = step == steps and status == "submitted"
        kind = (
            "submit"
            if last
            else rng.choices(
                ["search_dir", "open", "edit", "refused", "run_tests", "bash", "malformed", "repeat"],
                [3, 4, 3, 1, 3, 3, 0.5, 0.4],
            )[0]
        )
        usage = Usage(
            prompt_tokens=prompt,
            completion_tokens=rng.randint(60, 600),
            cached_tokens=int(prompt * 0.8) if step > 1 else 0,
            cost=round(prompt * 1e-6, 6),
        )
        total += usage
        thought = "" if last else rng.choice(THOUGHTS)
        reasoning = (
            "The issue speaks of nesting, so the place is where operands are put together. " * 3
            if rng.random() < 0.25
            else ""
        )
        yield ModelReplied(
            step=step,
            content=thought or ("" if last else "I am done, I think."),
            reasoning=reasoning,
            usage=usage,
            duration=rng.lognormvariate(1.2, 0.7),
            model=known["model"],
        )
        if kind == "malformed":
            yield Message(
                role="user",
                purpose="correction",
                code="no-action",
                step=step,
                content="Your reply called no tool. Call one; call submit when the work is done.",
            )
            continue
        name, arguments, seen = _does(kind, rng)
        prompt += len(seen) // 3 + 200
        yield ActionTaken(step=step, call=Call(id=f"call-{step}", name=name, arguments=arguments), thought=thought)
        failed = kind in ("refused", "run_tests")
        code = {"refused": "guard-refused", "run_tests": "tests-failed"}.get(kind, "")
        yield Observed(
            step=step,
            call_id=f"call-{step}",
            text=seen,
            ok=not failed,
            code=code,
            duration=rng.expovariate(0.8),
            changed=kind == "edit",
            data={"exit_code": 1} if kind == "run_tests" else {},
        )
        if kind == "edit":
            edits += 1
            yield PatchChanged(step=step, patch=patch(edits % 12))
        if kind == "repeat":
            yield Message(
                role="user",
                purpose="nudge",
                code="repeat",
                step=step,
                content="You did exactly this before, and the result is the same. Doing it again will not help.",
            )
        if prompt > 24_000:
            yield Condensed(seqs=[6, 9], prompt_tokens=prompt)
            prompt = 9_000
    if status:
        yield AttemptEnded(
            status=status,
            detail="" if status == "submitted" else f"{steps} steps were made (limits.steps)",
            patch=patch(edits % 12) if edits else "",
            steps=steps,
            usage=total,
            duration=steps * 6.5,
        )


def _does(kind: str, rng: random.Random) -> tuple[str, dict[str, Any], str]:
    """Tool, arguments and observation of a kind of step."""
    path = "modeling/separable.py"
    edit = {
        "path": path,
        "old": "cright[-right.shape[0] :, -right.shape[1] :] = 1\n",
        "new": "cright[-right.shape[0] :, -right.shape[1] :] = right\n# so that nesting is kept\n",
    }
    listing = (
        "diff --git a/setup.cfg b/setup.cfg\n--- a/setup.cfg\n+++ b/setup.cfg\n@@ -1 +1 @@\n-name = a\n+name = b\n"
    )
    return {
        "search_dir": ("search_dir", {"term": "_coord_matrix(right", "dir": "modeling"}, SEARCH),
        "open": ("open", {"path": path, "line": rng.randint(1, 300)}, VIEW),
        "edit": ("replace", edit, f"Edited {path}.\n{VIEW}"),
        "refused": (
            "edit",
            {"path": path, "start": 236, "end": 236, "text": "            cright = right\n            # deeper\n"},
            REFUSED,
        ),
        "run_tests": ("run_tests", {"target": "modeling/tests/test_separable.py"}, TESTS),
        "bash": (
            "bash",
            {
                "command": "python - <<'EOF'\nfrom separable import *\nprint(separability_matrix(nested))\nEOF"
                if rng.random() < 0.6
                else "git diff"
            },
            listing,
        ),
        "repeat": ("bash", {"command": "git status"}, "On branch main\nnothing to commit, working tree clean"),
        "submit": ("submit", {}, "Submitted changes to modeling/separable.py."),
    }[kind]


def write(path: Path, events: Iterable[Event | dict[str, Any]], began: float = BEGAN) -> Path:
    """Write events as a trajectory file, numbered and dated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        for seq, event in enumerate(events):
            data = event if isinstance(event, dict) else event.model_dump(mode="json", exclude={"seq", "time"})
            stream.write(json.dumps({"seq": seq, "time": began + 3 * seq, **data}) + "\n")
    return path


def run_of_fifty(root: Path) -> Path:
    """A run's directory: 44 attempts, most with verdicts, and a tree of six forks of the first."""
    for seed in range(44):
        status = {5: "step_limit", 11: "cost_limit", 17: "format_limit", 23: "", 29: "model_error"}.get(
            seed % 31, "submitted"
        )
        events = list(story(seed, 6 + seed * 7 % 40, status=status))
        place = Path(events[0].task["id"], str(seed % 3 + 1))
        write(root / "attempts" / place / "trajectory.jsonl", events, BEGAN + 900 * seed)
        if status:
            _judge(root, place, events[-1].patch, seed)
    first = list(story(0, 6))
    forks = [
        ("fork-1", "attempt-0", 4, 22),
        ("fork-2", "attempt-0", 4, 9),
        ("fork-3", "fork-1", 12, 16),
        ("fork-4", "fork-1", 12, 30),
        ("fork-5", "attempt-0", 2, 18),
        ("helper", "attempt-0", 3, 3),
    ]
    for place, (name, parent, step, steps) in enumerate(forks):
        origin = {
            "attempt_id": parent,
            "seq": 3 + 3 * step,
            "step": step,
            **({"relation": "sub-agent"} if name == "helper" else {"changed": ["remark"] if step == 2 else []}),
        }
        events = list(
            story(
                60 + place,
                steps,
                status="submitted" if place != 1 else "step_limit",
                attempt_id=name,
                parent=origin,
                task=first[0].task,
            )
        )
        where = Path(first[0].task["id"], name)
        write(root / "attempts" / where / "trajectory.jsonl", events, BEGAN + 100_000)
        if name != "helper":
            _judge(root, where, events[-1].patch, place)
    return root


def _judge(root: Path, place: Path, diff: str, seed: int) -> None:
    home = root / "verdicts" / place.parent / place.name
    home.mkdir(parents=True)
    resolved = bool(diff) and seed * 7 % 11 > 4
    status = "resolved" if resolved else "unresolved" if diff else "empty_patch"
    failing = {"success": ["a"], "failure": []} if resolved else {"success": [], "failure": ["a"]}
    tests = {"FAIL_TO_PASS": failing, "PASS_TO_PASS": {"success": ["b", "c"], "failure": []}}
    verdict = {"task_id": place.parent.name, "status": status, "resolved": resolved, "tests": tests}
    (home / "verdict.json").write_text(json.dumps(verdict))
    (home / "patch.diff").write_text(diff)


HOSTILE = (
    "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=2>"
    "<a href='javascript:window.pwned=3'>go</a>"
)
ESCAPES = (
    "\x1b]8;;javascript:window.pwned=4\x07link\x1b]8;;\x07 \x1b[2J\x1b[10;10H"
    "\x1b[31mred\x1b[0m \x1b]0;title\x07\x9b5A \x00 rtl\u202e end"
)


def hostile(path: Path) -> Path:
    """A trajectory in which every text is an attack, or is broken."""
    surrogate = b"caf\xe9".decode("utf-8", "surrogateescape")
    evil = f"{HOSTILE}\n{ESCAPES}\n{surrogate}\n<!--<script>{{{{program}}}}"
    diff = f"diff --git a/{HOSTILE} b/{HOSTILE}\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-{ESCAPES}\n+{HOSTILE}\n"
    events: list[Event | dict[str, Any]] = [
        AttemptStarted(
            attempt_id=HOSTILE,
            task={"id": HOSTILE, "repo": HOSTILE, "problem_statement": evil},
            model=evil,
            config={HOSTILE: evil},
            sandbox={HOSTILE: evil},
            tools=[HOSTILE],
            parent={"attempt_id": HOSTILE, "seq": HOSTILE, "relation": HOSTILE},
        ),
        Message(role="system", purpose="system", content=evil),
        ModelReplied(step=1, content=evil, reasoning=evil, usage=Usage(prompt_tokens=10)),
        ActionTaken(
            step=1,
            call=Call(name=HOSTILE, arguments={HOSTILE: evil, "__proto__": {"x": 1}, "constructor": "y"}),
            thought=evil,
        ),
        Observed(step=1, text=evil + "\n" + "x" * 1_000_000, ok=False, code=HOSTILE, data={"exit_code": HOSTILE}),
        PatchChanged(step=1, patch=diff),
        Message(role="user", purpose="correction", content=evil, code=HOSTILE, step=1),
        {"type": "reflection", "text": evil, "parent": {"seq": 2}},
        {"type": HOSTILE, "__proto__": {"polluted": True}, "parent": [], "step": {"a": 1}},
        {"type": "observation", "text": {"not": "text"}, "duration": "long", "ok": 7},
        {"type": "action", "call": None, "step": None},
        {"type": "model_replied", "usage": 5, "content": ["x"], "tool_calls": "y", "step": "z"},
        {"type": "condensed", "seqs": "many"},
        {"type": "toString"},
        {"type": ["action"]},
        {"type": "trial_started", "name": HOSTILE, "trajectory": "../../etc/passwd", "limits": 7, "brief": evil},
        {
            "type": "trial_started",
            "name": [1],
            "brief": {"lessons": [evil, 3], "remarks": [evil], "initial_patch": diff},
        },
        {"type": "trial_ended", "name": HOSTILE, "status": HOSTILE, "detail": evil, "patch": diff, "usage": evil},
        {"type": "subagent_replied", "key": HOSTILE, "messages": [evil, {"role": HOSTILE, "content": evil}, {}]},
        {
            "type": "evaluated",
            "key": evil,
            "passed": evil,
            "checks": [{"name": evil, "message": HOSTILE, "kind": evil}, 5],
        },
        {"type": "noted", "key": evil, "data": {"reason": evil, HOSTILE: [evil, {"__proto__": evil}, [[[HOSTILE]]]]}},
        AttemptEnded(status=HOSTILE, detail=evil, patch=diff),
    ]
    write(path, events)
    with path.open("ab") as stream:
        stream.write(
            b'{"seq": "caf\xe9 \xff"\n[1]\n\nnull\n' + b'{"type":"message","content":"caf\xe9 \xff\xfe"}\n{"torn'
        )
    return path


if __name__ == "__main__":
    target = Path(sys.argv[1])
    run_of_fifty(target / "run")
    write(target / "long.jsonl", story(1, 2000, status="step_limit"))
    hostile(target / "hostile.jsonl")
