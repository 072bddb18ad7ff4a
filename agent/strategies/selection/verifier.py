"""How probable a candidate is: by the model that wrote it, and by a verifier.

After LEVER (Ni et al., "LEVER: Learning to Verify Language-to-Code Generation with Execution", 2023), where the
verifier is a trained model. Here it is the same model, asked once, or the share of the checks that passed.
"""

from __future__ import annotations

import math

from agent.prompts import render
from agent.strategies.base import Candidate
from agent.strategies.bench import Bench
from agent.strategies.reflection import change_of, cut, found_of
from trajectories.events import ModelReplied, SubagentReplied
from trajectories.log import read_events

_ISSUE = 4000
#: As chat models write it: a server gives the probability that a text has without the grammar.
_GRAMMAR = 'root ::= ("Yes" | "No") "."'
#: What a plain yes is worth, of which no probability is known; a plain no is worth the rest.
_PLAIN = 0.9
#: No verdict is trusted more than this, so that no single one decides everything.
_SUREST = 0.99


def own_logprob(candidate: Candidate) -> float | None:
    """Mean natural logarithm of the probability of a token that the model wrote in the candidate's trial.

    It is the mean and not the sum that LEVER takes, as trials differ in their number of steps and the sum would choose
    the shortest. ``None`` where it is not known of every reply (see ``model.logprobs``).
    """
    file = candidate.trajectory
    replies = [e for e in read_events(file) if isinstance(e, ModelReplied)] if file and file.exists() else []
    known = [reply.logprob for reply in replies if reply.logprob is not None]
    tokens = sum(reply.usage.completion_tokens for reply in replies)
    return sum(known) / tokens if tokens and len(known) == len(replies) else None


def verified(bench: Bench, candidate: Candidate) -> float:
    """The probability that a candidate solves the issue, as the configured verifier sees it.

    Args:
        bench: What it works with.
        candidate: An evaluated candidate.

    Raises:
        AttemptOver: Nothing is left of the budget for the question.
    """
    if bench.config.strategy.verifier == "checks":
        evaluation = candidate.evaluation
        return _bounded(evaluation.score if evaluation is not None and evaluation.checks else 0.5)
    question = render(
        "verifier",
        "task",
        {
            "issue": cut(bench.task.problem_statement.strip(), _ISSUE),
            "change": change_of(candidate),
            "evaluation": found_of(candidate),
        },
    )
    messages = [
        {"role": "system", "content": render("verifier", "system", {})},
        {"role": "user", "content": question},
    ]
    key = f"verification/{candidate.name}"
    return probability_of_yes(bench.ask(key, messages, temperature=0.0, grammar=_GRAMMAR, logprobs=True))


def probability_of_yes(answer: SubagentReplied) -> float:
    """How probable a yes is, going by an answer; a half where it is neither yes nor no.

    Args:
        answer: Its probability counts if it is a single word, since that of a longer text is not that of the verdict.
            As it is the more probable one of two, it counts as a half at least, however it might have been written.
    """
    words = answer.content.strip().lower().split()
    first = words[0].strip(".,:;!*\"'") if words else ""
    if first not in ("yes", "no"):
        return 0.5
    sure = max(0.5, math.exp(min(0.0, answer.logprob))) if answer.logprob is not None and len(words) == 1 else _PLAIN
    return _bounded(sure if first == "yes" else 1 - sure)


def _bounded(probability: float) -> float:
    return min(_SUREST, max(1 - _SUREST, probability))
