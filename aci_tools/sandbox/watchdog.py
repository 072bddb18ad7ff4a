"""Something that outlives this program by a moment: it removes the sandboxes that a killed program could not.

A shell waits for its standard input to end, which the operating system closes with the program in whatever way that
ends. A program that ends by itself says so before; then there is nothing to do. What is killed along with the program
(a whole control group, the machine) is removed by the next program, by ``agent cleanup``, or by its deadline.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

from aci_tools.sandbox.owner import Owner, this_process

_WAITS = 'read -r word; [ "$word" = ended ] || exec "$@"'
_ROOT = str(Path(__file__).resolve().parents[2])
_PATIENCE = 10.0  # seconds


@cache
def watch() -> None:
    """Have what this process opens removed when it is killed."""
    shell = subprocess.Popen(
        ["sh", "-c", _WAITS, "sh", sys.executable, "-m", __name__, str(this_process())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH")]))},
        start_new_session=True,  # a terminal that goes away, or Ctrl-C in it, is for the program
    )
    us = os.getpid()

    def ended() -> None:
        if os.getpid() == us:
            shell.communicate(b"ended\n")

    atexit.register(ended)


def main(owner: str) -> None:
    """Remove what a dead process left, and what others did.

    Args:
        owner: The process, as ``str`` of :class:`Owner` writes it; its files close a moment before it is dead.
    """
    from aci_tools.sandbox import reap

    process = Owner.parse(owner)
    deadline = time.monotonic() + _PATIENCE
    while process is not None and not process.dead and time.monotonic() < deadline:
        time.sleep(0.05)
    reap()


if __name__ == "__main__":
    main(sys.argv[1])
