"""Live progress on standard error: a line a step; calm where that is not a terminal."""

from __future__ import annotations

import re
import sys
import time
from typing import Any, Protocol

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Condensed,
    Evaluated,
    Event,
    Message,
    ModelReplied,
    Noted,
    Observed,
    Resumed,
    SubagentReplied,
    TrialStarted,
    Usage,
)

#: What the checks after an edit found: an example whose result changed, with its statement, and the tests' headline.
_CHECKED = re.compile(r"^(?!>>>).*\[before your edits: .*\]$|^\d+ (?:passed|failed).*$", re.MULTILINE)


class Voice(Protocol):
    """Tells a user what goes on."""

    def say(self, text: str, style: str = "") -> None:
        """One line."""

    def doing(self, what: str) -> None:
        """What is waited for now."""


class Progress:
    """Writes what happens to standard error. Use it as a context manager; it is a listener of the loop."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = self._console.is_terminal
        self._status: Any = None
        self._usage = Usage()
        self._call: Call | None = None
        self._reply: ModelReplied | None = None
        self._numbered = 0
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(None)

    def say(self, text: str, style: str = "") -> None:
        """One line."""
        from rich.text import Text

        self._console.print(Text(text, style=style))

    def ask(self, question: str) -> bool:
        """Ask for a yes on the terminal; where there is none, the answer is no."""
        if not (self._live and sys.stdin.isatty()):
            return False
        try:
            answer = self.prompt(f"{question} [y/N] ")
        except EOFError:
            return False
        return answer.strip().lower() in ("y", "yes")

    def prompt(self, question: str) -> str:
        """Ask for a line on the terminal.

        Raises:
            EOFError: Nothing more will come.
        """
        from rich.text import Text

        self._wait(None)
        return self._console.input(Text(question))

    def doing(self, what: str) -> None:
        """What is waited for now: a spinner on a terminal, nothing elsewhere."""
        self._wait(what)

    def retry(self, what: str, wait: float) -> None:
        """A transient failure and how long it is waited."""
        self.say(f"     {what}" + (f"; trying again in {wait:.0f} s" if wait else ""), "yellow")

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, AttemptStarted):
            self._wait("thinking")
        elif isinstance(event, Resumed):
            actions = "1 action" if event.actions == 1 else f"{event.actions} actions"
            again = f"{actions} executed again in {event.duration:.1f} s"
            self.say(f"going on after step {event.steps}: {again}", "bold")
            self._wait("thinking")
        elif isinstance(event, ModelReplied):
            self._usage += event.usage
            self._reply = event
        elif isinstance(event, ActionTaken):
            self._call = event.call
            if event.thought:
                self._thought(event)
            self._wait(short_call(event.call))
        elif isinstance(event, Observed):
            self._step(event.step, short_call(self._call) if self._call else "(the action that was begun)", event)
            self._wait("thinking")
        elif isinstance(event, Message) and event.purpose in ("correction", "nudge"):
            what = "malformed action" if event.purpose == "correction" else "repeated action"
            self.say(f"{event.step:4} {what}: {first_line(event.content)}", "yellow")
            self._wait("thinking")
        elif isinstance(event, Condensed):
            self.say(f"     {len(event.seqs)} old observations left the prompt to save room", "dim")
        elif isinstance(event, TrialStarted):
            self.say(f"trial {event.name}, of at most {event.limits.get('steps', '?')} steps", "bold")
        elif isinstance(event, Evaluated):
            failed = sum(not check["passed"] for check in event.checks)
            found = f"{failed} of {len(event.checks)} checks failed" if event.checks else "nothing could be checked"
            self.say(f"     {found}", "green" if event.passed else "yellow")
        elif isinstance(event, Noted) and "chosen" in event.data:
            self.say(f"     candidate {event.data['chosen']} is taken: {event.data['reason']}", "bold")
        elif isinstance(event, SubagentReplied):
            self._usage += event.usage
            self.say(f"     {event.purpose}: {first_line(event.content, self._width(len(event.purpose)))}")
        elif isinstance(event, AttemptEnded):
            self._wait(None)

    def _thought(self, event: ActionTaken) -> None:
        self._numbered = event.step
        self.say(f"{event.step:4} {first_line(event.thought, self._width())}", "italic dim" if self._live else "")

    def _step(self, step: int, action: str, event: Observed) -> None:
        from rich.text import Text

        reply = self._reply
        took = f"{(reply.duration if reply else 0) + event.duration:.1f} s"
        spent = self._usage.prompt_tokens + self._usage.completion_tokens
        cost = "" if self._usage.cost is None else f", ${self._usage.cost:.3f}"
        line = Text(f"{'' if step == self._numbered else step:4} ")
        self._numbered = step
        line.append(action, "bold")
        line.append(f"  [{took}; {spent:,} tokens{cost}; {time.monotonic() - self._began:.0f} s]", "dim")
        self._console.print(line)
        style = "green" if event.ok else "red"
        self.say(f"{'':4} {'→' if event.ok else '✗'} {first_line(event.text, self._width(2))}", style)
        checked = {"examples", "newly_failing"} & event.data.keys()
        for found in _CHECKED.finditer(event.text) if checked else ():
            self.say(f"{'':6} {first_line(found[0], self._width(2))}", style)

    def _width(self, less: int = 0) -> int:
        """Columns for a text behind the step's number: the terminal's, or enough in a log."""
        return (self._console.width if self._live else 160) - 5 - less

    def _wait(self, what: str | None) -> None:
        if not self._live:
            return
        if self._status is not None:
            self._status.stop()
            self._status = None
        if what is not None:
            from rich.markup import escape

            self._status = self._console.status(f"[dim]{escape(what)}…[/]", spinner="dots")
            self._status.start()


def short_call(call: Call) -> str:
    """A call on one line: its name and the beginnings of its arguments; of a long text, its length."""
    said = [value for value in call.arguments.values() if value is not None and value is not False and value != ""]
    return " ".join([call.name, *(_short(str(value)) for value in said)])


def _short(value: str) -> str:
    lines = value.strip().count("\n") + 1
    return first_line(value, 60) if lines <= 5 else f"({lines} lines)"


def first_line(text: str, width: int = 120) -> str:
    """The first line of a text that says something, cut to a width, control characters shown."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= width else line[: width - 1] + "…"
