"""A thought and one command in a fenced block, as SWE-agent's models write it; for models without native tool calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aci_tools.tools.describe import CallError, grammar, manual, parse_command
from agent.formats.base import FormatError, ParsedCall, ParsedReply, ShownLine, Tools, Tried
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied

_OPENING = re.compile(r"^[ \t]*(`{3,})[^\n`]*(?:\n|\Z)", re.MULTILINE)

_FORM = "Write one command between two lines of three backticks."

_RULES = """\
Reply in exactly this form: one thought, then one command between two lines of three backticks.

THOUGHT: why this is the next step, in one or two sentences
```
command
```

One command in each reply; the result comes back before the next. The commands:

"""


class ThoughtAction:
    """Text before the fence is the thought, text between the fences is the command."""

    name = "thought_action"

    def instructions(self, tools: Tools) -> str:
        """The form of a reply, and the manual of the tools."""
        return _RULES + manual(tools)

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """None: everything is text."""
        return None

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """A thought of one paragraph, then exactly one well-formed command.

        A line break may end the reply: in the tokens of many models the last backtick and the line break are one, and
        without it such a model cannot close the fence in the way that it knows.
        """
        root = 'root ::= "THOUGHT: " thought "\\n```\\n" action "```" "\\n"{0,2}\n'
        return root + "thought ::= [^\\n`] [^\\n`]{0,400}\n" + grammar(tools, paths=list(paths))

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """Exactly one fenced command."""
        text = reply.content
        blocks, open_at = fenced_blocks(text)
        if open_at is not None and not blocks:
            cut = reply.finish_reason == "length"
            why = "it reached the length limit" if cut else "the closing line of backticks is missing"
            raise FormatError("unclosed", f"The command is not closed: {why}. {_FORM}")
        if not blocks:
            raise FormatError("no-action", f"Your reply has no command. {_FORM}")
        count = len(blocks) + (open_at is not None)
        if count > 1:
            only = (
                "Write only the first one; the next follows its result. (A command that holds lines of three backticks "
            )
            only += "itself goes between lines of four.)"
            raise FormatError("two-actions", f"Your reply has {count} commands. {only}")
        (start, command) = blocks[0]
        thought = text[:start].strip().removeprefix("THOUGHT:").strip()
        if not command.strip():
            raise FormatError("no-action", "The block between the backticks is empty. Write one command in it.")
        try:
            tool = parse_command(command, tools)
        except CallError as error:
            raise FormatError(error.code, error.text) from None
        call = Call(name=tool.tool_name(), arguments=tool.model_dump(mode="json"))
        return ParsedReply(thought, [ParsedCall(call, tool)])

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """The text as it was."""
        return {"role": "assistant", "content": reply.content}

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """A user message."""
        return {"role": "user", "content": text}


def fenced_blocks(text: str) -> tuple[list[tuple[int, str]], int | None]:
    """The fenced blocks of a text, each with the place where it begins, and the place of a fence that is never closed.

    A fence is closed by a line of at least as many backticks, as Markdown has it.
    """
    blocks: list[tuple[int, str]] = []
    at = 0
    while opening := _OPENING.search(text, at):
        closing = re.compile(rf"^[ \t]*`{{{len(opening[1])},}}[ \t]*$", re.MULTILINE).search(text, opening.end())
        if closing is None:
            return blocks, opening.start()
        blocks.append((opening.start(), text[opening.end() : closing.start()]))
        at = closing.end()
    return blocks, None
