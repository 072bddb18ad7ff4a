"""Values as short texts, the same in every run, whatever the objects do when they are asked."""

import re
import sys
from typing import Any

#: Characters of one value.
LONGEST = 100
#: A value that could not be looked at.
UNKNOWN = "?"

_HEAD, _TAIL = 16, 4
_DEPTH = 4
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_BRACKETS = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})")}


def show(value: Any) -> str:
    """A value as text of at most :data:`LONGEST` characters; long ones lose their middle."""
    try:
        text = _text(value, _DEPTH)
    except RecursionError:
        if _deep():  # the program itself runs out of frames, and has to be told so: older Pythons abort otherwise
            raise
        return UNKNOWN
    except Exception as error:
        text = f"<{type(value).__name__}; its repr raises {type(error).__name__}>"
    return cut(_ADDRESS.sub("", text).replace("\n", "\\n"))


def _deep() -> bool:
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1  # type: ignore[assignment]
    return depth > sys.getrecursionlimit() * 3 // 5


def cut(text: str, longest: int = LONGEST) -> str:
    """Leave out the middle of a text that is too long."""
    if len(text) <= longest:
        return text
    tail = longest // 3
    return text[: longest - tail - 3] + "..." + text[-tail:]


def attribute(value: Any, name: str) -> Any:
    """The value of an attribute as a tuple of one, found without running code of the object; ``()``: there is none."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return ()
    return (held[name],) if type(held) is dict and name in held else ()


def _text(value: Any, depth: int) -> str:
    kind: Any = type(value)
    if kind is int and value.bit_length() > 2000:
        return f"<int of {value.bit_length()} bits>"
    if kind in (str, bytes) and len(value) > 2 * LONGEST:
        return repr(value[:LONGEST])[:-1] + "..." + repr(value[-LONGEST:])[1:]
    if kind in _BRACKETS or kind is dict:
        return _container(value, kind, depth) if depth else "..."
    if kind.__repr__ is object.__repr__:
        held = getattr(value, "__dict__", None)
        if type(held) is not dict or not depth:
            return f"<{kind.__name__}>"
        shown = [f"{name}={_text(held[name], 1)}" for name in list(held)[:8]]
        more = ", ..." if len(held) > 8 else ""
        return f"{kind.__name__}({', '.join(shown)}{more})"
    return repr(value)


def _container(value: Any, kind: Any, depth: int) -> str:
    size = len(value)
    if kind is dict:
        items = list(value.items())
        shown = [f"{_text(k, depth - 1)}: {_text(v, depth - 1)}" for k, v in _ends(items)]
        opening, closing = "{", "}"
    else:
        items = _sorted(value) if kind in (set, frozenset) else value
        shown = [_text(item, depth - 1) for item in _ends(items)]
        opening, closing = _BRACKETS[kind]
    if size > _HEAD + _TAIL:
        shown.insert(_HEAD, f"<{size - _HEAD - _TAIL} more>")
    if kind is tuple and size == 1:
        closing = ",)"
    if kind in (set, frozenset) and not size:
        return repr(value)
    return opening + ", ".join(shown) + closing


def _ends(items: Any) -> Any:
    return list(items) if len(items) <= _HEAD + _TAIL else list(items[:_HEAD]) + list(items[-_TAIL:])


def _sorted(items: Any) -> Any:
    try:
        return sorted(items)
    except Exception:
        return sorted(items, key=repr) if len(items) < 1000 else list(items)
