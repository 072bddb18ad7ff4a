"""What shell commands do, as far as their text tells: run tests, write files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: A runner of tests where a command begins, variables, a time limit and an interpreter before it aside.
_RUNNERS = re.compile(
    r"""(?:^|[;&|(\n])\s*
        (?:\w+=\S*\s+|timeout\s+\S+\s+|(?:uv|poetry)\s+run\s+)*
        (?:\S*python[\d.]*\s+(?:-\S+\s+(?:ignore\s+)?)*)?
        (?:\S*/)?(?:
            pytest|py\.test|unittest|tox|nosetests|runtests\.py|manage\.py\s+test|bin/test
            |(?:cargo|go|npm|yarn)\s+(?:run\s+)?test
        )(?=[\s;&|)]|$)""",
    re.VERBOSE,
)


_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1(.*?)^\s*\2\s*$", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_WRITES = re.compile(
    r"(?:^|[\s;&|])(?:sed\s+(?:-\S+\s+)*-\w*i|tee\s+(?!/dev/)|git\s+apply\b|patch\s+-|(?:mv|cp|rm|git\s+mv|git\s+rm)\s)"
    r"|(?:^|\s)>>?\s*(?!/dev/|/tmp/)[\w./~$]"
)
_SCRIPT_WRITES = re.compile(r"\.write_text\(|open\([^)\n]*,\s*['\"][wa]\+?['\"]|\.writelines?\(")


def command_of(arguments: Mapping[str, Any]) -> str:
    """The shell text among the arguments of an action; ``""`` if there is none."""
    for name in ("command", "cmd"):
        if isinstance(value := arguments.get(name), str):
            return value
    return ""


def runs_tests(command: str) -> bool:
    """Whether it starts a well-known runner of tests: pytest, unittest, tox, Django's, SymPy's, cargo, go, npm."""
    return bool(_RUNNERS.search(command))


def writes_files(command: str) -> bool:
    """Whether it seems to write files other than temporary ones: a redirection, ``sed -i``, a script that opens one."""
    bare = _QUOTED.sub("''", _HEREDOC.sub(" ", command))
    return bool(_WRITES.search(bare) or _SCRIPT_WRITES.search(command))
