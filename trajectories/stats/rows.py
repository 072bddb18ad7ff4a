"""The columns of statistics: one row for an attempt, one for every action. All tables are computed from these rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One action. A reply without a well-formed action has a row too, whose ``tool`` is empty.

    What the model call of a step took stands in the step's first row, zeros in the rows of its further actions, so that
    sums are right.

    Attributes:
        trajectory: Path of the file; the key to the attempt.
        step: Model call, from 1.
        call: Action within the step, from 1; 0 without one.
        tool: Name of the tool.
        path: File that the tool named; ``""`` for none.
        ok: Whether it did what was asked.
        code: Why not.
        correction: What kind of malformed action the reply was, if it was one.
        changed: Whether it changed files.
        repeated: Whether the same call had been made before with the same result, no file having changed since.
        followed_by: For an edit that the guard refused, what the agent did next: ``landed`` (an edit of this file went
            through), ``refused`` (the guard refused again), ``same`` (it was the very same call), ``failed`` (a call on
            this file failed otherwise), ``else`` (something else), ``end`` (nothing). ``""`` for other actions.
        landed_after: For the same, how many actions later an edit of this file went through; ``None`` if none did.
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written.
        cached_tokens: Those of the prompt that came from a cache.
        cost: US dollars; ``None`` when no price is known.
        model_seconds: Time of the model call.
        tool_seconds: Time of the tool.
        retries: Transient failures before the reply.
    """

    trajectory: str
    task: str
    step: int
    call: int
    tool: str
    path: str
    ok: bool
    code: str
    correction: str
    changed: bool
    repeated: bool
    followed_by: str
    landed_after: int | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float | None
    model_seconds: float
    tool_seconds: float
    retries: int


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt.

    Attributes:
        trajectory: Path of the file.
        attempt: Number among the attempts on the task, from 1.
        status: Why it ended; ``""`` if the trajectory has no end.
        infrastructure: Whether the attempt or its verdict failed for reasons that say nothing about the agent.
        verdict: Status of the verdict; ``""`` without one.
        resolved: Whether the patch solves the task; ``None`` without a verdict.
        tests_passed: Judging tests that passed, of ``tests``.
        failure: Its class in :mod:`trajectories.stats.failures`.
        actions: Well-formed actions; ``failed`` of them did not do what was asked.
        malformed: Replies without a well-formed action.
        refusals: Edits that the guard refused.
        repeats: Actions repeated with the same result, no file having changed since.
        condensed: How often old observations left the prompt.
        trials: Trials that a strategy made; 0 without one.
        trial: Number of the first of them that ended with the patch that was handed in, from 1; ``None`` for none.
        first_edit: Step of the first action that changed files; ``None`` if none did.
        edits: Actions that changed files.
        own_tests_ok: What the agent's last run of tests said; ``None`` if it ran none.
        tested_after_edit: Whether that run came after the last edit.
        patch_files: Files that the patch changes.
        gold_files: Files of the known solution that could be found; ``None`` where no solution is known, as below.
        gold_named: Of those, how many were named in an action or observation.
        gold_opened: How many were opened; see :class:`~trajectories.stats.localisation.Localisation`.
        gold_edited: How many the patch changes.
        gold_functions: Functions that the solution changes.
        gold_seen: How many of those were seen.
        first_gold: Step that first opened one of the files.
        cost: US dollars; ``None`` when no price is known.
        model_seconds: Time of all model calls.
        tool_seconds: Time of all tools.
        seconds: Wall time.
    """

    trajectory: str
    attempt_id: str
    task: str
    attempt: int
    repo: str
    model: str
    status: str
    infrastructure: bool
    verdict: str
    resolved: bool | None
    tests_passed: int
    tests: int
    failure: str
    steps: int
    actions: int
    failed: int
    malformed: int
    refusals: int
    repeats: int
    condensed: int
    trials: int
    trial: int | None
    first_edit: int | None
    edits: int
    own_tests_ok: bool | None
    tested_after_edit: bool
    patch_files: tuple[str, ...]
    gold_files: int | None
    gold_named: int | None
    gold_opened: int | None
    gold_edited: int | None
    gold_functions: int | None
    gold_seen: int | None
    first_gold: int | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float | None
    model_seconds: float
    tool_seconds: float
    seconds: float
