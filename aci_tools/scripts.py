"""Small Python programs of ours that run in a sandbox and say what they found as JSON."""

from __future__ import annotations

import json
import secrets
import shlex
from typing import Any

from aci_tools.sandbox.base import CommandResult, Sandbox


def run_script(sandbox: Sandbox, script: str, *given: object, timeout: float) -> tuple[Any, CommandResult]:
    """Run a program by the sandbox's Python, in its working directory.

    Args:
        sandbox: Where.
        script: The program. Its arguments are what it is given, as JSON each, and last a mark; at its end it prints the
            mark, and behind it JSON.
        given: What it is given.
        timeout: Seconds.

    Returns:
        What it said, ``None`` where it did not come to its end; and how the command ended.
    """
    mark = secrets.token_hex(8)
    arguments = shlex.join([script, *map(json.dumps, given), mark])
    command = f'p=$(command -v python || command -v python3) && "$p" -B -c {arguments}'
    done = sandbox.run(command, cwd=sandbox.workdir, timeout=timeout, output_limit=64 << 20)
    _, found, said = done.text.rpartition(mark)
    try:
        # The program's own code may print at its end too.
        return (json.loads(said.partition("\n")[0]) if found else None), done
    except ValueError:
        return None, done
