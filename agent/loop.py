"""The ReAct loop: ask the model, run its action, show it the observation, until it submits or a limit is reached.

An attempt always ends with a status and the patch so far. Everything that happens is appended to the event log before
the next thing happens; the prompt, the budget and the notes on repetition are computed from those events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aci_tools.errors import SandboxError
from aci_tools.session import Session
from aci_tools.tools.base import SANDBOX_LOST, Observation
from agent.budget import AttemptOver, Budget
from agent.config import Config
from agent.formats import ActionFormat, FormatError, ParsedCall, ParsedReply, Tools
from agent.models.base import ContextOverflow, Model, ModelError, Query
from agent.repetition import Repetition
from agent.status import Status
from agent.view import View
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
)
from trajectories.log import EventLog

#: Called with every event, after it was written.
Listener = Callable[[Event], None]
E = TypeVar("E", bound=Event)


@dataclass
class Attempt:
    """One run of the loop on one task.

    Args:
        started: The first event.
        opening: The system prompt and the task, the first messages.
        session: The computer.
        model: The model.
        format: How it writes actions.
        tools: What it may do.
        config: The effective configuration.
        log: Where events go.
        listener: Told of every event.
        budget: What it may spend; default: the configured limits.
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
    budget: Budget = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.budget = self.budget or Budget(self.config.limits)
        self.view = View(self.format, drop_failed=self.config.context.drop_failed)
        self.repetition = Repetition()
        self.format_errors = 0
        self.temperature: float | None = None
        self.patch = ""
        self.grammar: str | None = None

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

    def _begin(self) -> None:
        self._record(self.started)
        for message in self.opening:
            self._record(message)
        if self.config.agent.constrain and self.model.takes_grammar:
            self.grammar = self.format.grammar(self.tools, self.session.files())

    def _step(self) -> None:
        self.budget.check()
        self._make_room()
        reply = self._ask()
        try:
            parsed = self.format.parse(reply, self.tools)
        except FormatError as error:
            self._correct(error)
            return
        self.format_errors = 0
        for number, parsed_call in enumerate(parsed.calls):
            self._act(parsed, parsed_call, first=number == 0, last=number == len(parsed.calls) - 1)

    def _ask(self) -> ModelReplied:
        query = Query(
            self.view.messages,
            self.format.tool_schemas(self.tools),
            self.grammar,
            self.temperature,
            self.budget.steps,
        )
        began = time.monotonic()
        try:
            reply = self.model.query(query)
        except ContextOverflow:
            if not self._condense():
                raise
            reply = self.model.query(replace(query, messages=self.view.messages))
        self.budget.spend(reply.usage)
        settings = {} if self.temperature is None else {"temperature": self.temperature}
        self.temperature = None
        event = ModelReplied(
            step=self.budget.steps,
            content=reply.content,
            reasoning=reply.reasoning,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            model=reply.model,
            usage=reply.usage,
            settings=settings,
            duration=time.monotonic() - began,
            retries=reply.retries,
        )
        self._record(event)
        return event  # not as it was recorded: an edit must not write a mask over what looks like a secret

    def _correct(self, error: FormatError) -> None:
        """Answer a malformed action with what is wrong about it."""
        step = self.budget.steps
        self._record(Message(role="user", purpose="correction", content=error.text, code=error.code, step=step))
        self.format_errors += 1
        if self.format_errors >= self.config.limits.format_errors:
            count = f"{self.format_errors} malformed actions in a row"
            raise AttemptOver(Status.FORMAT_LIMIT, f"{count} (limits.format_errors)")
        if self.format_errors > 1:
            self.temperature = self.config.agent.after_repeat_temperature

    def _act(self, parsed: ParsedReply, parsed_call: ParsedCall, *, first: bool, last: bool) -> None:
        """Run one action and record what came of it."""
        step, call, tool = self.budget.steps, parsed_call.call, parsed_call.tool
        self._record(ActionTaken(step=step, call=call, thought=parsed.thought if first else ""))
        before = self.session.fingerprint
        began = time.monotonic()
        try:
            observation = self.session.execute(tool)
        except SandboxError as error:
            self._observe(call.id, Observation(str(error), ok=False, code=SANDBOX_LOST), began, changed=False)
            raise
        changed = self.session.fingerprint != before
        self._observe(call.id, observation, began, changed=changed)
        if changed:
            self._note_patch()
        if observation.done:
            raise AttemptOver(Status.SUBMITTED)
        # Between the results of one reply no other message may stand, so only the last of them is answered.
        if self.repetition.note(call, observation, self.session.fingerprint) and last:
            self._leave_the_circle()
        elif not observation.ok and self.config.agent.after_failure_temperature is not None:
            self.temperature = self.config.agent.after_failure_temperature

    def _observe(self, call_id: str, observation: Observation, began: float, *, changed: bool) -> None:
        self._record(
            Observed(
                step=self.budget.steps,
                call_id=call_id,
                text=observation.text,
                ok=observation.ok,
                code=observation.code,
                data=dict(observation.data),
                duration=time.monotonic() - began,
                changed=changed,
            )
        )

    def _leave_the_circle(self) -> None:
        """Answer a repeated action with something new: what was tried, and a higher temperature."""
        if self.repetition.in_a_row >= self.config.limits.repeats:
            count = f"{self.repetition.in_a_row} repeated actions in a row"
            raise AttemptOver(Status.REPETITION_LIMIT, f"{count} (limits.repeats)")
        advice = self.repetition.advice([tool.tool_name() for tool in self.tools])
        self._record(Message(role="user", purpose="nudge", content=advice, code="repeat", step=self.budget.steps))
        self.temperature = self.config.agent.after_repeat_temperature

    def _make_room(self) -> None:
        """Condense once the prompt is near the window."""
        window = self.config.model.context_window or self.model.context_window
        if window and self.view.prompt_tokens >= window * self.config.context.condense_at:
            self._condense()

    def _condense(self) -> bool:
        """Whether there was anything to condense."""
        seqs = self.view.condensable(self.config.context.keep_last)
        if not seqs:
            return False
        self._record(Condensed(seqs=seqs, prompt_tokens=self.view.prompt_tokens))
        return True

    def _note_patch(self) -> None:
        """Keep the patch so far, so that it outlives even the sandbox."""
        patch = self.session.patch_so_far or ""
        if patch != self.patch:
            self.patch = patch
            self._record(PatchChanged(step=self.budget.steps, patch=patch))

    def _end(self, status: Status, detail: str = "") -> AttemptEnded:
        if status is not Status.SANDBOX_LOST:
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
        self.view.add(stored)
        self.listener(stored)
        return stored
