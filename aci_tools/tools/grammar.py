"""A llama.cpp grammar (GBNF) of the text format: a model that is bound by it makes no mistake of form."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic.fields import FieldInfo

from aci_tools.tools.base import Tool
from aci_tools.tools.documentation import (
    DIVIDER,
    REPLACE,
    SEARCH,
    Tools,
    body_fields,
    inline_fields,
    plain_type,
    takes_the_rest,
)

#: A format closes an action with three backticks. A small model that may not do so yet writes two, and loses its way.
_HALF_FENCE = "``"
#: A small model that has lost its way writes line breaks until its reply is at its limit.
_EMPTY_LINES = 3


def grammar(tools: Tools, *, paths: Sequence[str] | None = None) -> str:
    """Rules of which ``action`` is one command of one of the tools, each of its lines ended by a line break.

    No line of an action begins with two backticks, so a format can close it with three, and none is one alone. Where
    more must follow, at the beginning of a body and in the halves of a replacement, none begins with any: there a model
    that leaves the rest out tries to close the action. A grammar is stricter than the parser: ``name=value`` is not in
    it, optional arguments in front of required ones are always written, and of empty lines few follow each other.

    Args:
        tools: What may be called.
        paths: Files of the repository. Arguments named ``path`` are bound to them and those named ``dir`` to their
            directories, except those of ``create``; ``None`` leaves them free.
    """
    rules = [f"action ::= {' | '.join(map(_rule, tools))}"]
    for tool in tools:
        bodies = body_fields(tool)
        if takes_the_rest(tool):
            rules.append(f'{_rule(tool)} ::= {_text(tool.tool_name() + " ")} [^ \\n] [^\\n]* "\\n" lines?')
            continue
        parts = [_text(tool.tool_name()), *_inline(tool, bool(paths)), '"\\n"']
        if len(bodies) == 1:
            extra = tool.model_fields[bodies[0]].json_schema_extra
            begins: Any = extra.get("begins") if isinstance(extra, dict) else None
            start = f'({" | ".join(map(_text, begins))}) [^\\n]* "\\n" lines?' if begins else "body"
            parts.append(start)
        elif len(bodies) == 2:
            parts += [_text(f"{SEARCH}\n"), "half", _text(f"{DIVIDER}\n"), "(half | gap)?", _text(f"{REPLACE}\n")]
        rules.append(f"{_rule(tool)} ::= {' '.join(parts)}")
    rules += [
        'body ::= gap? [^`\\n] [^\\n]* "\\n" lines? | gap',
        "lines ::= (gap? line)+ gap? | gap",
        f'gap ::= "\\n"{{1,{_EMPTY_LINES}}}',
        f'line ::= ({_line_without([_HALF_FENCE])}) "\\n"',
        f'half ::= (gap? ({_line_without([_HALF_FENCE[0], SEARCH[:7], DIVIDER, REPLACE[:7]])}) "\\n")+ gap?',
        'integer ::= "0" | [1-9] [0-9]{0,6}',
        'boolean ::= "true" | "false"',
        'word ::= [^ \\t\\n"\'=`] [^ \\t\\n=]* | "\\"" ([^"\\\\\\n] | "\\\\" [^\\n])+ "\\""',
    ]
    if paths:
        rules.append(f"path ::= {_one_of(paths)}")
        folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
        rules.append(f"dir ::= {' | '.join(_text(_quoted(folder)) for folder in sorted(folders))}")
    return "\n".join(rules) + "\n"


def _inline(tool: type[Tool], bound: bool) -> list[str]:
    fields = list(inline_fields(tool).items())
    required = max((i for i, (_, field) in enumerate(fields) if field.is_required()), default=-1)
    parts = [f'" " {_value(tool, name, field, bound)}' for name, field in fields[: required + 1]]
    optional = ""
    for name, field in reversed(fields[required + 1 :]):
        optional = f'(" " {_value(tool, name, field, bound)}{" " + optional if optional else ""})?'
    return [*parts, optional] if optional else parts


def _value(tool: type[Tool], name: str, field: FieldInfo, bound: bool) -> str:
    kind = plain_type(field)
    if kind in (int, bool):
        return "integer" if kind is int else "boolean"
    return name if name in ("path", "dir") and bound and tool.tool_name() != "create" else "word"


def _one_of(paths: Sequence[str]) -> str:
    """Alternatives for paths."""
    quoted = [_text(_quoted(path)) for path in sorted(paths) if _quoted(path) != path]
    plain = _by_directory(sorted(path for path in paths if _quoted(path) == path))
    return " | ".join([*plain, *quoted])


def _by_directory(paths: Sequence[str]) -> list[str]:
    """Alternatives nested by directory: a flat list of thousands would be slow to match."""
    tops: dict[str, list[str]] = {}
    for path in paths:
        top, slash, below = path.partition("/")
        tops.setdefault(top + slash, []).append(below)
    return [
        _text(top) if rest == [""] else f"{_text(top)} ({' | '.join(_by_directory(rest))})"
        for top, rest in tops.items()
    ]


def _quoted(path: str) -> str:
    """A path as the parser of commands takes it."""
    if re.fullmatch(r"[^\s\"'=`][^\s=`]*", path):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _line_without(starts: Sequence[str]) -> str:
    """The content of a line, not empty, that begins with none of some texts, and is not the beginning of a fence."""
    heads = sorted({start[0] for start in starts})
    other = "".join(f"\\{c}" if c in "\\]^-" else c for c in heads)
    alternatives = [f"[^{other}\\n] [^\\n]*"]
    for head in heads:
        longer = [start[1:] for start in starts if start[0] == head]
        if "" not in longer:
            alternatives.append(f"{_text(head)} ({_line_without(longer)}){'' if head == _HALF_FENCE[0] else '?'}")
    return " | ".join(alternatives)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _rule(tool: type[Tool]) -> str:
    return "call-" + tool.tool_name().replace("_", "-")
