"""The simple commands of a shell text, however deep they stand in it: what runs, as far as the text tells.

Parsed by tree-sitter's grammar of bash. A word is as the shell makes it, without quotes; a part that is only known when
the text runs (a variable, the output of a command) is :data:`UNKNOWN`. Programs that run other programs are seen
through: ``sudo``, ``xargs``, ``find -exec``, ``sh -c``, ``eval`` and their kin (see :mod:`aci_tools.policy.wrappers`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from aci_tools.policy.wrappers import Inner, inside

#: Stands in a word for what is not known before it runs. No command can hold this character.
UNKNOWN = "\0"
#: Longer texts are not parsed, in characters.
LONGEST = 200_000
_DEEPEST = 10
_MOST_INSIDE = 100  # commands that one command runs by its arguments
_RESERVED = frozenset({"{", "}", "!"})
_BRACES = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_GLOB = re.compile(r"[*?\[]")
_NO_WORDS = frozenset({"variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect"})
_KEYWORDS = frozenset({"export", "declare", "typeset", "readonly", "local", "unset", "unsetenv", "==", "=~", "="})
_LITERAL = frozenset({"word", "number", "string_content", "extglob_pattern", "regex", "test_operator", "variable_name"})


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a text does.

    Attributes:
        words: The program and its arguments. A redirection that may write is ``(">", "file")``, an assignment is
            ``("NAME=", "value")``.
        opaque: Whether it runs something that the text does not show.
    """

    words: tuple[str, ...]
    opaque: bool = False

    @property
    def text(self) -> str:
        """For a person or a model to read."""
        return " ".join(self.words).replace(UNKNOWN, "…")


@dataclass(frozen=True, slots=True)
class Script:
    """A text as it was read.

    Attributes:
        commands: Each once, in the order of the text; what stands in a nested text comes last.
        whole: Whether all of it could be read.
    """

    commands: tuple[Command, ...]
    whole: bool


def read(text: str) -> Script:
    """The commands of a shell text.

    Args:
        text: As the shell would get it.
    """
    found: list[Command] = []
    whole = True
    waiting = [(text.replace(UNKNOWN, ""), 0)]
    while waiting:
        source, depth = waiting.pop()
        if len(source) > LONGEST or depth > _DEEPEST:
            whole = False
            continue
        # What was not known in the text around it is still not known.
        data = source.replace(UNKNOWN, '"$_"').encode("utf-8", "surrogateescape")
        root = _parser().parse(data).root_node
        whole = whole and not root.has_error
        for words, given in _simple(root):
            for command, scripts in _through(words, given):
                found.append(command)
                waiting += [(script, depth + 1) for script in scripts]
    return Script(tuple(dict.fromkeys(found)), whole)


def _through(words: tuple[str, ...], given: str | None) -> Iterator[tuple[Command, list[str]]]:
    """A command and those that it runs, each with the shell texts that it runs."""
    waiting, left = [words], _MOST_INSIDE
    while waiting:
        words = waiting.pop()
        if not left:
            yield Command(words, opaque=True), []
            return
        left -= 1
        while words and words[0] in _RESERVED:  # what follows `time`, which is no program to the grammar
            words = words[1:]
        if not words:
            continue
        inner = inside(words) if words[0] not in (">",) and not words[0].endswith("=") else Inner()
        scripts = list(inner.scripts)
        if inner.reads_script:
            scripts += [given] if given is not None else []
        opaque = UNKNOWN in words[0] or (inner.reads_script and given is None) or UNKNOWN in scripts
        yield Command(words, opaque), scripts
        waiting += inner.commands


def _simple(root: Any) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The words of every simple command below a node, and its standard input where the text gives that."""
    inputs: dict[int, str] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        kind = node.type
        if kind in ("redirected_statement", "pipeline"):
            _give(node, inputs)
        if kind in ("command", "declaration_command", "unset_command"):
            words = _words(node)
            if words:
                yield words, inputs.get(node.id)
        elif kind == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            yield (f"{_text(name)}=", _value(value) if value is not None else ""), None
        elif kind == "file_redirect" and any(">" in child.type for child in node.children):
            target = node.child_by_field_name("destination")
            # `2>&1` names a descriptor, not a file.
            if target is not None and not (target.type == "number" and any(c.type == ">&" for c in node.children)):
                yield (">", _value(target)), None
        waiting += reversed(node.children)


def _give(node: Any, inputs: dict[int, str]) -> None:
    """Remember what a command reads, where that stands in the text: a here-document, or what ``echo`` prints."""
    if node.type == "pipeline":
        commands = node.named_children
        for before, after in itertools.pairwise(commands):
            words = _words(before) if before.type == "command" else ()
            if words[:1] == ("echo",):
                inputs[after.id] = " ".join(word for word in words[1:] if word not in ("-n", "-e", "-E"))
            elif words[:1] == ("cat",) and len(words) == 1 and before.id in inputs:
                inputs[after.id] = inputs[before.id]
        return
    body = node.child_by_field_name("body")
    given = [child for child in node.named_children if child.type == "heredoc_redirect"]
    bodies = [part for child in given for part in child.named_children if part.type == "heredoc_body"]
    if body is None or not bodies:
        return
    reader = body.named_children[-1] if body.type == "pipeline" else body
    inputs[reader.id] = _text(bodies[-1])
    if reader.type == "command" and _words(reader) == ("cat",):
        # The grammar hangs what `cat <<END | sh` pipes to on the redirection.
        piped = [part for child in given for part in child.named_children if part.type == "pipeline"]
        inputs.update({part.named_children[0].id: _text(bodies[-1]) for part in piped if part.named_children})


def _words(node: Any) -> tuple[str, ...]:
    """The words of a command, assignments and redirections left out."""
    words: list[str] = []
    for child in node.children:
        if child.type == "command_name":
            words.append(_program(child))
        elif child.type in _NO_WORDS:
            continue
        elif child.is_named:
            words.append(_value(child))
        elif child.type in _KEYWORDS:
            words.append(child.type)
    return tuple(words)


def _program(name: Any) -> str:
    value = _value(name.children[0]) if len(name.children) == 1 else UNKNOWN
    quoted = name.children and name.children[0].type in ("string", "raw_string")
    return UNKNOWN if _GLOB.search(value) and not quoted else value


def _value(node: Any) -> str:
    """A word as the shell makes it."""
    kind = node.type
    if kind in _LITERAL:
        return _unescaped(_text(node))
    if kind == "raw_string":
        return _text(node)[1:-1]
    if kind == "ansi_c_string":
        return _ansi(_text(node)[2:-1])
    if kind == "concatenation":
        value = "".join(map(_value, node.children))
        return UNKNOWN if _BRACES.search(value) else value
    if kind == "string":
        return _quoted(node)
    return UNKNOWN


def _quoted(node: Any) -> str:
    """The inside of double quotes."""
    parts: list[str] = []
    source, at = node.text, 1
    for child in node.named_children:
        if child.type != "string_content":
            start, end = child.start_byte - node.start_byte, child.end_byte - node.start_byte
            parts += [_plain(source[at:start]), UNKNOWN]
            at = end
    return "".join([*parts, _plain(source[at:-1])])


def _plain(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    return re.sub(r'\\([$`"\\\n])', lambda found: found[1].strip("\n"), text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: found[1].strip("\n"), text, flags=re.S)


def _ansi(text: str) -> str:
    """The inside of ``$'…'``."""
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape").replace(UNKNOWN, "")
    except ValueError:
        return UNKNOWN


def _text(node: Any) -> str:
    return str(node.text.decode("utf-8", "surrogateescape"))


@cache
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
