"""What is derived from a tool's definition for its reader: JSON schema, usage line, manual."""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from aci_tools.tools.base import Tool

Tools = Sequence[type[Tool]]

#: What surrounds the two bodies of a tool in text formats.
SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"


def json_schema(tool: type[Tool]) -> dict[str, Any]:
    """The tool as OpenAI's function schema: ``name``, ``description``, ``parameters``. The caller's to change."""
    found: dict[str, Any] = json.loads(_schema(tool))
    return found


@lru_cache(maxsize=256)
def _schema(tool: type[Tool]) -> str:
    """As JSON. Every step of every attempt asks for it, and pydantic makes it anew each time it is asked."""
    raw = tool.model_json_schema()
    properties: dict[str, Any] = {}
    for name, rules in raw.get("properties", {}).items():
        kept = {k: v for k, v in rules.items() if k not in ("title", "body", "begins", "default")}
        if "anyOf" in kept:  # an optional argument: what it is when it is given
            kept = {**next(option for option in kept.pop("anyOf") if option.get("type") != "null"), **kept}
        properties[name] = kept
    parameters: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if raw.get("required"):
        parameters["required"] = raw["required"]
    return json.dumps({"name": tool.tool_name(), "description": summary(tool), "parameters": parameters})


def usage(tool: type[Tool]) -> str:
    """How the tool is written in text formats: the command line, and the bodies below it."""
    bodies = body_fields(tool)
    if takes_the_rest(tool):
        return f"{tool.tool_name()} <{bodies[0]}>"
    words = [tool.tool_name()]
    words += [f"<{name}>" if field.is_required() else f"[<{name}>]" for name, field in inline_fields(tool).items()]
    lines = [" ".join(words)]
    if len(bodies) == 1:
        lines.append(f"<{bodies[0]}, on the lines below>")
    elif len(bodies) == 2:
        lines += [SEARCH, f"<{bodies[0]}>", DIVIDER, f"<{bodies[1]}>", REPLACE]
    return "\n".join(lines)


def manual(tools: Tools) -> str:
    """The documentation of tools, as prompts and ``agent tools`` show it."""
    entries = []
    for tool in tools:
        fields = [f"- {name}: {field.description}" for name, field in tool.model_fields.items()]
        example = ["For example:", tool.example] if tool.example else []
        entries.append("\n".join([usage(tool), summary(tool), *fields, *example]))
    return "\n\n".join(entries)


def summary(tool: type[Tool]) -> str:
    """What the tool does: its docstring on one line."""
    return " ".join((tool.__doc__ or "").split())


def inline_fields(tool: type[Tool]) -> dict[str, FieldInfo]:
    """The arguments that stand on the command line, in order."""
    bodies = body_fields(tool)
    return {name: field for name, field in tool.model_fields.items() if name not in bodies}


def body_fields(tool: type[Tool]) -> list[str]:
    """The arguments that stand below the command line."""
    return [
        name
        for name, field in tool.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("body")
    ]


def takes_the_rest(tool: type[Tool]) -> bool:
    """Whether everything behind the tool's name is its one argument as it stands, as with ``bash``."""
    return len(tool.model_fields) == len(body_fields(tool)) == 1


def plain_type(field: FieldInfo) -> type:
    """The type of an argument when it is given: without ``None``."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(option for option in get_args(annotation) if option is not type(None))
    return annotation if isinstance(annotation, type) else str
