"""SWE-ReX's side of overhead.py: a command in its bash session, in process, without a container. Prints JSON.

Runs with the peers' Python: swe_rex_parts.py COMMANDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from swerex.runtime.abstract import BashAction, CreateBashSessionRequest
from swerex.runtime.local import LocalRuntime


async def measure(commands: int) -> dict[str, list[float]]:
    runtime = LocalRuntime()
    began = time.perf_counter()
    await runtime.create_session(CreateBashSessionRequest())
    opening = [(time.perf_counter() - began) * 1000]

    async def timed(command: str) -> float:
        start = time.perf_counter()
        await runtime.run_in_session(BashAction(command=command, timeout=60))
        return (time.perf_counter() - start) * 1000

    trivial = [await timed("true") for _ in range(commands)]
    flood = [await timed("head -c 2000000 /dev/zero | tr '\\0' x | fold -w 100") for _ in range(3)]
    await runtime.close()
    return {"open_ms": opening, "command_ms": trivial, "two_megabytes_ms": flood}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1])))))
