"""What candidates are compared by beyond their checks: the form of the change, and what the code does with inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aci_tools.examples import Example, Examples
from aci_tools.session import Session
from agent.strategies.base import Candidate
from agent.strategies.bench import Bench
from agent.strategies.designer import DesignedEvaluator
from agent.strategies.designer.cases import comparison
from agent.strategies.selection.forms import normal_form
from agent.strategies.selection.inputs import more_calls
from tasks.grading.patches import paths

_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_RAISED = re.compile(r"^([\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)): .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Look:
    """What a candidate is, and does.

    Attributes:
        form: Digest of the change (see :func:`normal_form`).
        outputs: What each generated call gives; of an exception its type only.
    """

    form: str
    outputs: tuple[str, ...] = ()


def look(bench: Bench, candidate: Candidate) -> Look:
    """Look at a candidate that holds a change; recorded as ``look/NAME``.

    Raises:
        SandboxError: The sandbox is lost for good.
    """
    given = inputs(bench)

    def compute() -> dict[str, Any]:
        with bench.at(candidate.patch) as session:
            form = normal_form({path: _read(session, path) for path in paths(candidate.patch)})
            # After reading, as code that is run may write.
            return {"form": form, "outputs": _outputs(session, given["before"], given["calls"])}

    found = bench.once(f"look/{candidate.name}", compute)
    return Look(found["form"], tuple(found["outputs"]))


def inputs(bench: Bench) -> dict[str, list[str]]:
    """Generated calls, and the statements to execute before them; recorded as ``inputs``.

    They are made from the examples of the issue and of the documentation, and from designed tests of a function.
    """

    def compute() -> dict[str, Any]:
        with bench.at() as session:
            before = [example.source for example in session.examples.examples]
        known = [*before, *_designed(bench)]
        return {"before": before, "calls": more_calls(known, bench.config.strategy.generated_inputs)}

    return bench.once("inputs", compute)


def _designed(bench: Bench) -> list[str]:
    suites = [evaluator.suite for evaluator in bench.evaluators if isinstance(evaluator, DesignedEvaluator)]
    compared = [comparison(test.source) for suite in suites if suite.form == "cases" for test in suite.tests]
    return [each.left for each in compared if each is not None]


def _outputs(session: Session, before: list[str], calls: list[str]) -> list[str]:
    if not calls:
        return []
    shown = Examples(tuple(Example(source, "") for source in [*before, *calls])).run(session.sandbox)
    return [_RAISED.sub(r"\1", _ADDRESS.sub("0x", output)) for output in (shown or ())[len(before) :]]


def _read(session: Session, path: str) -> bytes | None:
    try:
        return session.sandbox.read(f"{session.root}/{path}")
    except OSError:
        return None
