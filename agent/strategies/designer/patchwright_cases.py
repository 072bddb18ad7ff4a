"""Runs assertions, each in a process of its own, and prints how they ended as one line of JSON.

It is sent into the sandbox and runs under the project's own Python, so it imports nothing but the standard library and
keeps to the syntax of Python 3.6. Arguments: JSON of what to run, and a token that marks the line.
"""

import importlib
import itertools
import json
import math
import os
import resource
import select
import signal
import sys
import time
import traceback
from typing import Any

CASE = "<case>"
LONGEST = 200


def short(value: Any) -> str:
    """A value as text, cut."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} without a representation: {error}>"
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"


def listed(value: Any) -> Any:
    """A list for a generator, which nobody compares with a list on purpose."""
    return list(itertools.islice(value, 100000)) if type(value).__name__ == "generator" else value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal: floating-point numbers nearly, lists and tuples alike."""
    if type(left) is float or type(right) is float:
        try:
            return left == right or math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)
        except TypeError:
            return False
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right))  # noqa: B905
    return bool(left == right)


def judge(case: Any, module: str) -> Any:
    """How a case ends: ``ended`` is passed, failed, raised, or import; ``own`` whether its own line raised."""
    try:
        scope = dict(vars(importlib.import_module(module)))
    except BaseException as error:
        return {"ended": "import", "message": described(error)}
    scope["__name__"] = "__main__"
    try:
        exec(compile(case["setup"], CASE, "exec"), scope)  # noqa: S102
        if not case["left"]:
            exec(compile(case["source"], CASE, "exec"), scope)  # noqa: S102
            return {"ended": "passed"}
        left = listed(eval(compile(case["left"], CASE, "eval"), scope))  # noqa: S307
        right = listed(eval(compile(case["right"], CASE, "eval"), scope))  # noqa: S307
        if same(left, right):
            return {"ended": "passed"}
        return {"ended": "failed", "message": f"gives {short(left)}, should give {short(right)}"}
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        # What raises in the comparison compares what cannot be compared, such as an array with a list.
        own = bool(frames) and frames[-1][0] in (CASE, judge.__code__.co_filename)
        if own and isinstance(error, AssertionError):
            return {"ended": "failed", "message": "is not so"}
        return {"ended": "raised", "message": "raises " + described(error), "own": own, "type": type(error).__name__}


def described(error: BaseException) -> str:
    """An exception on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")[:LONGEST]


def apart(case: Any, module: str, seconds: float) -> Any:
    """How a case ends in a child of this process, which is killed when its time is over."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        try:
            os.write(writable, json.dumps(judge(case, module)).encode())
        finally:
            os._exit(0)
    os.close(writable)
    said, until = b"", time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([readable], [], [], max(0.0, until - time.monotonic()))
        part = os.read(readable, 65536) if ready else b""
        said += part
        if not part:
            break
    try:
        os.killpg(child, signal.SIGKILL)
    except OSError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(readable)
    if said:
        return json.loads(said.decode())
    late = time.monotonic() >= until
    return {"ended": "raised", "message": f"gives no result within {seconds:g} s" if late else "ends the interpreter"}


def main() -> None:
    """Run what is asked for."""
    wanted = json.loads(sys.argv[1])
    sys.path[0] = ""
    ended = [apart(case, wanted["module"], wanted["seconds"]) for case in wanted["cases"]]
    print("\n" + sys.argv[2] + json.dumps(ended))


if __name__ == "__main__":
    main()
