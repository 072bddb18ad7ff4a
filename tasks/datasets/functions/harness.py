"""Tests of one process each: a test that hangs, exits, crashes or eats the memory fails alone, and no other is lost.

The code of a solution is imported in these processes only. Its names are then the test's, as if the two were one
program, which is how the authors of these tests run them.
"""

import functools
from typing import Any


def judged(
    seconds: float, module: str = "solution", call: str = "", call_seconds: float = 0, reference: str = ""
) -> Any:
    """Give a test a process, a deadline, 4 GB of memory, and the names of the solution.

    Args:
        seconds: Deadline of the whole test.
        module: Name of the solution's module, ``""`` when it is a program that the test starts.
        call: Name of a function of the solution each call of which has a deadline of its own.
        call_seconds: That deadline; four times as long as the reference takes for the same call, if that is more.
        reference: Text of a program with a function of that name.
    """

    def decorate(test: Any) -> Any:
        @functools.wraps(test)
        def run(**arguments: Any) -> None:
            def limit(function: Any) -> Any:
                return _limited(function, call_seconds, call, reference)

            _run(functools.partial(_body, test, arguments, module, call, limit), seconds)

        return run

    return decorate


def _body(test: Any, arguments: Any, module: str, call: str, limit: Any) -> None:
    import importlib

    names = test.__globals__
    for name, value in vars(importlib.import_module(module)).items() if module else ():
        names.setdefault(name, value)
    if call:
        names[call] = limit(names[call])
    test(**arguments)


def _limited(function: Any, seconds: float, name: str, reference: str) -> Any:
    import copy
    import signal
    import time

    def limited(*args: Any) -> Any:
        given = copy.deepcopy(args)

        def late(*_: Any) -> None:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the next alarm ends the process
            names: Any = {}
            exec(reference, names)  # noqa: S102  the authors' own program
            start = time.monotonic()
            names[name](*given)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, 4 * (time.monotonic() - start) - seconds))

        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            return function(*args)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return limited


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
