"""The prompt as a function of the events: fold the events, get the messages."""

from __future__ import annotations

from aci_tools.tools.base import COMMAND_FAILED, TESTS_FAILED, TIMEOUT
from agent.formats.base import ActionFormat
from agent.models.base import ChatMessage
from trajectories.events import ActionTaken, Condensed, Event, Message, ModelReplied, Observed

#: Failures that are results: they tell something about the code, so they stay in the prompt.
_RESULTS = frozenset({COMMAND_FAILED, TESTS_FAILED, TIMEOUT})


class View:
    """The conversation that the events amount to. Messages are only appended, so that a provider's prefix cache holds;
    the exceptions are :class:`~trajectories.events.Condensed` events, and failed tries where those are dropped.

    Args:
        format: How actions and observations are written.
        drop_failed: Whether a try that came to nothing (a malformed action, a refused or undone edit) leaves the prompt
            and becomes a line in a list of tries. A small model copies what it has just done wrong; this way it does
            not see it.
    """

    def __init__(self, format: ActionFormat, *, drop_failed: bool = False) -> None:
        self.prompt_tokens = 0
        self._format = format
        self._drop_failed = drop_failed
        self._messages: list[ChatMessage] = []
        self._tries: list[str] = []
        self._observations: dict[int, tuple[int, Observed]] = {}  # event number: (place in messages, event)
        self._open_calls: list[str] = []
        self._calls = 0
        self._reply_at = 0
        self._action = ""

    @property
    def messages(self) -> list[ChatMessage]:
        """The messages for the next call."""
        if not self._tries:
            return self._messages
        tries = "\n".join(f"{number}. {text}" for number, text in enumerate(self._tries, 1))
        note = f"Tries so far, all without success and taken back:\n{tries}\nTry a different change."
        *rest, last = self._messages
        if last["role"] == "user":
            return [*rest, {**last, "content": f"{last['content']}\n\n{note}"}]
        return [*self._messages, {"role": "user", "content": note}]

    def add(self, event: Event) -> None:
        """Go on by one event."""
        if isinstance(event, ModelReplied):
            self._reply_at = len(self._messages)
            self._messages.append(self._format.reply_message(event))
            self._open_calls = [call["id"] for call in event.tool_calls]
            self._calls = len(self._open_calls)
            self.prompt_tokens = event.usage.prompt_tokens + event.usage.completion_tokens
        elif isinstance(event, ActionTaken):
            self._action = event.call.name
        elif isinstance(event, Observed):
            self._observe(event)
        elif isinstance(event, Message):
            self._message(event)
        elif isinstance(event, Condensed):
            for seq in event.seqs:
                place, observed = self._observations.pop(seq)
                self._messages[place] = self._format.result_message(observed.call_id, condensed_text(observed))

    def condensable(self, keep_last: int) -> list[int]:
        """Numbers of the observations that may be condensed: all that are long, but the latest ``keep_last``."""
        long = [seq for seq, (_, seen) in self._observations.items() if len(seen.text) > len(condensed_text(seen))]
        recent = set(sorted(self._observations)[-keep_last:])
        return sorted(seq for seq in long if seq not in recent)

    def _observe(self, event: Observed) -> None:
        fruitless = not event.ok and not event.changed and event.code not in _RESULTS
        if self._drop_failed and fruitless and self._calls <= 1:
            self._drop(f"{self._action}: {event.text}")
            return
        self._tries = [] if event.changed else self._tries
        self._observations[event.seq] = (len(self._messages), event)
        self._answer(event.call_id, event.text)

    def _message(self, event: Message) -> None:
        if event.purpose == "correction":
            if self._drop_failed and self._calls <= 1:
                self._drop(event.content)
                return
            # Every call of a malformed reply needs an answer of its own.
            for call_id in self._open_calls or [""]:
                self._answer(call_id, event.content)
        elif event.purpose == "nudge" and self._drop_failed and self._tries:
            return  # the list of tries says it already
        else:
            # What was called behind the submission was not run; providers take no call without an answer.
            for call_id in list(self._open_calls):
                self._answer(call_id, "Not run: the work was submitted before it.")
            self._messages.append({"role": event.role, "content": event.content})

    def _drop(self, what: str) -> None:
        del self._messages[self._reply_at :]
        line = next((line for line in what.splitlines() if line.strip()), what)[:300]
        self._tries = [*(each for each in self._tries if each != line), line]

    def _answer(self, call_id: str, text: str) -> None:
        self._messages.append(self._format.result_message(call_id, text))
        self._open_calls = [open_call for open_call in self._open_calls if open_call != call_id]


def condensed_text(observed: Observed) -> str:
    """What stands in for an observation that left the prompt."""
    lines = observed.text.count("\n") + 1
    left_out = f"Observation of step {observed.step} left out to save room: {lines} lines."
    return f"[{left_out} Repeat the action to see it again.]"
