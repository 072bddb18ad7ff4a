"""Runs statements under tracing: ``python -m patchwright_trace``, the statements in the environment."""

import ast
import itertools
import sys
import types
from typing import Any

from .sources import CALL
from .tracing import from_environment
from .values import show

_MOST_YIELDED = 1000


def main() -> None:
    """Run them as a program of their own; the value of the last one, when it is an expression, is the result.

    Of a generator, the result is the list of what it yields.
    """
    tracing, asked = from_environment()
    scope: Any = {"__name__": "__main__"}
    result = ""
    try:
        tree = ast.parse(asked["call"], CALL)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        statements = compile(tree, CALL, "exec")
        value = compile(ast.Expression(last.value), CALL, "eval") if isinstance(last, ast.Expr) else None
    except (SyntaxError, ValueError) as error:
        tracing.begin(CALL)
        tracing.end(error)
        return
    sys.argv[:] = [""]
    tracing.begin(CALL)
    try:
        exec(statements, scope)  # noqa: S102
        if value is not None:
            given = eval(value, scope)  # noqa: S307
            if isinstance(given, types.GeneratorType):  # nothing of it has run yet
                given = list(itertools.islice(given, _MOST_YIELDED))
            result = show(given)
    except BaseException as error:
        tracing.end(error)
    else:
        tracing.end(result=result)


if __name__ == "__main__":
    main()
