"""What happens in one function, block by block: the values before and after each execution of a block."""

import dis
from collections import deque
from typing import Any

from .blocks import Blocks
from .values import UNKNOWN, attribute, show

#: Executions of blocks that are kept: the first ones and the last ones.
KEPT = 5

_KEEPS_FRAME = 0x20 | 0x80 | 0x200  # generators, coroutines and asynchronous generators
_RETURNS = ("RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE", "YIELD_FROM", "RETURN_GENERATOR", "SEND", "RESUME")
_WAITS = bytes([dis.opmap["YIELD_FROM"]]) if "YIELD_FROM" in dis.opmap else None
_YIELDS = ("YIELD_VALUE", "YIELD_FROM", "SEND", "RESUME")


class Recorder:
    """Records the outermost call of a function that began last, with the calls that it makes of itself.

    Args:
        function: The function, as :class:`.sources.Function`.
        lines: The lines of its file.

    Attributes:
        calls: How many outermost calls there were.
    """

    def __init__(self, function: Any, lines: Any) -> None:
        self.function = function
        self.blocks = Blocks(function.node)
        self._lines = lines
        self._frames: Any = {}
        self.calls = 0
        self._reset()

    def _reset(self) -> None:
        self.active: Any = []
        self.nested = 0
        self.executions = 0
        self.executed: Any = set()
        self._first: Any = []
        self._last: Any = deque(maxlen=KEPT)
        self.outermost: Any = None

    def called(self, frame: Any) -> Any:
        """The local trace function of a frame of the function that begins or goes on."""
        call = self._frames.get(frame)
        if call is not None:
            return call.event
        if not self.active:
            self._reset()
            self.calls += 1
        self.nested += 1
        call = Call(self, frame, self.nested)
        self.outermost = self.outermost or call
        self.active.append(call)
        if frame.f_code.co_flags & _KEEPS_FRAME:
            self._frames[frame] = call
        return call.event

    def left(self, call: Any, frame: Any) -> None:
        """A call came to its end."""
        self.active.remove(call)
        self._frames.pop(frame, None)

    def add(self, execution: Any) -> None:
        """An execution of a block begins."""
        self.executions += 1
        execution["n"] = self.executions
        self.executed.add(execution["block"])
        if len(self._first) < KEPT:
            self._first.append(execution)
        else:
            self._last.append(execution)

    def finish(self, end: str) -> None:
        """Say how the calls ended of which no end was seen: they run still, or the tracing itself ran out of frames."""
        for call in self.active:
            call.finish(end)

    def report(self) -> Any:
        """Everything recorded, as JSON values."""
        blocks = [
            {"number": b.number, "first": b.first, "last": b.last, "source": self._lines[b.first - 1 : b.last]}
            for b in self.blocks.blocks
        ]
        # At the deadline the function runs on meanwhile: what is counted has to be what is shown.
        executions = self._first + list(self._last)
        return {
            "calls": self.calls,
            "nested": self.nested,
            "arguments": self.outermost.arguments if self.outermost else {},
            "end": self.outermost.end if self.outermost else "",
            "blocks": blocks,
            "never": [b["number"] for b in blocks if b["number"] not in self.executed],
            "total": executions[-1]["n"] if executions else 0,
            "executions": executions,
        }


class Call:
    """One call of the function.

    Attributes:
        arguments: Names and values as they were given.
        end: How it ended, in words; ``""`` while it runs.
    """

    def __init__(self, recorder: Recorder, frame: Any, number: int) -> None:
        self._recorder = recorder
        self._number = number
        self._unit: Any = None
        self._line = 0
        self._execution: Any = None
        self._error: Any = None
        self.arguments = _arguments(frame)
        self.end = ""

    def event(self, frame: Any, event: str, argument: Any) -> Any:
        """The local trace function."""
        if event == "line":
            self._error = None
            unit = self._recorder.blocks.units.get(frame.f_lineno)
            if unit is not None:
                self._reached(frame, unit)
            self._line = frame.f_lineno
        elif event == "exception":
            self._error = argument
        elif event == "return":
            self._left(frame, argument)
        return self.event

    def finish(self, end: str) -> None:
        """The call ended, or will never end, unseen."""
        self.end = end
        if self._execution is not None:
            self._execution["end"] = end

    def _reached(self, frame: Any, unit: Any) -> None:
        old = self._unit
        if old is not None:
            if self._line in unit.inside:
                return
            again = unit.order < old.order or (unit is old and unit.repeats and self._line == frame.f_lineno)
            if unit.block is old.block and not again:
                self._unit = unit
                return
        self._close(frame, "")
        self._unit = unit
        self._execution = {
            "block": unit.block.number,
            "call": self._number,
            "before": _values(frame, unit.block),
            "after": {},
            "end": "",
        }
        self._recorder.add(self._execution)

    def _left(self, frame: Any, value: Any) -> None:
        operation = _operation(frame)
        raised = self._error is not None and operation not in _RETURNS
        suspends = frame.f_code.co_flags & _KEEPS_FRAME and operation in _YIELDS and not raised
        word = "raised " if raised else "yielded " if suspends else "returned "
        end = word + show(self._error[1] if raised else value)
        self._close(frame, end)
        if suspends:
            self._unit = None
            return
        self.end = end
        self._recorder.left(self, frame)

    def _close(self, frame: Any, end: str) -> None:
        """Write down what the block that was being executed has changed."""
        done = self._execution
        if done is None:
            return
        now = _values(frame, self._unit.block)
        done["after"] = {name: t for name, t in now.items() if t not in (UNKNOWN, done["before"].get(name))}
        done["end"] = end
        self._execution = None


def _operation(frame: Any) -> str:
    """The name of the instruction that a frame is left by."""
    code, last = frame.f_code.co_code, frame.f_lasti
    if last < 0:
        return ""
    if code[last + 2 : last + 3] == _WAITS:  # until Python 3.10 it is found again by going on one before it
        return "YIELD_FROM"
    return str(dis.opname[code[last]])


def _arguments(frame: Any) -> Any:
    code = frame.f_code
    many = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    held = frame.f_locals
    return {name: show(held[name]) for name in code.co_varnames[:many] if name in held}


def _values(frame: Any, block: Any) -> Any:
    """The values of what a block mentions, as far as they exist."""
    held = frame.f_locals
    found = {name: show(held[name]) for name in sorted(block.names) if name in held}
    for base, name in sorted(block.attributes):
        if base in held:
            for value in attribute(held[base], name):
                found[base + "." + name] = show(value)
            if base != "self" and base not in found and not attribute(held[base], name):
                found[base] = show(held[base])  # a method of it is called: what it is counts
    return found
