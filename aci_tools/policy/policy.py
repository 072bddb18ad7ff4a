"""The rules together, and what they say of a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aci_tools.policy.rules import Rule, Verdict
from aci_tools.policy.shell import Command, read
from aci_tools.policy.shipped import SHIPPED


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a command, or of a shell text for the sake of one of its commands.

    Attributes:
        verdict: The verdict.
        command: The command that it is for, to read; ``""`` where nothing speaks against any.
        reason: Why, in words.
        advice: What to do instead.
    """

    verdict: Verdict
    command: str = ""
    reason: str = ""
    advice: str = ""

    @property
    def why(self) -> str:
        """The command and the reason, for a person."""
        return ": ".join(filter(None, (self.command, self.reason)))


class Policy:
    """Allow, ask and deny lists.

    Of several patterns that fit a command the longest decides, of equally long ones the strictest. A shipped pattern
    counts only where none of the user's fits. Of several commands in a text the strictest verdict holds.

    Args:
        allow: Patterns of commands that run without a question.
        ask: Patterns of commands that a person is asked about.
        deny: Patterns of commands that do not run.
        shipped: Whether the shipped patterns count too.
        alone: Whether what a person is to be asked about is refused, because nobody is there.

    Raises:
        UsageError: A pattern is none.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        ask: Iterable[str] = (),
        deny: Iterable[str] = (),
        *,
        shipped: bool = True,
        alone: bool = False,
    ) -> None:
        self._refused = Verdict.ASK if alone else Verdict.DENY
        lists = ((allow, Verdict.ALLOW), (ask, Verdict.ASK), (deny, Verdict.DENY))
        own = [Rule(pattern, verdict) for patterns, verdict in lists for pattern in patterns]
        self._layers: tuple[Sequence[Rule], ...] = (own, SHIPPED if shipped else ())

    def judge(self, text: str) -> Judgement:
        """What becomes of a shell text: the first of its strictest judgements."""
        return max(self.judgements(text), key=lambda each: each.verdict, default=Judgement(Verdict.OPEN))

    def judgements(self, text: str) -> list[Judgement]:
        """What is to be said of each command of a shell text."""
        script = read(text)
        found = [self._of(command) for command in script.commands]
        return found if script.whole else [*found, Judgement(Verdict.ASK, reason="not all of it can be read")]

    def refuse(self, text: str) -> str:
        """Why a shell text must not run and what to do instead, for the agent; ``""`` where it may."""
        judgement = self.judge(text)
        if judgement.verdict < self._refused:
            return ""
        what = f"`{judgement.command}`" if judgement.command else "The command"
        advice = judgement.advice
        if judgement.verdict is Verdict.ASK:
            advice = "It would need a person's consent, and nobody is there. Do it another way."
        return " ".join(filter(None, ("Nothing was run.", f"{what} is refused here: {judgement.reason}.", advice)))

    def _of(self, command: Command) -> Judgement:
        for rules in self._layers:
            fitting = list(_fitting(rules, command))
            if fitting:
                rule, sure = max(fitting, key=lambda each: (len(each[0].pattern), each[0].verdict))
                return _judgement(rule, sure, command)
        return _hidden(command) if command.opaque else Judgement(Verdict.OPEN)


def _fitting(rules: Iterable[Rule], command: Command) -> Iterator[tuple[Rule, bool]]:
    """The rules that fit, and whether that is certain; none allows what is not certain."""
    for rule in rules:
        fits = rule.fits(command.words)
        if fits or (fits is None and rule.verdict > Verdict.OPEN):
            yield rule, bool(fits)


def _judgement(rule: Rule, sure: bool, command: Command) -> Judgement:
    if not sure:
        return Judgement(Verdict.ASK, command.text, f"when it runs it may fit the rule `{rule.pattern}`")
    if command.opaque and rule.verdict < Verdict.ASK:
        return _hidden(command)
    return Judgement(rule.verdict, command.text, f"rule `{rule.pattern}`", rule.advice)


def _hidden(command: Command) -> Judgement:
    return Judgement(Verdict.ASK, command.text, "what it runs is not in the text")
