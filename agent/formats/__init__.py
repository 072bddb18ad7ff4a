"""Action formats: native tool calls, fenced text, XML, a block of code, a line."""

from __future__ import annotations

from agent.formats.base import ActionFormat, FormatError, ParsedCall, ParsedReply, ShownLine, Tools, Tried
from agent.formats.code_block import CodeBlock
from agent.formats.line_or_block import LineOrBlock
from agent.formats.thought_action import ThoughtAction
from agent.formats.tool_calls import ToolCalls
from agent.formats.xml import Xml

__all__ = [
    "FORMATS",
    "ActionFormat",
    "FormatError",
    "ParsedCall",
    "ParsedReply",
    "ShownLine",
    "Tools",
    "Tried",
    "make_format",
]

FORMATS: dict[str, type[ActionFormat]] = {
    "tool_calls": ToolCalls,
    "thought_action": ThoughtAction,
    "xml": Xml,
    "code_block": CodeBlock,
    "line_or_block": LineOrBlock,
}


def make_format(name: str) -> ActionFormat:
    """The action format of a name of :data:`FORMATS`."""
    return FORMATS[name]()
