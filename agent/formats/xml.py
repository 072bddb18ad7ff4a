"""One call in XML-like tags, ``<function=name><parameter=key>value</parameter></function>``, as open models know it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aci_tools.tools.describe import CallError, build, json_schema
from agent.formats.base import FormatError, ParsedCall, ParsedReply, ShownLine, Tools, Tried
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied

_FUNCTION = re.compile(r"<function=([^>\s]+)\s*>(.*?)</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)\s*>(.*?)</parameter>", re.DOTALL)

_RULES = """\
Reply with one or two sentences of thought, then exactly one call in this form, values as they are, not escaped:

<function=NAME>
<parameter=KEY>VALUE</parameter>
</function>

One call in each reply; the result comes back before the next. The functions:

"""


class Xml:
    """Text before the tag is the thought; one call a reply."""

    name = "xml"

    def instructions(self, tools: Tools) -> str:
        """The form of a reply, and each function with its parameters."""
        return _RULES + "\n\n".join(_signature(json_schema(tool)) for tool in tools)

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """None: everything is text."""
        return None

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """A thought, then one call of a known function with its parameters in order, the optional ones optional."""
        rules = ['root ::= thought "\\n\\n" call', "thought ::= [^\\n<] [^\\n<]{0,400}"]
        names = []
        for schema in map(json_schema, tools):
            rule = schema["name"].replace("_", "-")
            names.append(rule)
            body = []
            required = schema["parameters"].get("required", [])
            for key in schema["parameters"]["properties"]:
                part = f'"<parameter={key}>" value "</parameter>\\n"'
                body.append(part if key in required else f"({part})?")
            rules.append(f'{rule} ::= "<function={schema["name"]}>\\n" {" ".join(body)} "</function>"')
        rules.append(f"call ::= {' | '.join(names)}")
        # Any text that does not hold the closing tag's first two characters; code rarely has them.
        rules.append('value ::= ([^<] | "<" [^/])*')
        return "\n".join(rules) + "\n"

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """Exactly one call."""
        text = reply.content
        found = list(_FUNCTION.finditer(text))
        if not found:
            if "<function=" in text:
                cut = reply.finish_reason == "length"
                why = "it reached the length limit" if cut else "its closing tag </function> is missing"
                raise FormatError("unclosed", f"The call is not closed: {why}.")
            raise FormatError(
                "no-action", "Your reply has no call. Write one between the tags <function=…> and </function>."
            )
        if len(found) > 1:
            only = "Write only the first one; the next follows its result."
            raise FormatError("two-actions", f"Your reply has {len(found)} calls. {only}")
        (match,) = found
        name, inner = match.groups()
        rest = _PARAMETER.sub("", inner).strip()
        if "<parameter=" in rest:
            raise FormatError("unclosed", f"A parameter of {name} is not closed: </parameter> is missing.")
        if rest:
            raise FormatError(
                "bad-argument", f"{name}: text outside the parameters: {rest[:60]!r}. Put every value into a parameter."
            )
        arguments = {key: _unwrap(value) for key, value in _PARAMETER.findall(inner)}
        try:
            tool = build(name, arguments, tools)
        except CallError as error:
            raise FormatError(error.code, error.text) from None
        call = Call(name=name, arguments=tool.model_dump(mode="json"))
        return ParsedReply(text[: match.start()].strip(), [ParsedCall(call, tool)])

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """The text as it was."""
        return {"role": "assistant", "content": reply.content}

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """A user message."""
        return {"role": "user", "content": text}


def _unwrap(value: str) -> str:
    """One line break after the opening and before the closing tag belongs to the form, not to the value."""
    return value.removeprefix("\n").removesuffix("\n") if value.startswith("\n") else value


def _signature(schema: dict[str, Any]) -> str:
    lines = [f"{schema['name']}: {schema['description']}"]
    required = schema["parameters"].get("required", [])
    for key, rules in schema["parameters"]["properties"].items():
        optional = "" if key in required else " (optional)"
        lines.append(f"  {key}{optional}: {rules.get('description', '')}")
    return "\n".join(lines)
