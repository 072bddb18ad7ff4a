"""What the model says of its change: a title, the cause of the problem, and what was changed."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ValidationError

from agent.config import ModelConfig
from agent.models import ContextOverflow, Model, ModelError, OnRetry, Query, open_model
from agent.prompts import render
from agent.pull_request.tame import tame
from trajectories.events import Usage

__all__ = ["Words", "words_for"]

_ISSUE, _PATCH = 8_000, 16_000
_PART = re.compile(
    r"^\W*(title|cause|change)\W*:\s*(.*?)(?=^\W*(?:title|cause|change)\W*:|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_LENGTHS = {"title": 68, "cause": 600, "change": 900}


class Words(BaseModel):
    """A change in a model's words, each ``""`` where it gave none. Not yet harmless: see `agent.pull_request.tame`.

    Attributes:
        patch: Digest of the patch that they are about.
        title: One line in the imperative.
        cause: Why the problem happened.
        change: What was changed.
        usage: What asking for them took.
    """

    patch: str = ""
    title: str = ""
    cause: str = ""
    change: str = ""
    usage: Usage = Usage()


def words_for(
    patch: str, issue: str, config: ModelConfig, kept: Path, *, index: int, task: str, on_retry: OnRetry
) -> Words:
    """Ask the model once; the answer is kept, so that the same patch has the same words ever after.

    Args:
        patch: The patch, without secrets.
        issue: The problem statement.
        config: Which model.
        kept: The file of the answer.
        index: Calls made before in this attempt.
        task: The task's id.
        on_retry: Told of waits.

    Returns:
        The words; empty ones where the model cannot answer, which does not keep anything from being done.
    """
    digest = sha256(patch.encode("utf-8", "surrogatepass")).hexdigest()
    try:
        known = Words.model_validate_json(kept.read_bytes())
        if known.patch == digest:
            return known
    except (OSError, ValidationError):
        pass
    try:
        model = open_model(config, on_retry)
        try:
            words = _asked(model, patch, issue, index, task)
        finally:
            model.close()
    except (ModelError, ContextOverflow):
        return Words(patch=digest)
    words = words.model_copy(update={"patch": digest})
    kept.write_text(words.model_dump_json(indent=2) + "\n")
    return words


def _asked(model: Model, patch: str, issue: str, index: int, task: str) -> Words:
    shown = {"issue": _cut(issue.strip(), _ISSUE), "patch": _cut(patch.rstrip(), _PATCH)}
    messages = [
        {"role": "system", "content": render("pull-request", "system", {})},
        {"role": "user", "content": render("pull-request", "task", shown)},
    ]
    reply = model.query(Query(messages, temperature=0.0, index=index, task=task))
    parts = {name.lower(): " ".join(text.split()) for name, text in _PART.findall(reply.content)}
    known = {name: text[: 4 * _LENGTHS[name]] for name, text in parts.items()}
    return Words(**known, usage=reply.usage)


def tamed(words: Words, part: str, *, html: bool = True) -> str:
    """One part of a model's words as a forge may show it; ``""`` if there is none."""
    text = str(getattr(words, part))
    return tame(text, _LENGTHS[part], html=html)


def _cut(text: str, most: int) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[:most]}\n[{len(text) - most} more characters]"
