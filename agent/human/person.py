"""Somebody at the terminal, who confirms actions and can interrupt the agent."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any, Literal, Protocol

from aci_tools.errors import UsageError
from aci_tools.policy import Policy, Verdict
from aci_tools.tools.bash import Bash
from agent.formats.base import ParsedCall
from agent.human.base import NOT_LET, Review
from agent.human.editor import edit
from trajectories.events import Call

_PAUSING = b"\nPausing before the next step; Ctrl-C again ends the attempt.\n"
_FIRST = "Not run: the user has something to say first."
#: Tools that only look.
_LOOKS = frozenset({"open", "goto", "scroll_up", "scroll_down", "find_file", "search_dir", "search_file"})


class Screen(Protocol):
    """The terminal."""

    def say(self, text: str, style: str = "") -> None:
        """One line, or several."""

    def prompt(self, question: str) -> str:
        """Ask for a line.

        Raises:
            EOFError: Nothing more will come.
        """


class Person:
    """Asks somebody at the terminal. Use it as a context manager, in the main thread where they chat.

    Args:
        screen: The terminal.
        policy: Says which commands are to be asked about.
        confirm: Which actions they confirm: those that the policy asks about, all but looking, or none.
        chat: Whether the first Ctrl-C pauses, for them to say something; the second ends the attempt.
    """

    def __init__(self, screen: Screen, policy: Policy, confirm: Literal["risky", "all"] | None, *, chat: bool) -> None:
        self._screen, self._policy, self._confirm, self._chat = screen, policy, confirm, chat
        self._paused = self._asking = False
        self._said = ""
        self._before: Any = None

    @property
    def present(self) -> bool:
        """There is one."""
        return True

    @property
    def confirms(self) -> bool:
        """Whether they confirm anything."""
        return self._confirm is not None

    def __enter__(self) -> Person:
        if self._chat:
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        if self._chat:
            signal.signal(signal.SIGINT, self._before)

    def review(self, parsed: ParsedCall, thought: str) -> Review:
        """Ask about an action, if it is one to be asked about."""
        if self._paused:
            self._show(parsed)
            self._said = self._listen("Say something instead of this, or press Enter to go on:")
        if self._said:
            return Review(parsed, "refused", _FIRST)
        written = parsed
        while reason := self._reason(parsed):
            self._screen.say(f"     run this? ({visible(reason)})", "yellow")
            self._show(parsed)
            answer = self._ask("     [y]es, [n]o, [e]dit, [w]hy? ").lower()
            if answer in ("y", "yes"):
                return Review(parsed, "confirmed" if parsed is written else "changed")
            if answer in ("n", "no"):
                why = self._ask("     What should the agent know? (Enter: nothing) ")
                return Review(written, "refused", f"{NOT_LET} The user says: {why}" if why else NOT_LET)
            if answer in ("e", "edit"):
                parsed = self._edited(parsed)
            elif answer in ("w", "why"):
                self._screen.say(visible(thought) or "The agent said nothing beside it.")
        return Review(parsed, "" if parsed is written else "changed")

    def remark(self) -> str:
        """What they have said, or want to say now that it pauses."""
        if self._paused:
            self._said = self._listen("Say something to the agent, or press Enter to go on:")
        said, self._said = self._said, ""
        return said

    def _reason(self, parsed: ParsedCall) -> str:
        """Why to ask about an action; ``""``: it runs without a question."""
        if self._confirm is None:
            return ""
        if not isinstance(parsed.tool, Bash):
            return "" if self._confirm == "risky" or parsed.call.name in _LOOKS else parsed.call.name
        found = self._policy.judgements(parsed.tool.command)
        verdict = max((each.verdict for each in found), default=Verdict.OPEN)
        if verdict in (Verdict.ALLOW, Verdict.DENY):  # what is denied is refused by the tool
            return ""
        if verdict is Verdict.OPEN:
            return "" if self._confirm == "risky" else "command"
        return "; ".join(each.why for each in found if each.verdict is Verdict.ASK)

    def _show(self, parsed: ParsedCall) -> None:
        """All of an action, so that nothing in it is overlooked."""
        if isinstance(parsed.tool, Bash):
            text = parsed.tool.command
        else:
            given = {key: value for key, value in parsed.call.arguments.items() if value is not None}
            text = "\n".join([parsed.call.name, *(f"{key}: {value}" for key, value in given.items())])
        self._screen.say("\n".join(f"       {line}" for line in visible(text).split("\n")), "bold")

    def _edited(self, parsed: ParsedCall) -> ParsedCall:
        """The action as they want it."""
        if not isinstance(parsed.tool, Bash):
            self._screen.say("     Only commands can be edited: say no, and what to do instead.", "yellow")
            return parsed
        try:
            command = edit(parsed.tool.command)
        except UsageError as error:
            self._screen.say(f"     {error}", "yellow")
            return parsed
        if not command.strip() or command == parsed.tool.command:
            return parsed
        call = Call(id=parsed.call.id, name=parsed.call.name, arguments={**parsed.call.arguments, "command": command})
        return ParsedCall(call, Bash(command=command))

    def _listen(self, question: str) -> str:
        self._screen.say(question, "bold")
        said = self._ask("> ")
        self._paused = False
        return said

    def _ask(self, question: str) -> str:
        """A line that they write; while they are asked, Ctrl-C ends the attempt, and so does a terminal that closes."""
        self._asking = True
        try:
            return self._screen.prompt(question).strip()
        except EOFError:
            raise KeyboardInterrupt from None
        finally:
            self._asking = False

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._asking or self._paused:
            raise KeyboardInterrupt
        self._paused = True
        os.write(2, _PAUSING)  # whatever was interrupted may be writing through a buffer just now


def visible(text: str) -> str:
    """A text for a terminal, which neither commands it nor hides a part of itself."""
    shown = (
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text.expandtabs(4)
    )
    return "".join(shown)
