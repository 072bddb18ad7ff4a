"""What the tests of EvalPlus need: numpy's place taken, and their deadlines."""

from __future__ import annotations

import re

from tasks.datasets.functions.hidden import HiddenTest, program_test, whole

#: Deadlines of EvalPlus: for one input, unless the reference takes more than a second, and for all of them.
_CALL_SECONDS = 4.0
_SECONDS = 60.0
_IMPORT = re.compile(r"^import numpy as np$", re.MULTILINE)
_USE = re.compile(r"\bnp\.(\w+)")
_KNOWN = {"allclose", "float32", "float64", "ndarray"}
_NUMPY = '''\
class np:
    """As much of numpy as these tests use, so that it need not be installed."""

    ndarray = ()  # nothing is an instance of it
    float32 = float64 = float

    @classmethod
    def allclose(cls, out, exp, rtol, atol):
        """Whether numbers, or sequences of them, are as close as numpy wants them to be."""
        if isinstance(out, (list, tuple)) and isinstance(exp, (list, tuple)):
            return len(out) == len(exp) and all(cls.allclose(a, b, rtol, atol) for a, b in zip(out, exp))
        if isinstance(exp, (list, tuple)):
            return all(cls.allclose(out, b, rtol, atol) for b in exp)
        if isinstance(out, (list, tuple)):
            return all(cls.allclose(a, exp, rtol, atol) for a in out)
        return bool(out == exp or abs(out - exp) <= atol + rtol * abs(exp))
'''


def plus_test(program: str, call: str, reference: str) -> HiddenTest:
    """The test of a problem with EvalPlus's deadlines and without numpy.

    Args:
        program: The authors' test.
        call: Name of the function that is tested.
        reference: Text of a program with that function, which the deadline of a call depends on.

    Raises:
        ValueError: The program is not Python, or it uses more of numpy than is known here.
    """
    unknown = set(_USE.findall(program)) - _KNOWN
    if unknown:
        raise ValueError(f"test: uses numpy's {', '.join(sorted(unknown))}, which is not supported")
    program = _IMPORT.sub(_NUMPY.replace("\\", r"\\"), program, count=1)
    limits = f", call={call!r}, call_seconds={_CALL_SECONDS}, reference={whole(reference)!r}"
    return program_test(program, _SECONDS, limits)
