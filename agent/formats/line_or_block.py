"""The least that a small model can write to change code: one line as it is and as it must be; else a block of code.

A line costs some twenty tokens where a function costs hundreds, so that many more can be tried, several in one reply; a
grammar binds the line to those that were shown, and what it must be to something else than it is. Where one line is not
enough, a block of code holds the new versions of whole functions.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agent.formats.base import FormatError, ParsedReply, ShownLine, Tools, Tried
from agent.formats.code_block import CodeBlock, built
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied

_LINE = re.compile(
    r"^(?P<path>\S[^\n]*?), line (?P<line>\d+) is:\n```\w*\n(?P<old>[^\n]*)\n```\n"
    r"(?:It )?must be:\n```\w*\n(?P<new>.*?)\n?```",
    re.MULTILINE | re.DOTALL,
)
_OTHER = re.compile(r"\s*Or else:\n```\w*\n(?P<new>.*?)\n?```", re.DOTALL)
_TOOL = "replace_line"
#: The end of a correction, which may be more than one line. Between fences it writes code and no explanations.
_MORE = r"""rest ::= [^`\n]*
more ::= "\n" ([^`\n]* "\n"){0,5} "```\n"
"""
#: What comes before a definition (what it imports it imports inside), and what is in it.
_LINES_OF_BLOCK = r"""before ::= "@" [^`\n]+ "\n"
line ::= ([^`\n] [^\n]*)? "\n"
"""
_HEAD = re.compile(r"\s*(async +)?(def|class) +\w+\s*[(:\[]")
#: What a line is corrected to in one reply, the most probable first.
_ALTERNATIVES = 3
#: Lines to be tried before a block, and before the next one if the last was a copy of what is there.
_LINES, _AFTER_COPY = 1, 3
#: Lines tried last that are not offered, as far as there are others.
_LAST = 5
_RULES = """\
Answer like this:
FILE, line NUMBER is:
```python
the line as it is
```
It must be:
```python
the line as it must be
```
Or else:
```python
what else it may have to be
```
Or answer with the whole corrected function in one block of code.
"""
_FORM = "Write a line as it is and as it must be, or the whole corrected function in one block of code."


def _turns(tried: Sequence[Tried]) -> list[Tried]:
    """One call of every reply."""
    return list({each.step: each for each in tried}.values())


def _corrected(name: str, line: ShownLine) -> str:
    """A grammar's rules for a line as it is, and what it may have to be.

    Args:
        name: Of the rule.
        line: The line.
    """
    text = line.text.strip()
    there = json.dumps(f"{line.path}, line {line.number} is:\n```python\n{text}\n```\n", ensure_ascii=False)
    ways = [r'"It must be:\n```python\n"', *[r'"Or else:\n```python\n"'] * (_ALTERNATIVES - 1)]
    corrections = " ".join(f"{way} {name}-0 more" for way in ways)
    return f"{name} ::= {there} {corrections}\n{_other_than(name, text)}"


def _other_than(name: str, text: str) -> str:
    """A grammar's rules for a line that is not this one, nor this one with a comment: a rule a character.

    Args:
        name: Of the rules, to which the number of a character is added.
        text: The line, without white space around it.
    """
    rules = []
    for place, character in enumerate(text):
        others = _in_class(character + (" #" if place == 0 else ""))
        may_end = "?" if place else ""
        same = json.dumps(character, ensure_ascii=False)
        rules.append(f"{name}-{place} ::= ([^`\\n{others}] rest | {same} {name}-{place + 1}){may_end}\n")
    return "".join(rules) + f'{name}-{len(text)} ::= " "? [^ #`\\n] rest\n'


def _in_class(characters: str) -> str:
    return "".join(f"\\x{ord(each):02X}" if each in "\\[]^-" else each for each in characters)


def _block(shown: Sequence[ShownLine]) -> str:
    """A grammar of one block of code that defines something shown, where a definition is."""
    heads = dict.fromkeys(found[0].strip() for line in shown if (found := _HEAD.match(line.text)))
    begin = " | ".join(json.dumps(head, ensure_ascii=False) for head in heads)
    head = f"before{{0,3}} ({begin}) [^`\\n]* " + r'"\n" ' if heads else ""
    return f'root ::= "```python\\n" {head}line+ "```"\n{_LINES_OF_BLOCK}'


def _block_is_due(tried: Sequence[Tried]) -> bool:
    tried = _turns(tried)
    since = next((n for n, each in enumerate(reversed(tried)) if each.call.name != _TOOL), None)
    if since is None:
        return len(tried) >= _LINES
    return since >= (_AFTER_COPY if tried[-1 - since].futile else _LINES)


class LineOrBlock:
    """``PATH, line N is:``, ``It must be:``, each with a block of code that is the line; or one block of code.

    The block is that of :class:`~agent.formats.code_block.CodeBlock`.
    """

    name = "line_or_block"

    def __init__(self) -> None:
        self._block = CodeBlock()

    def instructions(self, tools: Tools) -> str:
        """The form of a reply."""
        return _RULES

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """None: everything is text."""
        return None

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """One of the lines shown and its correction, or a block of code, in turn; fewer blocks where they are copies.

        Left to itself a small model writes a block always, and the lines that it wrote before again. So the lines that
        were tried last are left out, those that were tried twice, and heads without a default value, to which it adds
        annotations; suspects come first, each once.
        """
        lines = [each.call for each in _turns(tried) if each.call.name == _TOOL]
        order = [(call.arguments["path"], call.arguments["line"]) for call in lines]
        times = Counter(order)
        active = [line for line in shown if line.text.strip() and not line.idle]
        code = [line for line in active if "=" in line.text or not _HEAD.match(line.text)]
        allowed = [line for line in code if times[line.path, line.number] < 2]
        fresh = ([line for line in allowed if (line.path, line.number) not in order[-n:]] for n in (_LAST, 1))
        left = next(filter(None, fresh), [])
        suspects = [line for line in left if line.suspect and not times[line.path, line.number]]
        offered = suspects or left
        if not offered or _block_is_due(tried):
            return _block(shown)
        names = [f"line{number}" for number in range(len(offered))]
        return f"root ::= {' | '.join(names)}\n{_MORE}{''.join(map(_corrected, names, offered))}"

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """The line, where there is one; else the block.

        Raises:
            FormatError: There is neither.
        """
        found = _LINE.search(reply.content)
        if found is None:
            try:
                return self._block.parse(reply, tools)
            except FormatError as error:
                raise FormatError(error.code, f"{error.text.split('. ')[0].rstrip('.')}. {_FORM}") from None
        place = {"path": found["path"], "line": int(found["line"]), "old": found["old"]}
        written = [found["new"], *(other["new"] for other in _OTHER.finditer(reply.content, found.end()))]
        calls = [
            built(Call(name=_TOOL, arguments={**place, "new": new}), tools)
            for new in dict.fromkeys(new.rstrip() for new in written)
        ]
        return ParsedReply(reply.content[: found.start()].strip(), calls, alternatives=True)

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """The text as it was."""
        return {"role": "assistant", "content": reply.content}

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """A user message."""
        return {"role": "user", "content": text}
