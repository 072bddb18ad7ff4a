"""A model whose replies are written in a file: for tests, demonstrations and benchmarks without a provider."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from aci_tools.errors import UsageError
from agent.models.base import ModelError, Query, Reply
from trajectories.events import Usage


class ScriptedCall(BaseModel):
    """A native tool call of a scripted reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any] | str = {}


class ScriptedReply(BaseModel):
    """One line of a script.

    Attributes:
        content: Text of the reply.
        tool_calls: Native tool calls; arguments given as a string are passed on as they are, broken JSON too.
        usage: What the call is said to have used.
        delay: Seconds before it is given, for tests of what happens meanwhile.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: str = ""
    tool_calls: list[ScriptedCall] = []
    usage: Usage = Usage()
    delay: float = 0.0


class ScriptedModel:
    """Plays replies in order, one for each call of an attempt, whatever it is asked.

    ``scripted:FILE`` plays the same replies for every task, ``scripted:DIR`` those of ``DIR/TASK.jsonl`` for the task
    of that id (``/`` in an id written as ``__``).

    Args:
        replies: The replies.
        name: Its name in trajectories.
        of_tasks: Replies by task id, which are played instead.
    """

    takes_grammar = False
    context_window: int | None = None

    def __init__(
        self,
        replies: list[ScriptedReply],
        name: str = "scripted",
        of_tasks: dict[str, list[ScriptedReply]] | None = None,
    ) -> None:
        self.name = name
        self.replies = replies
        self._of_tasks = of_tasks
        every = [replies, *(of_tasks or {}).values()]
        self.takes_tools = any(reply.tool_calls for part in every for reply in part)

    @classmethod
    def from_path(cls, path: str) -> ScriptedModel:
        """Read a script, one JSON object a line, or a directory of them.

        Raises:
            UsageError: It is not named, cannot be read, or a line is not a reply.
        """
        if not path:
            raise UsageError("--model scripted: names no script; write scripted:FILE or scripted:DIR")
        place = Path(path).expanduser()
        name = f"scripted:{place.name}"
        if not place.is_dir():
            return cls(_read(place), name)
        return cls([], name, {script.stem: _read(script) for script in sorted(place.glob("*.jsonl"))})

    def check(self) -> None:
        """Nothing is needed."""

    def query(self, query: Query) -> Reply:
        """The reply of this number."""
        replies = self.replies
        if self._of_tasks is not None:
            replies = self._of_tasks.get(query.task.replace("/", "__"), [])
        if query.index >= len(replies):
            raise ModelError(f"the script has only {len(replies)} replies, and the attempt asks for another")
        reply = replies[query.index]
        if reply.delay:
            time.sleep(reply.delay)
        calls = [
            {
                "id": f"call_{query.index + 1}_{number}",
                "name": call.name,
                "arguments": call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments),
            }
            for number, call in enumerate(reply.tool_calls, 1)
        ]
        finish = "tool_calls" if calls else "stop"
        return Reply(reply.content, calls, finish_reason=finish, model=self.name, usage=reply.usage)

    def close(self) -> None:
        """Nothing is held."""


def _read(path: Path) -> list[ScriptedReply]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # other line ends may stand in a JSON text
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--model scripted:{path}: cannot be read ({error})") from None
    replies = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            replies.append(ScriptedReply.model_validate(json.loads(line)))
        except (ValueError, RecursionError):
            expected = '{"content": "..."} or {"tool_calls": [{"name": "...", "arguments": {}}]}'
            raise UsageError(f"{path}:{number}: expected {expected}") from None
    return replies
