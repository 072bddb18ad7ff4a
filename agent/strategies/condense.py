"""The short-term memory of Reflexion: a trial's trajectory, short enough to be read by the model that made it.

Every action is a line with what came of it; of the last telling failures the wording stays too. What is left out is
said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from aci_tools.tools.base import COMMAND_FAILED, INEFFECTIVE, TESTS_FAILED, TIMEOUT
from trajectories.events import ActionTaken, AttemptEnded, Event, Message, Observed

#: Characters of one value of an action, of a thought, of what came of it.
_VALUE, _THOUGHT, _OUTCOME = 80, 160, 200
#: Failures whose wording stays, and the share of the room that they may have together.
_FAILURES, _FAILURES_SHARE = 2, 0.4
#: Failures that tell something about the code, rather than about how an action was written.
_TELLING = frozenset({COMMAND_FAILED, INEFFECTIVE, TESTS_FAILED, TIMEOUT})


@dataclass(frozen=True, slots=True)
class _Line:
    """One action.

    Attributes:
        step: The step that it belongs to.
        said: The action and what came of it.
        tried: Of a failure, the whole action.
        led_to: Of a failure, the whole observation.
        telling: Whether the failure says something about the code.
    """

    step: int
    said: str
    tried: str = ""
    led_to: str = ""
    telling: bool = False


def condense(events: Iterable[Event], most: int = 4000) -> str:
    """What a trial did, as text.

    Args:
        events: Those of its trajectory.
        most: Characters, at most.
    """
    lines, ended = _lines(events)
    ending = _ending(ended)
    failures = _worth_reading(lines)
    room = int(most * _FAILURES_SHARE) // len(failures) if failures else 0
    wordings = [_in_full(line, room - 2) for line in failures]
    left = most - len(ending) - sum(len(wording) + 2 for wording in wordings) - 2
    told = _fitting([f"{line.step}. {line.said}" for line in _told_once(lines)], left)
    return "\n\n".join(["\n".join([*told, ending]), *wordings])[:most]


def one_line(text: str, most: int) -> str:
    """A text on one line, cut to a number of characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _lines(events: Iterable[Event]) -> tuple[list[_Line], AttemptEnded | None]:
    lines: list[_Line] = []
    action: ActionTaken | None = None
    ended: AttemptEnded | None = None
    for event in events:
        if isinstance(event, ActionTaken):
            action = event
        elif isinstance(event, Observed) and action is not None:
            lines.append(_acted(action, event))
            action = None
        elif isinstance(event, Message) and event.purpose == "correction":
            lines.append(_Line(event.step, f"a malformed action: {one_line(_first(event.content), _OUTCOME)}"))
        elif isinstance(event, AttemptEnded):
            ended = event
    return lines, ended


def _acted(action: ActionTaken, observed: Observed) -> _Line:
    arguments = {name: str(value) for name, value in action.call.arguments.items() if value not in ("", None)}
    first, last = _first(observed.text), _last(observed.text)
    outcome = one_line(first, _OUTCOME)
    # The last line is the verdict where something failed or changed, elsewhere one line of many.
    if last != first and (observed.changed or not observed.ok):
        outcome = f"{outcome} … {one_line(last, _OUTCOME)}"
    thought = f'"{one_line(action.thought, _THOUGHT)}" ' if action.thought.strip() else ""
    line = _Line(action.step, f"{thought}{_call(action.call.name, arguments)} -> {outcome}")
    if observed.ok:
        return line
    long = {name: value.strip("\n") for name, value in arguments.items() if "\n" in value.strip("\n")}
    short = {name: value for name, value in arguments.items() if name not in long}
    tried = "\n".join([_call(action.call.name, short), *long.values()])
    return replace(line, tried=tried, led_to=observed.text.strip(), telling=observed.code in _TELLING)


def _call(name: str, arguments: dict[str, str]) -> str:
    return f"{name}({', '.join(f'{key}={one_line(value, _VALUE)}' for key, value in arguments.items())})"


def _in_full(line: _Line, room: int) -> str:
    head, between = f"Step {line.step} in full:\n", "\nled to:\n"
    room = max(0, room - len(head) - len(between))
    tried = _middle_out(line.tried, max(room // 2, room - len(line.led_to)))
    return f"{head}{tried}{between}{_middle_out(line.led_to, room - len(tried))}"


def _worth_reading(lines: list[_Line]) -> list[_Line]:
    """The last failures, each once, those that tell something about the code before others; in their order."""
    latest = {(line.tried, line.led_to): line for line in lines if line.led_to}
    chosen = sorted(latest.values(), key=lambda line: (line.telling, line.step))[-_FAILURES:]
    return sorted(chosen, key=lambda line: line.step)


def _told_once(lines: list[_Line]) -> list[_Line]:
    """An action with the same result as before is named by the step that it repeats."""
    seen: dict[str, int] = {}
    told = []
    for line in lines:
        first = seen.setdefault(line.said, line.step)
        told.append(
            line if first == line.step else replace(line, said=f"the same as step {first}, with the same result")
        )
    return told


def _fitting(lines: list[str], room: int) -> list[str]:
    """The lines that fit, the latest preferred; the first one stays, because the others follow from it."""
    if sum(len(line) + 1 for line in lines) <= room or len(lines) < 2:
        return lines
    head, *rest = lines
    room -= len(head) + 40
    kept: list[str] = []
    for line in reversed(rest):
        room -= len(line) + 1
        if room < 0:
            break
        kept.insert(0, line)
    return [head, f"[{len(rest) - len(kept)} actions left out]", *kept]


def _middle_out(text: str, most: int) -> str:
    """The beginning and the end of a text."""
    if len(text) <= most:
        return text
    half = max(0, most - 5) // 2
    return f"{text[:half]}\n[…]\n{text[len(text) - half :]}" if half else ""


def _ending(ended: AttemptEnded | None) -> str:
    if ended is None:
        return "Then it was cut off."
    detail = f" ({ended.detail})" if ended.detail else ""
    return f"It ended after {ended.steps} steps: {ended.status.replace('_', ' ')}{detail}."


def _first(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "no output")


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no output")
