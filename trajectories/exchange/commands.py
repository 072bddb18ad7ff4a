"""Other agents' commands as calls of our tools, and back.

The names and arguments of our tools stand here again, because this package knows nothing of the tools; a test holds
them against the tools themselves.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from trajectories.events import Call

#: Arguments of our tools, in order.
OUR_TOOLS: dict[str, tuple[str, ...]] = {
    "bash": ("command",),
    "create": ("path", "text"),
    "edit": ("start", "end", "path", "text"),
    "find_file": ("pattern", "dir"),
    "goto": ("line",),
    "insert": ("line", "path", "text"),
    "open": ("path", "line"),
    "replace": ("path", "old", "new"),
    "replace_line": ("path", "line", "old", "new"),
    "rewrite": ("code",),
    "rewrite_function": ("path", "name", "code"),
    "run_tests": ("target",),
    "scroll_down": (),
    "scroll_up": (),
    "search_dir": ("term", "dir"),
    "search_file": ("term", "path"),
    "submit": (),
    "trace": ("test", "call", "function"),
    "undo": ("path",),
}
#: Those that are whole numbers.
NUMBERS = frozenset({"start", "end", "line"})
#: SWE-agent's commands whose words are arguments of one of ours, in this order.
_BY_WORDS: dict[str, tuple[str, ...]] = {
    "create": ("path",),
    "find_file": ("pattern", "dir"),
    "goto": ("line",),
    "open": ("path", "line"),
    "scroll_down": (),
    "scroll_up": (),
    "search_dir": ("term", "dir"),
    "search_file": ("term", "path"),
    "submit": (),
}
_REQUIRED = {"create": 1, "find_file": 1, "goto": 1, "open": 1, "search_dir": 1, "search_file": 1}
#: Its text is whole lines, blank ones at the end too.
_RANGE_EDIT = re.compile(r"edit\s+(\d{1,9}):(\d{1,9})[ \t]*\n((?:.*?\n)?)end_of_edit\s*", re.DOTALL)
_NAMED = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)


def parse_command(raw: str, open_file: str = "", id: str = "") -> Call:
    """The call that a SWE-agent action is; what is no command of its interface is ``bash``.

    Args:
        raw: The action as it was executed.
        open_file: The file that was open, for edits that do not name one.
        id: Identifier of the call.
    """
    text = raw.strip("\n")
    found = _edit(text) or _words(text, open_file)
    if found is None:
        return Call(id=id, name="bash", arguments={"command": raw})
    return Call(id=id, name=found[0], arguments=found[1])


def render_command(call: Call) -> str:
    """A call as a SWE-agent action; :func:`parse_command` gives the same call back, an edit's text as whole lines."""
    arguments = {name: value for name, value in call.arguments.items() if value is not None}
    command = arguments.get("command")
    if call.name == "bash" and list(arguments) == ["command"] and isinstance(command, str):
        return command
    for text in _candidates(call.name, arguments):
        parsed = parse_command(text)
        if parsed.name == call.name and parsed.arguments == _whole_lines(call.name, arguments):
            return text
    words = [f"{name}={_plain(value)}" for name, value in arguments.items()]
    return " ".join([call.name, *map(shlex.quote, words)])


def known_call(name: str, arguments: Mapping[str, Any], id: str = "") -> Call:
    """A native tool call of another agent as a call of one of our tools; one that has no counterpart is kept as it is.

    The tools known are those of OpenHands and of SWE-agent's editor in the style of Anthropic.
    """
    given = dict(arguments)
    if name in ("execute_bash", "terminal", "bash", "run") and isinstance(given.get("command"), str):
        return Call(id=id, name="bash", arguments={"command": given["command"]})
    if name in ("str_replace_editor", "file_editor", "str_replace_based_edit_tool"):
        edited = _editor(given)
        if edited is not None:
            return Call(id=id, name=edited[0], arguments=edited[1])
    if name in ("finish", "submit"):
        return Call(id=id, name="submit")
    return Call(id=id, name=name, arguments=given)


def _edit(text: str) -> tuple[str, dict[str, Any]] | None:
    match = _RANGE_EDIT.fullmatch(text)
    if match is None:
        return None
    return "edit", {"start": int(match[1]), "end": int(match[2]), "text": match[3]}


