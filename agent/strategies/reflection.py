"""The self-reflection of Reflexion: the model reads what a failed trial did and says what to do differently."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.prompts import render
from agent.strategies.base import Candidate
from agent.strategies.bench import Bench
from agent.strategies.condense import condense
from trajectories.log import read_events

#: Characters of a reflection, and of the parts of the question.
_LONGEST = 700
_ISSUE, _CHANGE, _EVALUATION = 4000, 2500, 1500
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


def reflect(bench: Bench, name: str, failed: Candidate, lessons: Sequence[str]) -> str:
    """A few sentences without code on why a trial failed; empty text where the model has none.

    Args:
        bench: What it works with.
        name: What tells this reflection from the others of the attempt.
        failed: What came of the trial.
        lessons: What was concluded before, so that it is not concluded again.

    Raises:
        AttemptOver: Nothing is left of the budget, or nothing would be left for whom it is written.
    """
    known = "\n".join(f"- {lesson}" for lesson in lessons)
    question = render(
        "reflection",
        "task",
        {
            "issue": cut(bench.task.problem_statement.strip(), _ISSUE),
            "actions": _actions(failed),
            "change": change_of(failed) or "It left no change.",
            "evaluation": found_of(failed),
            "lessons": f"\nWhat was concluded before, and was not enough:\n\n{known}\n" if known else "",
        },
    )
    messages = [
        {"role": "system", "content": render("reflection", "system", {})},
        {"role": "user", "content": question},
    ]
    # One that no trial can use is still worth its call where later tasks read it.
    before = 0 if bench.config.strategy.memory else 1
    return in_words(bench.ask(f"reflection/{name}", messages, before=before).content)


def in_words(reply: str) -> str:
    """A reply without code blocks, on one line, cut at the end of a sentence where it is too long."""
    text = " ".join(_FENCED.sub(" ", reply).split())
    if len(text) <= _LONGEST:
        return text
    sentences = re.match(rf"(.{{1,{_LONGEST - 1}}}[.!?])(?=\s)", text)
    return sentences[1] if sentences else cut(text, _LONGEST)


def change_of(candidate: Candidate) -> str:
    """A candidate's change as a prompt shows it; empty text for none."""
    return f"Its change:\n\n```diff\n{cut(candidate.patch.strip(), _CHANGE)}\n```" if candidate.patch.strip() else ""


def found_of(candidate: Candidate) -> str:
    """What plain code found about a candidate, as a prompt shows it."""
    if not candidate.patch:
        return "There is nothing to check."
    return cut(candidate.evaluation.text() if candidate.evaluation else "Nothing could be checked.", _EVALUATION)


def cut(text: str, most: int) -> str:
    """The beginning of a text, with a mark where its end is left out."""
    return text if len(text) <= most else f"{text[: most - 2]} …"


def _actions(candidate: Candidate) -> str:
    file = candidate.trajectory
    if file is None or not file.exists():
        return f"It ended after {candidate.steps} steps: {candidate.status}."
    return condense(read_events(file))
