"""The facts of an attempt, computed from what it recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from trajectories.events import CUT_OFF
from trajectories.stats.commands import command_of, runs_tests
from trajectories.stats.failures import Case, classify
from trajectories.stats.gold import Touched
from trajectories.stats.localisation import localise, patched_files
from trajectories.stats.reader import Action, Recorded, Step
from trajectories.stats.rows import AttemptFacts, StepFacts
from trajectories.verdicts import Verdict

#: Why an attempt ended that says nothing about the task: it is to be resumed. ``""`` is a trajectory without an end.
INFRASTRUCTURE = CUT_OFF | {""}
GUARD_REFUSED = "guard-refused"


def facts(
    recorded: Recorded,
    *,
    attempt: int = 1,
    verdict: Verdict | None = None,
    gold: Sequence[Touched] | None = None,
) -> tuple[AttemptFacts, list[StepFacts]]:
    """The rows of one attempt.

    Args:
        recorded: The attempt.
        attempt: Its number among the attempts on its task.
        verdict: Its verdict, if it has one.
        gold: What the known solution touches, if one is known.
    """
    rows = list(_steps(recorded))
    found = localise(recorded, gold) if gold is not None else None
    infrastructure = recorded.status in INFRASTRUCTURE or (verdict is not None and verdict.infrastructure)
    own_tests, after_edit = _own_tests(recorded)
    edits = [row.step for row in rows if row.changed]
    costs = [row.cost for row in rows if row.cost is not None]
    tokens = {name: _total(recorded, rows, name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens")}
    actions = [row for row in rows if row.call]
    return AttemptFacts(
        trajectory=str(recorded.path),
        attempt_id=recorded.attempt_id,
        task=task_id(recorded),
        attempt=attempt,
        repo=_repository(recorded),
        model=recorded.model,
        status=recorded.status,
        infrastructure=infrastructure,
        verdict=verdict.status if verdict else "",
        resolved=verdict.resolved if verdict else None,
        tests_passed=len(verdict.passed) if verdict else 0,
        tests=verdict.tests if verdict else 0,
        failure=classify(Case(recorded.status, recorded.patch, infrastructure, verdict, found, own_tests)),
        steps=max(len(recorded.steps), recorded.stated_steps),
        actions=len(actions),
        failed=sum(not row.ok for row in actions),
        malformed=sum(bool(row.correction) for row in rows),
        refusals=sum(row.code == GUARD_REFUSED for row in rows),
        repeats=sum(row.repeated for row in rows),
        condensed=recorded.condensed,
        trials=len(recorded.trials),
        trial=_handed_in(recorded),
        first_edit=edits[0] if edits else None,
        edits=len(edits),
        own_tests_ok=own_tests,
        tested_after_edit=after_edit,
        patch_files=tuple(sorted(patched_files(recorded.patch))),
        gold_files=len(found.files) if found else None,
        gold_named=len(found.named) if found else None,
        gold_opened=len(found.opened) if found else None,
        gold_edited=len(found.edited) if found else None,
        gold_functions=len(found.functions) if found else None,
        gold_seen=len(found.seen) if found else None,
        first_gold=found.first_opened if found else None,
        **tokens,
        cost=sum(costs) if costs else recorded.usage.get("cost"),
        model_seconds=sum(row.model_seconds for row in rows),
        tool_seconds=sum(row.tool_seconds for row in rows),
        seconds=recorded.seconds,
    ), rows


def task_id(recorded: Recorded) -> str:
    """The task of an attempt; the name of its file where the trajectory does not say."""
    return str(recorded.task.get("id") or recorded.task.get("instance_id") or recorded.path.stem)


def _repository(recorded: Recorded) -> str:
    """The task's repository; where the trajectory does not say, what SWE-bench's way of naming tasks says."""
    named = re.fullmatch(r"([\w.-]+?)__([\w.-]+)-\d+", task_id(recorded))
    return str(recorded.task.get("repo") or (f"{named[1]}/{named[2]}" if named else ""))


def _handed_in(recorded: Recorded) -> int | None:
    """Number of the first trial that ended with the attempt's patch; ``None`` without a patch or such a trial."""
    same = (number for number, patch in enumerate(recorded.trials, 1) if patch == recorded.patch)
    return next(same, None) if recorded.patch else None


def _own_tests(recorded: Recorded) -> tuple[bool | None, bool]:
    """What the agent's last run of tests said, and whether no file changed after it; ``None`` if it ran none.

    A run of tests is a call of ``run_tests``, or a shell command that starts a well-known runner. It passed if the
    action did what was asked: for a shell, exit code 0.
    """
    said: bool | None = None
    fresh = False
    for step in recorded.steps:
        for action in step.actions:
            if action.observed and (action.tool == "run_tests" or runs_tests(command_of(action.arguments))):
                said, fresh = action.ok, True
            elif action.changed:
                fresh = False
    return said, fresh


def _total(recorded: Recorded, rows: Sequence[StepFacts], name: str) -> int:
    """A sum over the steps; where they say nothing, as in imported trajectories, what the end states."""
    return sum(getattr(row, name) for row in rows) or int(recorded.usage.get(name) or 0)


def _steps(recorded: Recorded) -> Iterator[StepFacts]:
    actions = [action for step in recorded.steps for action in step.actions]
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    state = 0
    position = 0
    for step in recorded.steps:
        if not step.actions:
            yield _row(recorded, step, Action(ok=not step.correction), 0, False, "", None)
        for call, action in enumerate(step.actions, 1):
            key = (_key(action), state)
            repeated = bool(action.tool) and action.observed and seen.get(key) == (action.code, action.text)
            seen[key] = action.code, action.text
            state += action.changed
            next_one, landed = _after_refusal(action, actions[position + 1 :])
            yield _row(recorded, step, action, call, repeated, next_one, landed)
            position += 1


def _row(
    recorded: Recorded, step: Step, action: Action, call: int, repeated: bool, followed_by: str, landed: int | None
) -> StepFacts:
    first = call <= 1
    return StepFacts(
        trajectory=str(recorded.path),
        task=task_id(recorded),
        step=step.number,
        call=call,
        tool=action.tool,
        path=_path(action),
        ok=action.ok,
        code=action.code,
        correction=step.correction if first else "",
        changed=action.changed,
        repeated=repeated,
        followed_by=followed_by,
        landed_after=landed,
        prompt_tokens=step.prompt_tokens if first else 0,
        completion_tokens=step.completion_tokens if first else 0,
        cached_tokens=step.cached_tokens if first else 0,
        cost=step.cost if first else None,
        model_seconds=step.seconds if first else 0.0,
        tool_seconds=action.seconds,
        retries=step.retries if first else 0,
    )


def _after_refusal(refused: Action, later: Sequence[Action]) -> tuple[str, int | None]:
    if refused.code != GUARD_REFUSED:
        return "", None
    path = _path(refused)
    landed = next((i for i, each in enumerate(later, 1) if each.changed and _path(each) == path), None)
    if not later:
        return "end", landed
    following = later[0]
    if _key(following) == _key(refused):
        return "same", landed
    if following.code == GUARD_REFUSED:
        return "refused", landed
    if _path(following) == path and following.changed:
        return "landed", landed
    # An edit that fails has the file's path and changes nothing; so has a look at it, which does not fail.
    if _path(following) == path and not following.ok and not command_of(following.arguments):
        return "failed", landed
    return "else", landed


def _path(action: Action) -> str:
    for given in (action.data.get("path"), action.arguments.get("path")):
        if isinstance(given, str):
            return given
    return ""


def _key(action: Action) -> str:
    return json.dumps([action.tool, action.arguments], sort_keys=True)
