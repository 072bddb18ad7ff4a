"""A reply as a chat gives it: some words, and one block of code that is the action.

For small models, which answer "write the corrected function" better than they write commands. The code is the argument
of the one tool that takes nothing but a piece of text, such as ``rewrite``; the word ``submit`` alone submits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aci_tools.tools.base import Tool
from aci_tools.tools.describe import CallError, body_fields, build
from agent.formats.base import FormatError, ParsedCall, ParsedReply, ShownLine, Tools, Tried
from agent.formats.thought_action import fenced_blocks
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied

_FORM = "Write it in one block of code, between two lines of three backticks."
_SUBMIT = "submit"

# Prose in which no line begins a block, then the block, and nothing behind it.
_GRAMMAR = r"""root ::= prose "```python\n" line+ "```"
prose ::= ([^`] | "`" [^`]){0,1200}
line ::= ([^`\n] [^\n]*)? "\n"
"""


class CodeBlock:
    """The longest block of a reply is the action, what stands before it is the thought."""

    name = "code_block"

    def instructions(self, tools: Tools) -> str:
        """One sentence; the task's prompt says the rest."""
        return f"Answer with one block of code, or with the word {_SUBMIT} alone when nothing is left to do."

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """None: everything is text."""
        return None

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """Words, one block of code, and nothing behind it."""
        return _GRAMMAR

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """The longest block; one that the length limit cut off is none."""
        text = reply.content
        blocks, open_at = fenced_blocks(text)
        if not blocks:
            return _without_code(text, open_at is not None, tools)
        start, code = max(blocks, key=lambda block: len(block[1]))
        tool = _tool(tools)
        if tool is None or not code.strip():
            raise FormatError("no-action", f"There is no code in the block. {_FORM}")
        call = Call(name=tool.tool_name(), arguments={body_fields(tool)[0]: code.rstrip("\n")})
        return ParsedReply(text[:start].strip(), [built(call, tools)])

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """The text as it was."""
        return {"role": "assistant", "content": reply.content}

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """A user message."""
        return {"role": "user", "content": text}


def _tool(tools: Tools) -> type[Tool] | None:
    """The tool that takes a piece of text and needs nothing else."""
    for tool in tools:
        required = [name for name, field in tool.model_fields.items() if field.is_required()]
        if len(required) == 1 and required == body_fields(tool):
            return tool
    return None


def _without_code(text: str, cut_off: bool, tools: Tools) -> ParsedReply:
    if text.strip().strip("`.").lower() == _SUBMIT and any(tool.tool_name() == _SUBMIT for tool in tools):
        return ParsedReply("", [built(Call(name=_SUBMIT), tools)])
    if cut_off:
        raise FormatError("unclosed", f"The block of code is not closed. {_FORM}")
    raise FormatError("no-action", f"Your reply has no code. {_FORM}")


def built(call: Call, tools: Tools) -> ParsedCall:
    """A call, ready to run.

    Raises:
        FormatError: It is not one of the tools', or its arguments are wrong.
    """
    try:
        return ParsedCall(call, build(call.name, call.arguments, tools))
    except CallError as error:
        raise FormatError(error.code, error.text) from None