def _words(text: str, open_file: str) -> tuple[str, dict[str, Any]] | None:
    name = re.match(r"[a-z_]+(?=\s|\Z)", text)
    if name is None or (name[0] not in OUR_TOOLS and name[0] != "str_replace_editor"):
        return None
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        return None
    if name[0] == "str_replace_editor":
        return _editor(_flags(words))
    named = [_NAMED.fullmatch(word) for word in words]
    fields = OUR_TOOLS[name[0]]
    if not words and name[0] in ("run_tests", "trace", "undo"):
        return name[0], {}
    if words and name[0] != "bash" and all(match and match[1] in fields for match in named):
        return _typed(name[0], {match[1]: match[2] for match in named if match})
    if name[0] in ("edit", "insert"):
        return _windowed(name[0], words, open_file)
    if name[0] in _BY_WORDS and "\n" not in text:
        places = _BY_WORDS[name[0]]
        if _REQUIRED.get(name[0], 0) <= len(words) <= len(places):
            arguments = dict(zip(places, words, strict=False))
            # SWE-agent makes a new file with one empty line.
            return _typed(name[0], {**arguments, "text": "\n"} if name[0] == "create" else arguments)
    return None


def _windowed(name: str, words: list[str], open_file: str) -> tuple[str, dict[str, Any]] | None:
    """SWE-agent's ``edit SEARCH REPLACE`` and ``insert TEXT [LINE]``, which act on the open file."""
    where = {"path": open_file} if open_file else {}
    if name == "insert" and len(words) == 2 and words[1].isdecimal():
        return _typed("insert", {"line": words[1], **where, "text": words[0]})
    if name == "edit" and len(words) == 2 and where:
        return "replace", {**where, "old": words[0], "new": words[1]}
    return None


def _flags(words: list[str]) -> dict[str, Any]:
    """``view PATH --view_range 1 20`` as named arguments."""
    given: dict[str, Any] = dict(zip(("command", "path"), words[:2], strict=False))
    key = ""
    for word in words[2:]:
        if word.startswith("--") and word[2:] in ("file_text", "old_str", "new_str", "insert_line", "view_range"):
            key = word[2:]
            given[key] = [] if key == "view_range" else ""
        elif key == "view_range":
            given[key].append(int(word) if re.fullmatch(r"-?\d{1,9}", word) else word)
        elif key:
            given[key] = word
            key = ""
    return given


def _editor(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    path, texts = given.get("path"), {k: given.get(k) for k in ("file_text", "old_str", "new_str")}
    if not isinstance(path, str) or not path:
        return None
    match given.get("command"):
        case "view":
            first = given.get("view_range")
            line = first[0] if isinstance(first, list) and first else None
            shown = {"line": line} if isinstance(line, int) and not isinstance(line, bool) and line > 0 else {}
            return "open", {"path": path, **shown}
        case "create" if isinstance(texts["file_text"], str):
            return "create", {"path": path, "text": texts["file_text"]}
        case "str_replace" if isinstance(texts["old_str"], str):
            return "replace", {"path": path, "old": texts["old_str"], "new": str(texts["new_str"] or "")}
        case "insert" if isinstance(texts["new_str"], str):
            return _typed("insert", {"line": str(given.get("insert_line")), "path": path, "text": texts["new_str"]})
        case "undo_edit":
            return "undo", {"path": path}
    return None


def _typed(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Whole numbers as such; nothing where a word is none."""
    for key in NUMBERS & arguments.keys():
        if not re.fullmatch(r"\d{1,9}", arguments[key], re.ASCII):
            return None
        arguments[key] = int(arguments[key])
    return name, arguments


def _candidates(name: str, arguments: Mapping[str, Any]) -> list[str]:
    """Ways to write a call as SWE-agent would, the plainest first; not all of them mean the same."""
    found = []
    if name == "edit" and "path" not in arguments:
        text = _whole_lines(name, arguments).get("text")
        found.append(f"edit {arguments.get('start')}:{arguments.get('end')}\n{text}end_of_edit")
    if name in _BY_WORDS:
        values = [arguments[field] for field in _BY_WORDS[name] if field in arguments]
        found.append(" ".join([name, *(shlex.quote(str(value)) for value in values)]))
    return found


def _whole_lines(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with the end of the last line of an edit's text, which says nothing to our tool."""
    text = arguments.get("text")
    if name == "edit" and isinstance(text, str) and text and not text.endswith("\n"):
        return {**arguments, "text": f"{text}\n"}
    return dict(arguments)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
