"""The words of a pull request and of its commit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from agent import __version__
from agent.config import Config
from agent.pull_request.files import Care, Changed
from agent.pull_request.reproduce import command, withheld
from agent.pull_request.tame import code, tame
from agent.pull_request.tested import Tested
from agent.pull_request.words import Words, tamed
from tasks.sources import Issue
from trajectories.events import AttemptEnded, AttemptStarted, Usage

__all__ = ["Facts", "commit_message", "describe", "spliced", "title"]

_BEGIN, _END = "<!-- patchwright: begin -->", "<!-- patchwright: end -->"
_OURS = re.compile(re.escape(_BEGIN) + ".*" + re.escape(_END), re.DOTALL)
_LISTED = 20
_NO_CAUSE = "The model did not say."


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a change.

    Attributes:
        issue: The issue.
        words: What the model says of it.
        files: The files that it changes.
        tested: What was tested, and what was not.
        started: The attempt's first event.
        ended: Its last one.
        config: Its settings.
    """

    issue: Issue
    words: Words
    files: Sequence[Changed]
    tested: Tested
    started: AttemptStarted
    ended: AttemptEnded
    config: Config


def title(facts: Facts) -> str:
    """One line that names the issue."""
    said = tamed(facts.words, "title", html=False).rstrip(".") or tame(facts.issue.title, 68, html=False)
    return f"{said or 'Solve the issue'} (#{facts.issue.number})"


def commit_message(facts: Facts) -> str:
    """A message as git wants it: a title, the reason in lines of 72 columns, trailers."""
    parts = [tamed(facts.words, part, html=False) for part in ("cause", "change")]
    body = [textwrap.fill(part, 72, break_long_words=False, break_on_hyphens=False) for part in parts if part]
    trailers = f"Issue: {facts.issue.url}\nAssisted-by: Patchwright {__version__} ({_one_line(facts.started.model)})"
    return "\n\n".join([title(facts), *body, trailers]) + "\n"


def describe(facts: Facts) -> str:
    """The description, in Markdown, between marks by which a later run finds it."""
    sections = [
        _BEGIN,
        f"Closes #{facts.issue.number}. Made by a language model with Patchwright: review it as a stranger's work.",
        _second_look(facts.files),
        f"### Problem\n\n{tame(facts.issue.title, 200)}",
        f"### Cause\n\n{tamed(facts.words, 'cause') or _NO_CAUSE}",
        f"### Change\n\n{tamed(facts.words, 'change') or _NO_CAUSE}\n\n{_file_list(facts.files)}",
        f"### Tested\n\n{_bullets(facts.tested.done) or '- Nothing.'}",
        f"### Not tested\n\n{_bullets(facts.tested.left)}",
        f"### Cost\n\n{_cost(facts)}",
        f"### Doing it again\n\n{_again(facts)}",
        _END,
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def spliced(body: str, ours: str) -> str | None:
    """A description whose part of ours is renewed, what people wrote around it kept; ``None`` if they took it out."""
    found = _OURS.search(body)
    if found is None:
        return None
    return body[: found.start()] + ours.strip() + body[found.end() :]


def _file_list(files: Sequence[Changed]) -> str:
    lines = [f"- {code(one.path)}{_counts(one)}" for one in files[:_LISTED]]
    if len(files) > _LISTED:
        lines.append(f"- and {len(files) - _LISTED} more files")
    return "\n".join(lines)


def _counts(file: Changed) -> str:
    return "" if file.added is None or file.removed is None else f" (+{file.added} −{file.removed})"


def _second_look(files: Sequence[Changed]) -> str:
    lines = []
    for care in Care:
        if named := [code(one.path) for one in files if one.care is care]:
            lines.append(f"- {', '.join(named)}: {care.value}")
    return "### Look at these first\n\n" + "\n".join(lines) if lines else ""


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _cost(facts: Facts) -> str:
    ended = facts.ended
    usage: Usage = ended.usage + facts.words.usage
    price = "at an unknown price" if usage.cost is None else f"for ${usage.cost:.3f}"
    tokens = f"{usage.prompt_tokens + usage.completion_tokens:,} tokens ({usage.cached_tokens:,} of them cached)"
    steps = f"{ended.steps} step{'s' if ended.steps != 1 else ''}"
    return f"{code(facts.started.model)}: {steps}, {tokens} {price}, {ended.duration:.0f} s."


def _again(facts: Facts) -> str:
    started = facts.started
    base = str(started.task.get("base_commit") or "")
    line = command(facts.issue.url or "", base, _one_line(started.model), facts.config)
    versions = ", ".join(f"{_one_line(name)} {_one_line(version)}" for name, version in started.versions.items())
    left_out = withheld(facts.config)
    note = f"\n\nSettings left out here: {', '.join(code(name) for name in left_out)}." if left_out else ""
    kind = _one_line(str(started.sandbox.get("kind") or "unknown"))
    return f"With {versions}, in a sandbox of kind {kind}:\n\n```\n{line}\n```{note}"


def _one_line(text: str) -> str:
    return re.sub(r"[^\w.:/+@-]+", " ", text).strip()
