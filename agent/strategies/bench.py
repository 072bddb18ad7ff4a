"""What a strategy works with: trials, sub-agents, evaluations. Whatever it does here is recorded, and not done twice.

The record is the attempt's own trajectory, the root of a tree: each trial has a trajectory of its own below it. A
strategy that is run again on a recorded root gets the recorded answers, so it takes the same course up to where the
attempt was cut off, and goes on from there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from aci_tools.patch import put_patch
from aci_tools.sandbox import Sandbox
from aci_tools.session import Session
from agent.attempt import open_attempt, open_session
from agent.baselines import Baselines
from agent.budget import AttemptOver, Budget
from agent.config import Config, LimitsConfig
from agent.config_files import laid_over
from agent.history import BY_USER
from agent.human.base import Companion
from agent.loop import Attempt, Listener
from agent.models import ChatMessage, ContextOverflow, Model, Query
from agent.status import Status
from agent.strategies.base import Brief, Candidate
from agent.strategies.evaluation import Evaluation, Evaluator
from agent.strategies.numbered import Numbered
from agent.strategies.record import Record
from tasks.task import Task
from trajectories.events import Evaluated, Event, Message, Noted, SubagentReplied, TrialEnded, TrialStarted
from trajectories.log import EventLog

PATCH = "patch.diff"
_SAID = "said/"
E = TypeVar("E", bound=Event)


class Bench:
    """The workbench of one attempt.

    Args:
        task: The task, as the agent may know it.
        base: The commit that its repository is at.
        sandbox: A computer with the repository; trials and evaluations use it one after the other, each from a fresh
            snapshot.
        model: The model.
        config: The effective configuration.
        log: The root trajectory.
        budget: What the attempt may spend; trials and sub-agents spend of it.
        listener: Told of every event, those of trials too.
        companion: Who is beside its trials; what they say in one is told to the later ones.
    """

    def __init__(
        self,
        *,
        task: Task,
        base: str,
        sandbox: Sandbox,
        model: Model,
        config: Config,
        log: EventLog,
        budget: Budget,
        listener: Listener,
        companion: Companion | None = None,
    ) -> None:
        self.task, self.config, self.model, self.budget = task, config, model, budget
        self.evaluators: list[Evaluator] = []
        self.candidates: list[Candidate] = []
        self._base, self._sandbox, self._log, self._listener = base, sandbox, log, listener
        self._companion = companion
        #: What is known of the code as it was, from sandboxes that nobody has worked in.
        self.baselines = Baselines.of(config, sandbox, base)
        self._record = Record.of(log.events, log.path.parent)
        self._record.recall(budget)
        self._prepared: set[int] = set()
        self._snapshot: str | None = None
        self._fresh = True
        self._running: Attempt | None = None

    def trial(self, brief: Brief) -> Candidate:
        """One attempt of the loop on the repository as it was at the beginning.

        Args:
            brief: What it is given; its name tells it from the others.

        Raises:
            AttemptOver: Nothing is left of the budget, or the trial was cut off and can be gone on with.
        """
        brief = brief if brief.name else replace(brief, name="1")
        begun, ended = self._record.trials.get(brief.name, (None, None))
        place = self._log.path.parent / "trials" / brief.name
        if ended is None:
            begun, ended, patch = self._run(brief, begun, place)
        else:
            patch = _kept(place / PATCH, ended.patch)
        candidate = Candidate(
            brief.name,
            patch,
            ended.status,
            ended.detail,
            ended.steps,
            ended.usage,
            trajectory=place / "trajectory.jsonl",
        )
        self.candidates.append(candidate)
        return candidate

    def ask(
        self,
        key: str,
        messages: list[ChatMessage],
        *,
        temperature: float | None = None,
        grammar: str | None = None,
        logprobs: bool = False,
        before: int = 0,
    ) -> SubagentReplied:
        """One call of a sub-agent.

        Args:
            key: What tells the call from the others of this attempt, such as ``reflection/1``; what is before the first
                slash is its purpose.
            messages: What it is asked.
            temperature: Sampling temperature; ``None``: the configured one.
            grammar: A llama.cpp grammar for the answer, for models that take one.
            logprobs: Whether the probability of the answer is wanted, where the provider gives it.
            before: Model calls that must be left after this one, or else the answer is of no use.

        Returns:
            The answer; an empty one where the question did not fit into the model's window.

        Raises:
            AttemptOver: Nothing is left of the budget, or too little.
            ModelError: The model cannot answer.
        """
        known = self._record.answers.get(key)
        if known is not None:
            return known
        self.budget.check()
        steps, limit = self.budget.steps, self.budget.limits.steps
        if steps + 1 + before > limit:
            raise AttemptOver(Status.STEP_LIMIT, f"{steps} of {limit} steps (limits.steps)")
        messages = self._log.redactor.data(messages)  # a patch holds what stands beside a change, secrets too
        settings = {} if temperature is None else {"temperature": temperature}
        asked = SubagentReplied(key=key, purpose=key.partition("/")[0], messages=messages, settings=settings)
        query = Query(
            messages,
            grammar=grammar if self.model.takes_grammar else None,
            temperature=temperature,
            index=self.budget.steps,
            seed=self.config.model.seed,
            task=self.task.id,
            logprobs=logprobs,
        )
        began = time.monotonic()
        try:
            reply = self.model.query(query)
        except ContextOverflow:
            return self.record(asked.model_copy(update={"finish_reason": "overflow"}))
        self.budget.spend(reply.usage)
        given = {
            "content": reply.content,
            "finish_reason": reply.finish_reason,
            "logprob": reply.logprob,
            "model": reply.model,
            "usage": reply.usage,
            "duration": time.monotonic() - began,
            "retries": reply.retries,
        }
        return self.record(asked.model_copy(update=given))

    def evaluate(self, candidate: Candidate) -> Candidate:
        """The candidate with what every evaluator finds about its patch; nothing is found about an empty one.

        Raises:
            SandboxError: The sandbox is lost for good.
        """
        if not candidate.patch or candidate.evaluation is not None:
            return candidate
        for evaluator in self.evaluators:
            if id(evaluator) not in self._prepared:
                self._prepared.add(id(evaluator))
                evaluator.prepare(self)
        key = f"{candidate.name}:{'+'.join(type(evaluator).__name__ for evaluator in self.evaluators)}"
        known = self._record.evaluations.get(key)
        if known is None:
            began = time.monotonic()
            checks = []
            for evaluator in self.evaluators:
                with self.at(candidate.patch) as session:
                    checks += evaluator.evaluate(self, session, candidate.patch)
            found = Evaluation(tuple(checks))
            event = Evaluated(key=key, checks=found.as_data(), passed=found.passed, text=found.text())
            known = self.record(event.model_copy(update={"duration": time.monotonic() - began}))
        judged = replace(candidate, evaluation=Evaluation.of(known.checks))
        self.candidates = [judged if each.name == judged.name else each for each in self.candidates]
        return judged

    def once(self, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What plain code finds out, recorded under a key and not computed again when the attempt is resumed.

        Args:
            key: What tells it from the others of this attempt, such as ``selection/1``.
            compute: Computes it; JSON.
        """
        known = self._record.notes.get(key)
        if known is None:
            known = self.record(Noted(key=key, data=compute()))
        return known.data

    @contextlib.contextmanager
    def at(self, patch: str = "") -> Iterator[Session]:
        """The computer as it was at the base commit, with a patch applied; afterwards it is thrown away.

        Raises:
            SandboxError: The sandbox is lost for good, or the patch, which came from it, does not apply.
        """
        self._renew()
        self._fresh = False
        put_patch(self._sandbox, patch)
        yield open_session(self.config, self._sandbox, self.task, self._base, measure=not patch)

    @property
    def best(self) -> Candidate | None:
        """The candidate with the best evaluation so far, the earliest of equals."""
        return max(self.candidates, key=lambda each: each.rank, default=None)

    def record(self, event: E) -> E:
        """Write an event of the root; returns it as written."""
        stored = self._log.append(event)
        self._record.add(stored)
        self._listener(stored)
        return stored

    def abandon(self) -> None:
        """Record nothing more, because the process ends."""
        running = self._running
        if running is not None:
            running.log.close()
        self._log.close()

    def _run(self, brief: Brief, begun: TrialStarted | None, place: Path) -> tuple[TrialStarted, TrialEnded, str]:
        if begun is None:
            self.budget.check()
            brief = replace(brief, remarks=(*brief.remarks, *self._said))
            limits = self._limits(brief.share)
            begun = self.record(
                TrialStarted(
                    name=brief.name,
                    trajectory=f"trials/{brief.name}/trajectory.jsonl",
                    limits=limits.model_dump(mode="json"),
                    first_call=self.budget.steps,
                    brief=asdict(brief),
                )
            )
        limits = LimitsConfig.model_validate(begun.limits)
        budget = Budget(limits, self.budget)
        self._renew()
        self._fresh = False
        opened = open_attempt(
            task=self.task,
            base=self._base,
            sandbox=self._sandbox,
            model=Numbered(self.model, begun.first_call),
            config=self._config(brief, limits),
            trajectory=place / "trajectory.jsonl",
            listener=self._listener,
            companion=self._companion,
            budget=budget,
            notes=told(brief),
            initial_patch=brief.initial_patch,
            failed_patches=brief.failed,
            parent={"relation": "trial", "attempt_id": self._attempt_id, "trial": brief.name},
        )
        with opened as attempt:
            self._running = attempt
            try:
                over = attempt.run()
            finally:
                self._running = None
        if Status.of(over.status).resumable:
            raise AttemptOver(Status.of(over.status), over.detail)
        said = [event.content for event in attempt.log.events if isinstance(event, Message) and event.code == BY_USER]
        if said:
            self.record(Noted(key=f"{_SAID}{brief.name}", data={"said": said}))
        (place / PATCH).write_bytes(attempt.patch.encode("utf-8", "surrogateescape"))
        ended = self.record(
            TrialEnded(
                name=brief.name,
                status=over.status,
                detail=over.detail,
                patch=over.patch,
                steps=over.steps,
                usage=over.usage,
                duration=over.duration,
                waited=budget.waited,
            )
        )
        return begun, ended, attempt.patch

    @property
    def _said(self) -> list[str]:
        """What a person said in earlier trials."""
        notes = [note.data["said"] for key, note in self._record.notes.items() if key.startswith(_SAID)]
        return [f"The user said during an earlier try: {said}" for note in notes for said in note]

    @property
    def _attempt_id(self) -> str:
        return str(getattr(self._log.events[0], "attempt_id", "")) if self._log.events else ""

    def _config(self, brief: Brief, limits: LimitsConfig) -> Config:
        config = laid_over(self.config, brief.settings, "strategy.variants") if brief.settings else self.config
        model = config.model
        changes: dict[str, Any] = {}
        if brief.seed:
            changes["seed"] = (model.seed or 0) + brief.seed
        if brief.temperature is not None:
            changes["temperature"] = brief.temperature
        return config.model_copy(update={"model": model.model_copy(update=changes), "limits": limits})

    def _limits(self, share: float) -> LimitsConfig:
        """A share of what is left of the attempt's limits."""
        limits, spent = self.config.limits, self.budget
        left: dict[str, Any] = {"steps": max(1, round((limits.steps - spent.steps) * share))}
        if limits.tokens is not None:
            left["tokens"] = max(1, round((limits.tokens - spent.fresh_tokens) * share))
        if limits.cost is not None:
            left["cost"] = max(1e-6, (limits.cost - (spent.usage.cost or 0.0)) * share)
        if limits.time is not None:
            left["time"] = max(1.0, (limits.time - spent.elapsed) * share)
        return limits.model_copy(update=left)

    def _renew(self) -> None:
        """Bring the computer back to the beginning."""
        if self._snapshot is None:
            self._snapshot = self._sandbox.snapshot()
        elif not self._fresh:
            self._sandbox.restore(self._snapshot)
        self._fresh = True


def _kept(file: Path, recorded: str) -> str:
    """A trial's patch as it was; the recorded one where its file is gone."""
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return recorded


def told(brief: Brief) -> tuple[str, ...]:
    """What a trial's prompt says beyond the task."""
    if not brief.lessons:
        return brief.remarks
    lessons = "\n".join(f"- {' '.join(lesson.split())}" for lesson in brief.lessons)
    return (*brief.remarks, f"Lessons of earlier tries, which failed:\n{lessons}")
