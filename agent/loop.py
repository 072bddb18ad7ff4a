"""The ReAct loop: ask the model, run its action, show it the observation, until it submits or a limit is reached.

An attempt always ends with a status and the patch so far. Everything that happens is appended to the event log before
the next thing happens; what the loop knows is what those events amount to, so that a log that broke off anywhere can be
gone on with from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aci_tools.errors import SandboxError
from aci_tools.session import Session
from aci_tools.tools.base import Observation
from aci_tools.tools.describe import build
from agent.budget import AttemptOver, Budget
from agent.config import Config
from agent.formats import ActionFormat, FormatError, ParsedCall, ShownLine, Tools, Tried
from agent.history import BY_USER, CHANGED, History
from agent.human.base import Companion, Nobody, Review, refusal, told_of_change
from agent.human.clock import OffTheClock
from agent.models.base import ContextOverflow, Model, ModelError, Query
from agent.rebuild import not_kept, rebuild, remark_on_lost
from agent.retrieval import Snippet
from agent.shown_code import ShownCode
from agent.status import Status
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Condensed,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Resumed,
)
from trajectories.log import EventLog

#: Called with every event, after it was written.
Listener = Callable[[Event], None]
E = TypeVar("E", bound=Event)


@dataclass
class Attempt:
    """One run of the loop on one task. Where the log has events already, it goes on from the last of them.

    Args:
        started: The first event.
        opening: The system prompt and the task, the first messages.
        session: The computer, as it was before the first action.
        model: The model.
        format: How it writes actions.
        tools: What it may do.
        config: The effective configuration.
        log: Where events go.
        listener: Told of every new event.
        companion: Who looks at actions before they run, and may say something in between.
        budget: What it may spend; default: the configured limits.
        shown: Code that the opening shows.
    """

    started: AttemptStarted
    opening: list[Message]
    session: Session
    model: Model
    format: ActionFormat
    tools: Tools
    config: Config
    log: EventLog
    listener: Listener = lambda event: None
    companion: Companion = field(default_factory=Nobody)
    budget: Budget = field(default=None)  # type: ignore[assignment]
    shown: Sequence[Snippet] = ()

    def __post_init__(self) -> None:
        self.budget = self.budget or Budget(self.config.limits)
        self.history = History(self.format, self.config, self.budget)
        self.patch = self.started.initial_patch
        self._paths: list[str] | None = None
        self._code: ShownCode | None = None
        self._held: tuple[tuple[Tools, list[Tried], Sequence[ShownLine]], str | None] | None = None
        self._in_place = False
        self._beside = OffTheClock(self.companion, self.budget)

    def run(self) -> AttemptEnded:
        """Work until the end, and say how it ended. Raises only what is a programming error."""
        try:
            self._begin()
            while True:
                self._step()
        except AttemptOver as over:
            return self._end(over.status, over.detail)
        except ContextOverflow:
            return self._end(Status.CONTEXT_OVERFLOW, "the prompt does not fit into the model's window")
        except ModelError as error:
            return self._end(Status.MODEL_ERROR, str(error))
        except SandboxError as error:
            return self._end(Status.SANDBOX_LOST, str(error))
        except KeyboardInterrupt:
            return self._end(Status.INTERRUPTED, "interrupted")

    @property
    def about(self) -> str:
        """How it is done, for the user."""
        return self.format.name

    def abandon(self) -> None:
        """Record nothing more, because the process ends and takes the sandbox away."""
        self.log.close()

    def _begin(self) -> None:
        if self.config.agent.constrain and self.model.takes_grammar:
            self._paths = self.session.files()
            self._code = ShownCode(self.session, self.shown, reached=self.config.agent.reached_lines)
        recorded = list(self.log.events)
        for event in recorded:
            self.history.add(event, recorded=True)
        self.patch = self.history.patch
        resumed = self._rebuild(recorded) if recorded else None
        self._in_place = True
        self._record(resumed or self.started)
        for message in self.opening[self.history.opening :]:
            self._record(message)
        if self.history.unrecorded or (self.started.initial_patch and not recorded):
            self._note_patch()
        if self.history.reply is not None:
            self._answer(self.history.reply, recorded=True)
        if resumed is not None and resumed.lost:
            self._record(remark_on_lost(resumed))

    def _rebuild(self, recorded: list[Event]) -> Resumed:
        """Bring the computer to the state of the events, and the clock too."""
        began = time.monotonic()
        rebuilt = rebuild(self.session, recorded, self.tools, self.log.redactor)
        self.patch = self.session.patch_so_far or ""
        self.budget.go_on(self.history.elapsed)
        return Resumed(
            steps=self.budget.steps,
            actions=rebuilt.actions,
            corrected=rebuilt.corrected,
            lost=rebuilt.lost,
            model=self.model.name,
            limits=self.config.limits.model_dump(mode="json"),
            duration=time.monotonic() - began,
        )

    def _step(self) -> None:
        self._listen()
        self._conclude()
        self._make_room()
        self._answer(self._ask())

    def _listen(self) -> None:
        """Pass on what a person changed, or has to say."""
        for action in list(self.history.untold):
            self._record(told_of_change(action.call, action.step, CHANGED))
        if said := self._beside.remark():
            waited, step = self._beside.waited(), self.budget.steps
            self._record(Message(role="user", purpose="remark", content=said, code=BY_USER, step=step, waited=waited))

    def _conclude(self) -> None:
        """End, or tell the agent to do something new, where the events so far ask for it.

        Raises:
            AttemptOver: They ask for an end.
        """
        history, limits = self.history, self.config.limits
        if history.submitted:
            raise AttemptOver(Status.SUBMITTED)
        if history.format_errors >= limits.format_errors:
            count = f"{history.format_errors} malformed actions in a row"
            raise AttemptOver(Status.FORMAT_LIMIT, f"{count} (limits.format_errors)")
        if history.repeated:
            if history.repetition.in_a_row >= limits.repeats:
                count = f"{history.repetition.in_a_row} repeated actions in a row"
                raise AttemptOver(Status.REPETITION_LIMIT, f"{count} (limits.repeats)")
            advice = history.repetition.advice([tool.tool_name() for tool in self.tools])
            self._record(Message(role="user", purpose="nudge", content=advice, code="repeat", step=self.budget.steps))
        self.budget.check()

    def _ask(self) -> ModelReplied:
        temperature = self.history.temperature
        query = Query(
            self.history.view.messages,
            self.format.tool_schemas(self.tools),
            self._grammar(),
            temperature,
            self.budget.steps,
            self.config.model.seed,
            str(self.started.task.get("id", "")),
            self.config.model.logprobs,
        )
        began = time.monotonic()
        try:
            reply = self.model.query(query)
        except ContextOverflow:
            if not self._condense():
                raise
            reply = self.model.query(replace(query, messages=self.history.view.messages))
        event = ModelReplied(
            step=self.budget.steps + 1,
            content=reply.content,
            reasoning=reply.reasoning,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            logprob=reply.logprob,
            model=reply.model,
            usage=reply.usage,
            settings={} if temperature is None else {"temperature": temperature},
            duration=time.monotonic() - began,
            retries=reply.retries,
        )
        self._record(event)
        return event  # not as it was recorded: an edit must not write a mask over what looks like a secret

    def _grammar(self) -> str | None:
        """What the next reply is held to; nothing where it is not to be, or the model takes no grammar."""
        if self._paths is None or self._code is None:
            return None
        known = self._offered(), list(self.history.tried), self._code.lines()
        if self._held is None or self._held[0] != known:
            # Kept, because with thousands of files it takes as long as many steps of the loop do.
            tools, tried, shown = known
            self._held = known, self.format.grammar(tools, self._paths, shown, tried)
        return self._held[1]

    def _offered(self) -> Tools:
        """The tools, without those of the latest repeats as long as one that edits is left."""
        barred = self.history.repetition.tools if self.config.agent.bar_repeated else ()
        left = [tool for tool in self.tools if tool.tool_name() not in barred]
        return left if any(tool.edits for tool in left) else self.tools

    def _answer(self, reply: ModelReplied, *, recorded: bool = False) -> None:
        """Run the actions of a reply that were not run yet, or say what is wrong with it.

        Args:
            reply: The reply.
            recorded: Whether it was read from the log, where a mask may stand in it.
        """
        try:
            parsed = self.format.parse(reply, self.tools)
        except FormatError as error:
            step = self.budget.steps
            self._record(Message(role="user", purpose="correction", content=error.text, code=error.code, step=step))
            return
        for parsed_call in parsed.calls[self.history.observed :]:
            if self.history.submitted or (parsed.alternatives and self.history.landed):
                break
            self._act(parsed_call, parsed.thought if self.history.observed == 0 else "", recorded=recorded)

    def _act(self, parsed: ParsedCall, thought: str, *, recorded: bool) -> None:
        """Run one action and record what came of it; one that the sandbox did not survive stays unanswered."""
        parsed, observation = self._taken(parsed, thought, recorded=recorded)
        step = self.budget.steps
        before = self.session.fingerprint
        began = time.monotonic()
        observation = observation or self.session.execute(parsed.tool)
        changed = self.session.fingerprint != before
        self._record(
            Observed(
                step=step,
                call_id=parsed.call.id,
                text=observation.text,
                ok=observation.ok,
                code=observation.code,
                data=dict(observation.data),
                duration=time.monotonic() - began,
                changed=changed,
                done=observation.done,
            )
        )
        if changed:
            self._note_patch()

    def _taken(self, parsed: ParsedCall, thought: str, *, recorded: bool) -> tuple[ParsedCall, Observation | None]:
        """The action as it is taken, recorded; and what the agent is told at once if it does not run."""
        begun = self.history.action
        if begun is not None:  # by a process that was killed
            if begun.review == "changed":
                parsed = ParsedCall(begun.call, build(begun.call.name, begun.call.arguments, self.tools))
            lost = not_kept(begun.call)
            return parsed, refusal() if begun.review == "refused" else lost
        lost = not_kept(parsed.call) if recorded else None
        review = Review(parsed) if lost else self._beside.review(parsed, thought)
        call, outcome = review.parsed.call, review.outcome
        step, waited = self.budget.steps, self._beside.waited()
        self._record(ActionTaken(step=step, call=call, thought=thought, review=outcome, waited=waited))
        return review.parsed, refusal(review.reason) if outcome == "refused" else lost

    def _make_room(self) -> None:
        """Condense once the prompt is near the window."""
        window = self.config.model.context_window or self.model.context_window
        if window and self.history.view.prompt_tokens >= window * self.config.context.condense_at:
            self._condense()

    def _condense(self) -> bool:
        """Whether there was anything to condense."""
        view = self.history.view
        seqs = view.condensable(self.config.context.keep_last)
        if not seqs:
            return False
        self._record(Condensed(seqs=seqs, prompt_tokens=view.prompt_tokens))
        return True

    def _note_patch(self) -> None:
        """Keep the patch so far, so that it outlives even the sandbox."""
        self.patch = self.session.patch_so_far or ""
        self._record(PatchChanged(step=self.budget.steps, patch=self.patch))

    def _end(self, status: Status, detail: str = "") -> AttemptEnded:
        if self._in_place and status is not Status.SANDBOX_LOST:
            try:
                self.patch = self.session.patch()
            except SandboxError as error:
                detail = f"{detail}; the patch is that of the last edit, because {error}".lstrip("; ")
        return self._record(
            AttemptEnded(
                status=status,
                detail=detail,
                patch=self.patch,
                steps=self.budget.steps,
                usage=self.budget.usage,
                duration=self.budget.elapsed,
            )
        )

    def _record(self, event: E) -> E:
        stored = self.log.append(event)
        self.history.add(stored)
        self.listener(stored)
        return stored
