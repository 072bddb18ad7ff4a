"""A trace as compact text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aci_tools.tracing.trace import Trace

_LINES = 12
_SUBJECT = 300
_MESSAGE = 600


def show_trace(trace: Trace) -> str:
    """The text of a trace: what failed, the call, then each recorded execution of a block with the values around it."""
    recorded = trace.recorded
    blocks = {block["number"]: block for block in recorded["blocks"]}
    lines = [_head(trace), _call(trace)]
    several = recorded["nested"] > 1
    missing = recorded["total"] - len(recorded["executions"])
    before = 0
    for execution in recorded["executions"]:
        if execution["n"] != before + 1:
            lines += ["", f"... {missing} more executions of blocks ..."]
        before = execution["n"]
        lines += ["", *_execution(execution, blocks[execution["block"]], several)]
    never = [_range(blocks[number]) for number in recorded["never"]]
    if never:
        lines += ["", f"Never executed in this call: {', '.join(never)}."]
    if trace.others:
        lines += ["", f"Also called, and can be traced as `function`: {', '.join(trace.others)}."]
    return "\n".join(lines)


def _head(trace: Trace) -> str:
    subject = "The call" if "\n" in trace.subject else textwrap.shorten(trace.subject, _SUBJECT, placeholder=" ...")
    if trace.ended == "deadline":
        return f"{subject} did not end before its deadline and was stopped."
    if trace.ended == "failed":
        return f"{subject} fails: {trace.message[:_MESSAGE]}"
    return f"{subject} gives {trace.result}" if trace.result else f"{subject} passes."


def _call(trace: Trace) -> str:
    recorded = trace.recorded
    end = recorded["end"] or "has not ended"
    arguments = ", ".join(_assigned(recorded["arguments"]))
    calls = recorded["calls"]
    which = "" if calls == 1 else f" (the last of {calls} calls)"
    nested = recorded["nested"] - 1
    inner = "" if not nested else f"; it called itself {nested} time{'s' if nested > 1 else ''}"
    return f"{trace.path}: {trace.function}({arguments}) {end}{which}{inner}."


def _execution(execution: Mapping[str, Any], block: Mapping[str, Any], several: bool) -> list[str]:
    title = f"[{execution['n']}] block {block['number']}, {_range(block)}"
    if several:
        title += f", call {execution['call']}"
    source = [f"{number:>5}  {text}" for number, text in enumerate(block["source"], block["first"])]
    if len(source) > _LINES:
        half = _LINES // 2
        source = [*source[:half], f"       ... {len(source) - 2 * half} more lines ...", *source[-half:]]
    before = ", ".join(_assigned(execution["before"]))
    after = [*_assigned(execution["after"]), *([execution["end"]] if execution["end"] else [])]
    return [title, *([f"  before: {before}"] if before else []), *source, f"  after: {', '.join(after) or 'unchanged'}"]


def _assigned(values: Mapping[str, str]) -> Iterable[str]:
    return [f"{name}={value}" for name, value in values.items()]


def _range(block: Mapping[str, Any]) -> str:
    first, last = block["first"], block["last"]
    return f"line {first}" if first == last else f"lines {first}-{last}"
