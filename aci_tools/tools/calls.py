"""From what a model wrote to a call of a tool, or to a correction that says exactly what is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

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
    usage,
)

_KINDS: dict[type, str] = {int: "a whole number", bool: "true or false", float: "a number", str: "text"}
# Quotes count at the beginning of a word only, so that `print("x")` can be searched for as it is.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|\'([^\']*)\'(?=\s|$)|(\S+)')
_OPTION = re.compile(r"(?:--)?(\w+)=(.*)", re.DOTALL)


class CallError(Exception):
    """A call that does not fit any tool.

    Args:
        code: ``unknown-tool``, ``missing-argument``, ``bad-argument``, ``extra-argument`` or ``two-actions``.
        text: The correction that a model reads.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def build(name: str, arguments: Mapping[str, Any], tools: Tools) -> Tool:
    """A call from its name and arguments, as native tool calls give them.

    Numbers and truth values may be written as text. ``null`` leaves an optional argument out.

    Raises:
        CallError: There is no such tool, or the arguments do not fit.
    """
    tool = _find(name, tools)
    for key in arguments:
        if key not in tool.model_fields:
            near = difflib.get_close_matches(key, tool.model_fields, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise CallError("extra-argument", f"{name} has no argument {key[:60]}.{hint} Usage: {usage(tool)}")
    given = {k: v for k, v in arguments.items() if v is not None or tool.model_fields[k].is_required()}
    try:
        for text in given.values():
            str(text).encode("utf-8", "surrogateescape")
        return tool.model_validate(given)
    except ValidationError as error:
        raise _explain(error, tool) from None
    except UnicodeEncodeError:
        raise CallError(
            "bad-argument", f"{name}: the text has half a character (a lone surrogate). Write it anew."
        ) from None


def parse_command(text: str, tools: Tools) -> Tool:
    """A call from a text format: the command line, and the bodies below it.

    Arguments are words in the order of the tool's fields, or ``name=value``; blanks need quotes, unless the tool has
    just one text to take. Where words are fewer than fields, optional fields in front of required ones are left out.

    Raises:
        CallError: It is not a call of one of the tools.
    """
    head, _, rest = text.lstrip("\n").partition("\n")
    name, _, line = head.strip().partition(" ")
    tool = _find(name, tools)
    if takes_the_rest(tool):
        command = f"{line}\n{rest}".strip()
        return build(name, {body_fields(tool)[0]: command} if command else {}, tools)
    arguments = _line_arguments(tool, line.strip())
    for key, value in _bodies_below(tool, rest, tools).items():
        if key in arguments:
            raise CallError("extra-argument", f"{name} has {key} twice: on the command line and below it.")
        arguments[key] = value
    return build(name, arguments, tools)


def _find(name: str, tools: Tools) -> type[Tool]:
    names = [tool.tool_name() for tool in tools]
    if name in names:
        return tools[names.index(name)]
    called = re.match(r"(\w+)\(", name)
    if called and called[1] in names:
        tool = tools[names.index(called[1])]
        raise CallError("bad-argument", f"Write {called[1]} without parentheses and commas. Usage: {usage(tool)}")
    near = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    if not near and "bash" in names:
        hint = "A shell command is written behind the word bash. "
    raise CallError("unknown-tool", f"There is no command {name[:60]}. {hint}The commands are: {', '.join(names)}.")


def _line_arguments(tool: type[Tool], line: str) -> dict[str, Any]:
    fields = inline_fields(tool)
    named: dict[str, Any] = {}
    words: list[tuple[str, int, int]] = []
    torn = False  # `print("a b")`: a text, not two words
    for match in _WORD.finditer(line):
        option = _OPTION.fullmatch(match[0])
        if option and option[1] in tool.model_fields and option[1] not in named:
            named[option[1]] = _unquoted(option[2])
        else:
            words.append((_unquoted(match[0]), match.start(), match.end()))
            torn = torn or (match[3] or "").count('"') % 2 == 1
    # A quoted value behind `name=` may hold blanks, which the pattern of words does not see.
    for key in tool.model_fields:
        quoted = re.search(rf"(?:^|\s)(?:--)?{key}=(\"(?:[^\"\\]|\\.)*\"|'[^']*')(?=\s|$)", line)
        if quoted and re.search(r"\s", quoted[1]):
            before, after = line[: quoted.start()], line[quoted.end() :]
            return {**_line_arguments(tool, f"{before} {after}".strip()), key: _unquoted(quoted[1])}
    free = [name for name in fields if name not in named]
    if len(words) <= len(free) and not torn:
        assigned = _assigned(tool, free, [word for word, _, _ in words])
        if _fits(tool, assigned):
            return {**assigned, **named}
    texts = [name for name in free if plain_type(fields[name]) is str and fields[name].is_required()]
    if len(texts) == 1:
        one_text = _one_text(tool, texts[0], free, line, words) if not named else None
        if one_text is not None:
            return one_text
    if len(words) > len(free):
        extra = words[len(free)][0]
        hint = " Put a text with blanks in quotes." if texts else ""
        raise CallError(
            "extra-argument", f"{tool.tool_name()} does not take {extra[:60]!r}.{hint} Usage: {usage(tool)}"
        )
    return {**_assigned(tool, free, [word for word, _, _ in words]), **named}


def _assigned(tool: type[Tool], free: list[str], words: list[str]) -> dict[str, Any]:
    """Words given to fields in order; optional ones go without where the words are needed for required ones."""
    fields = inline_fields(tool)
    spare = len(words) - sum(fields[name].is_required() for name in free)
    assigned: dict[str, Any] = {}
    left = list(words)
    for name in free:
        if not left:
            break
        if not fields[name].is_required():
            if spare <= 0:
                continue
            spare -= 1
        assigned[name] = left.pop(0)
    return assigned


def _one_text(
    tool: type[Tool], name: str, free: list[str], line: str, words: list[tuple[str, int, int]]
) -> dict[str, Any] | None:
    """The one text of a tool written without quotes; numbers for the fields behind it may follow."""
    behind = free[free.index(name) + 1 :]
    numbers = [key for key in behind if plain_type(inline_fields(tool)[key]) is not str]
    if free.index(name) or not words:
        return None
    if numbers and len(words) > 1:
        values = {numbers[0]: words[-1][0]}
        if _fits(tool, values):
            return {name: line[: words[-2][2]].strip(), **values}
    return {name: line}


def _fits(tool: type[Tool], values: Mapping[str, Any]) -> bool:
    """Whether each value is of its field's type; missing ones are another matter."""
    try:
        tool.model_validate(values)
    except ValidationError as error:
        return all(entry["type"] == "missing" for entry in error.errors())
    return True


def _unquoted(word: str) -> str:
    match = _WORD.fullmatch(word)
    if match is None or match[3] is not None:
        return word
    return match[2] if match[1] is None else re.sub(r'\\(["\\])', r"\1", match[1])


def _bodies_below(tool: type[Tool], rest: str, tools: Tools) -> dict[str, str]:
    bodies = body_fields(tool)
    if not bodies:
        if rest.strip():
            first = rest.split()[0]
            if first in [other.tool_name() for other in tools]:
                raise CallError("two-actions", f"Write one command only; {first} can follow when the result is there.")
            raise CallError("extra-argument", f"{tool.tool_name()} takes no text below it. Usage: {usage(tool)}")
        return {}
    if not rest or (len(bodies) == 2 and not rest.strip()):
        return {}
    return {bodies[0]: rest} if len(bodies) == 1 else dict(zip(bodies, _halves(tool, rest, tools), strict=True))


def _halves(tool: type[Tool], rest: str, tools: Tools) -> tuple[str, str]:
    """The two bodies of a search-and-replace block, each with its line ends."""
    lines = rest.strip("\n").split("\n")
    marks = [line.rstrip() for line in lines]
    for mark in (SEARCH, DIVIDER, REPLACE):
        if mark not in marks:
            raise CallError("bad-argument", f"{tool.tool_name()}: the line {mark} is missing. Usage: {usage(tool)}")
        if marks.count(mark) > 1:
            problem = f"the line {mark} stands there {marks.count(mark)} times; {_once(mark, tools)}"
            raise CallError("bad-argument", f"{tool.tool_name()}: {problem}. Usage: {usage(tool)}")
    start, middle, end = (marks.index(mark) for mark in (SEARCH, DIVIDER, REPLACE))
    if not start < middle < end or start or end != len(lines) - 1:
        raise CallError(
            "bad-argument", f"{tool.tool_name()} takes one block and nothing around it. Usage: {usage(tool)}"
        )
    old, new = lines[1:middle], lines[middle + 1 : end]
    return "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new)


def _once(mark: str, tools: Tools) -> str:
    """What to do where a mark of a block stands several times: of the divider, others may be lines of the file."""
    if mark != DIVIDER:
        return "write one block only"
    other = ", or use edit" if any(tool.tool_name() == "edit" for tool in tools) else ""
    return f"only one can divide the old text from the new. If the file has such a line, leave it out of both{other}"


def _explain(error: ValidationError, tool: type[Tool]) -> CallError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    call = tool.tool_name()
    below = name in body_fields(tool) and not takes_the_rest(tool)
    if first["type"] == "missing":
        where = ", on the lines below the command" if below else ""
        empty = f' (an empty one is written {name}="")' if below and len(body_fields(tool)) == 1 else ""
        return CallError("missing-argument", f"{call} needs {name}{where}{empty}. Usage: {usage(tool)}")
    given = str(first["input"])[:60]
    wanted = _KINDS.get(plain_type(tool.model_fields[name]), "something else") if name in tool.model_fields else ""
    if first["type"].endswith(("_type", "_parsing")) or "parsing" in first["type"] or first["type"] == "int_from_float":
        return CallError("bad-argument", f"{call}: {name} must be {wanted}, not {given!r}. Usage: {usage(tool)}")
    rule = re.sub(r"^(input|string|value) ", "", first["msg"].lower())
    return CallError("bad-argument", f"{call}: {name} {rule}, and it is {given!r}. Usage: {usage(tool)}")
