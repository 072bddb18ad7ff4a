"""The prompt as a function of the events: fold the events, get the messages."""

from __future__ import annotations

from agent.formats.base import ActionFormat
from agent.models.base import ChatMessage
from trajectories.events import Condensed, Event, Message, ModelReplied, Observed


class View:
    """The conversation that the events amount to. Messages are only appended, so that a provider's prefix cache holds;
    the one exception is a :class:`~trajectories.events.Condensed` event.

    Args:
        format: How actions and observations are written.
    """

    def __init__(self, format: ActionFormat) -> None:
        self.messages: list[ChatMessage] = []
        self.prompt_tokens = 0
        self._format = format
        self._observations: dict[int, tuple[int, Observed]] = {}  # event number: (place in messages, event)
        self._open_calls: list[str] = []

    def add(self, event: Event) -> None:
        """Go on by one event."""
        if isinstance(event, ModelReplied):
            self.messages.append(self._format.reply_message(event))
            self._open_calls = [call["id"] for call in event.tool_calls]
            self.prompt_tokens = event.usage.prompt_tokens + event.usage.completion_tokens
        elif isinstance(event, Observed):
            self._observations[event.seq] = (len(self.messages), event)
            self._answer(event.call_id, event.text)
        elif isinstance(event, Message):
            if event.purpose == "correction":
                # Every call of a malformed reply needs an answer of its own.
                for call_id in self._open_calls or [""]:
                    self._answer(call_id, event.content)
            else:
                self._say(event.role, event.content)
        elif isinstance(event, Condensed):
            for seq in event.seqs:
                place, observed = self._observations.pop(seq)
                self.messages[place] = self._format.result_message(observed.call_id, condensed_text(observed))

    def condensable(self, keep_last: int) -> list[int]:
        """Numbers of the observations that may be condensed: all that are long, but the latest ``keep_last``."""
        seqs = sorted(self._observations)[:-keep_last]
        return [seq for seq in seqs if len(self._observations[seq][1].text) > len(condensed_text(self._observations[seq][1]))]

    def _answer(self, call_id: str, text: str) -> None:
        self.messages.append(self._format.result_message(call_id, text))
        self._open_calls = [open_call for open_call in self._open_calls if open_call != call_id]

    def _say(self, role: str, content: str) -> None:
        """Two messages of one role in a row become one; some chat templates refuse them."""
        last = self.messages[-1] if self.messages else None
        if last is not None and last["role"] == role and role == "user" and isinstance(last["content"], str):
            observed = next((seq for seq, (at, _) in self._observations.items() if at == len(self.messages) - 1), None)
            if observed is None:
                last["content"] = f"{last['content']}\n\n{content}"
                return
        self.messages.append({"role": role, "content": content})


def condensed_text(observed: Observed) -> str:
    """What stands in for an observation that left the prompt."""
    lines = observed.text.count("\n") + 1
    return f"[Observation of step {observed.step} left out to save room: {lines} lines. Repeat the action to see it again.]"
