"""Tests of one process each: a test that hangs, exits, crashes or eats the memory fails alone, and no other is lost.

The code of a solution is imported in these processes only. Its names are then the test's, as if the two were one
program, which is how the authors of these tests run them.
"""

import functools
from typing import Any


def judged(seconds: float, call: str = "", call_seconds: float = 0, module: str = "solution") -> Any:
    """Give a test a process, a deadline, 4 GB of memory, and the names of the solution.

    Args:
        seconds: Deadline of the whole test.
        call: Name of a function of the solution each call of which has a deadline of its own.
        call_seconds: That deadline, in seconds.
        module: Name of the solution's module, ``""`` when it is a program that the test starts.
    """

    def decorate(test: Any) -> Any:
        @functools.wraps(test)
        def run(**arguments: Any) -> None:
            _run(functools.partial(_body, test, arguments, module, call, call_seconds), seconds)

        return run

    return decorate


def _body(test: Any, arguments: Any, module: str, call: str, call_seconds: float) -> None:
    import importlib
    import signal

    names = test.__globals__
    for name, value in vars(importlib.import_module(module)).items() if module else ():
        names.setdefault(name, value)
    if call_seconds:
        function = names[call]

        def limited(*args: Any, **kwargs: Any) -> Any:
            signal.setitimer(signal.ITIMER_REAL, call_seconds)  # nobody handles it: the process ends
            try:
                return function(*args, **kwargs)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

        names[call] = limited
    test(**arguments)


def _run(body: Any, seconds: float) -> None:
    import contextlib
    import os
    import select
    import signal
    import time

    passed = os.urandom(16)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _child(body, writer, passed)
    os.close(writer)
    said, deadline = b"", time.monotonic() + seconds
    try:
        while select.select([reader], [], [], max(0, deadline - time.monotonic()))[0]:
            part = os.read(reader, 65536)
            if not part:
                break
            said += part
        else:
            raise AssertionError(f"no result after {seconds:g} seconds")
    finally:
        os.close(reader)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):  # it has no group yet, or has ended
                kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if said != passed:
        raise AssertionError(said.decode("utf-8", "replace") or f"the process ended with status {status}")


def _child(body: Any, writer: int, passed: bytes) -> None:
    import os
    import resource
    import signal
    import traceback

    said = b"the test did not end"
    try:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        memory = 4 << 30
        resource.setrlimit(resource.RLIMIT_AS, (memory if hard < 0 else min(memory, hard), hard))
        body()
        said = passed
    except BaseException:
        said = traceback.format_exc()[-4000:].encode("utf-8", "replace")
    finally:
        os.write(writer, said)
        os._exit(0)
