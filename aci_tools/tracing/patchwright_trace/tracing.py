"""Watching one test: what it calls of the project, where it fails, and the blocks of one function."""

import json
import linecache
import os
import sys
import threading
from typing import Any

from .recorder import Recorder
from .sources import TEST, Sources
from .values import cut, show

_MOST_CALLED = 200
_MOST_FRAMES = 60
_LONGEST_MESSAGE = 600
#: What comparing, showing and making objects calls; a test that fails seldom fails for these.
_INCIDENTAL = ("__init__", "__new__", "__repr__", "__str__", "__eq__", "__hash__", "__len__", "__bool__", "__del__")


class Tracing:
    """Watches the tests of a process until the first one fails.

    Args:
        path: Where the report is written.
        root: The repository's directory.
        deadline: Seconds for one test; after that the report is written and the process ends.
        function: ``[path, qualified name]`` of the function whose blocks are recorded, or ``None``.
    """

    def __init__(self, path: str, root: str, deadline: float, function: Any) -> None:
        self._path = path
        self._deadline = deadline
        self._function = function
        self._sources = Sources(root)
        self._pid = os.getpid()
        self._finished = False
        self._reset("")

    def _reset(self, subject: str) -> None:
        self._subject = subject
        self._called: Any = {}
        self._entered: Any = None
        self._recorder: Any = None
        self._codes: Any = {}
        self._over: Any = threading.Event()

    def begin(self, subject: str) -> None:
        """A test begins, in this thread."""
        if self._finished or os.getpid() != self._pid:
            return
        self._reset(subject)
        watch = threading.Thread(target=self._watch, args=(self._over, threading.get_ident()))
        watch.daemon = True
        watch.start()
        threading.settrace(self._event)
        sys.settrace(self._event)

    def end(self, error: Any = None, result: str = "") -> Any:
        """The test ended; with an exception, it failed, and the tests after it are not watched.

        Args:
            error: The exception.
            result: What a statement gave, as text.

        Returns:
            Whether no further tests have to run.
        """
        if self._finished or self._over.is_set() or os.getpid() != self._pid:
            return self._finished
        sys.settrace(None)
        threading.settrace(None)
        self._over.set()
        failure = None
        if error is not None:
            self._finished = True
            if self._recorder is not None:
                self._recorder.finish("raised " + type(error).__name__)
            failure = {
                "type": type(error).__name__,
                "message": cut(_said(error), _LONGEST_MESSAGE),
                "stack": self._stack(_of_traceback(error.__traceback__)),
            }
        self._write("failed" if error is not None else "passed", failure, result)
        return self._finished

    def _watch(self, over: Any, thread: int) -> None:
        """End the process at the deadline, whatever it is doing."""
        if over.wait(self._deadline) or os.getpid() != self._pid:
            return
        frame = sys._current_frames().get(thread)
        if self._recorder is not None:
            self._recorder.finish("was still running")
        self._write("deadline", {"type": "", "message": "", "stack": self._stack(_of_frame(frame))}, "")
        os._exit(3)

    def _event(self, frame: Any, event: str, argument: Any) -> Any:
        """The global trace function: a call begins."""
        code = frame.f_code
        if self._sources.kind(code.co_filename) == 0:
            return None
        key = (code.co_filename, code.co_firstlineno, code.co_name)
        known = self._codes.get(key)
        if known is None:
            known = self._codes[key] = self._known(code)
        function, traced = known
        if function is None:
            return None
        self._count(function, frame)
        return traced.called(frame) if traced is not None else None

    def _known(self, code: Any) -> Any:
        """The function of a code object, and the recorder if that is to be recorded."""
        function = next(
            (
                f
                for f in self._sources.functions(code.co_filename)
                if f.node.name == code.co_name and code.co_firstlineno in (f.first, f.node.lineno)
            ),
            None,
        )
        if function is None or [function.path, function.name] != self._function:
            return function, None
        if self._recorder is None:
            lines = [line.rstrip("\r\n") for line in linecache.getlines(code.co_filename)]
            self._recorder = Recorder(function, lines)
        return function, self._recorder

    def _count(self, function: Any, frame: Any) -> None:
        key = (function.path, function.name)
        test = self._sources.kind(frame.f_code.co_filename) == TEST
        if len(self._called) < _MOST_CALLED:
            self._called.setdefault(key, test)
        if not test and (self._entered is None or function.node.name not in _INCIDENTAL):
            caller = frame.f_back
            while caller is not None and not self._sources.kind(caller.f_code.co_filename):
                caller = caller.f_back
            if caller is None or self._sources.kind(caller.f_code.co_filename) == TEST:
                self._entered = key

    def _stack(self, frames: Any) -> Any:
        """The frames that are of the repository, the outermost first, with the function that each is in."""
        stack = []
        for filename, line in frames:
            kind = self._sources.kind(filename)
            if kind:
                function = self._sources.around(filename, line)
                stack.append(
                    {
                        "path": self._sources.path(filename),
                        "line": line,
                        "source": linecache.getline(filename, line).strip()[:200],
                        "function": function.name if function else "",
                        "test": kind == TEST,
                    }
                )
        return stack[-_MOST_FRAMES:]

    def _write(self, ended: str, failure: Any, result: str) -> None:
        report = {
            "subject": self._subject,
            "ended": ended,
            "failure": failure,
            "result": result,
            "entered": self._entered,
            "called": [[path, name, test] for (path, name), test in list(self._called.items())],
            "trace": self._recorder.report() if self._recorder is not None else None,
        }
        with open(self._path + ".new", "w") as file:
            json.dump(report, file)
        os.replace(self._path + ".new", self._path)


def _said(error: Any) -> str:
    try:
        return str(error)
    except Exception:
        return show(error)


def _of_traceback(traceback: Any) -> Any:
    frames = []
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def _of_frame(frame: Any) -> Any:
    frames = []
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return frames[::-1]


def from_environment() -> Any:
    """The tracing that the environment asks for; ``None`` when it asks for none.

    It stops asking, so that a test that starts a Python of its own starts a plain one.
    """
    asked = os.environ.pop("PATCHWRIGHT_TRACE", "")
    if not asked:
        return None
    wanted = json.loads(asked)
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.path.join(here, "trace.json")
    return Tracing(path, wanted["root"], wanted["deadline"], wanted["function"]), wanted
