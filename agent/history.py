"""What the events of an attempt amount to. The loop knows nothing else, so one that is resumed knows the same."""

from __future__ import annotations

from aci_tools.tools.base import NO_CHANGE
from agent.budget import Budget
from agent.config import Config
from agent.formats.base import ActionFormat, Tried
from agent.repetition import Repetition
from agent.view import View
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Resumed,
    TrialEnded,
)

#: Codes of remarks: what a person said, and that a person changed an action.
BY_USER = "user"
CHANGED = "changed"


class History:
    """Fold the events, get the state.

    Args:
        format: How actions and observations are written.
        config: The effective configuration.
        budget: Told of every model call.

    Attributes:
        view: The prompt.
        repetition: What was done before.
        opening: Messages that opened the conversation.
        format_errors: Malformed actions in a row.
        temperature: Temperature of the next call; ``None`` for the configured one.
        patch: The patch after the latest edit, as it was recorded.
        reply: The latest reply, unless it was answered by a correction.
        observed: Actions of that reply that were finished.
        landed: Whether one of them changed files.
        action: The action that was begun and not finished.
        unrecorded: Whether the latest action changed files and the patch after it is not recorded yet.
        repeated: Whether the latest action was a repeat that was not answered yet.
        submitted: Whether the agent has submitted.
        ended: How the attempt ended, unless it goes on.
        elapsed: Seconds that it took so far; see :func:`elapsed`.
        untold: Actions that a person changed, which the agent was not told yet.
    """

    def __init__(self, format: ActionFormat, config: Config, budget: Budget) -> None:
        self.view = View(format, drop_failed=config.context.drop_failed)
        self.repetition = Repetition()
        self.opening = 0
        self.format_errors = 0
        self.temperature: float | None = None
        self.patch = ""
        self.reply: ModelReplied | None = None
        self.observed = 0
        self.landed = False
        self.action: ActionTaken | None = None
        self.unrecorded = False
        self.repeated = False
        self.submitted = False
        self.ended: AttemptEnded | None = None
        self.tried: list[Tried] = []
        self.elapsed = 0.0
        self.untold: list[ActionTaken] = []
        self._agent = config.agent
        self._budget = budget
        self._latest: Event | None = None
        self._changing: tuple[ActionTaken, Observed] | None = None

    def add(self, event: Event, *, recorded: bool = False) -> None:
        """Go on by one event.

        Args:
            event: The event.
            recorded: Whether an earlier process wrote it.
        """
        self.view.add(event)
        self.elapsed = elapsed(self.elapsed, self._latest, event)
        self._latest = event
        if isinstance(event, ModelReplied):
            (self._budget.recall if recorded else self._budget.spend)(event.usage)
            self.reply, self.observed, self.landed, self.action = event, 0, False, None
            self.temperature, self.repeated = None, False
        elif isinstance(event, ActionTaken):
            self.action, self.format_errors = event, 0
            if event.review == "changed":
                self.untold.append(event)
        elif isinstance(event, Observed):
            self._observe(event)
        elif isinstance(event, PatchChanged):
            self._change(event)
        elif isinstance(event, Message):
            self._message(event)
        elif isinstance(event, AttemptEnded):
            self.ended = event
        elif isinstance(event, Resumed):
            self.ended = None

    def _observe(self, event: Observed) -> None:
        self.observed += 1
        self.submitted = event.done
        if not event.ok and self._agent.after_failure_temperature is not None:
            self.temperature = self._agent.after_failure_temperature
        if self.action is not None:
            if event.changed:
                self.tried, self.landed = [], True
            elif not event.ok:
                self.tried.append(Tried(self.action.call, futile=event.code == NO_CHANGE, step=event.step))
            if event.changed:
                self.unrecorded = True
                self._changing = (self.action, event)
            else:
                self._note(self.action, event)
        self.action = None

    def _change(self, event: PatchChanged) -> None:
        self.patch, self.unrecorded = event.patch, False
        if self._changing is not None:
            self._note(*self._changing)
            self._changing = None

    def _note(self, action: ActionTaken, observed: Observed) -> None:
        self.repeated = self.repetition.note(action.call, observed, self.patch)

    def _message(self, event: Message) -> None:
        if event.purpose in ("system", "task"):
            self.opening += 1
        elif event.purpose == "correction":
            self.reply = None
            self.format_errors += 1
            if self.format_errors > 1:
                self.temperature = self._agent.after_repeat_temperature
        elif event.purpose == "nudge":
            self.repeated = False
            self.temperature = self._agent.after_repeat_temperature
        elif event.code == CHANGED:
            self.untold = []
        elif event.code == BY_USER:
            self.submitted = False


def elapsed(so_far: float, before: Event | None, event: Event) -> float:
    """Seconds that an attempt took up to an event, without pauses between processes and what a person took.

    Args:
        so_far: The same up to the event before.
        before: That event, if there is one.
        event: The event.
    """
    if isinstance(event, AttemptEnded):
        return event.duration
    if before is None or isinstance(event, Resumed):
        return so_far
    waited = event.waited if isinstance(event, ActionTaken | Message | TrialEnded) else 0.0
    return so_far + max(0.0, event.time - before.time) - waited
