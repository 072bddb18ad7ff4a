"""Size and speed of trajectories: ours, mini-swe-agent's and SWE-agent's of the same attempts, on the same machine.

Run: python benchmarks/recording.py [--steps 100 1000] [--swe-agent CLONE] [--json FILE]. Linux only. Needs the
package index for the peers, which go into a virtual environment of their own (benchmarks/peers/).

An attempt is made up by a seeded generator: a thought, a command and an observation of about 5 KB a step, a patch after
every fifth. Each program records it with its own code: ours event by event, mini-swe-agent and SWE-agent by writing the
whole file after each step. SWE-agent is not in the package index; with a clone of it (1.x) its own agent class records,
without one its format is made by our exporter and written as SWE-agent does, whole and indented, after each step.

SWE-agent 1.x keeps with each step the whole prompt, so that a file grows with the square of the steps. Attempts of more
than 200 steps are therefore recorded without the prompts only, and what they would take is estimated.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

# Before this directory, where `trajectories` is this very file.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.config import Config
from benchmarks.made_up import MODEL, made_up
from benchmarks.peers.install import environment, listed
from benchmarks.peers.saves import Saves
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    BaseEvent,
    Call,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)
from trajectories.exchange import Context, Trajectory, exporter
from trajectories.log import EventLog, read_events
from trajectories.stats import read_attempt

HERE = Path(__file__).resolve().parent
LOADS = 5
MOST_STEPS_WITH_PROMPTS = 200


@dataclass
class Format:
    """What was measured of one format.

    Attributes:
        name: Who wrote it.
        steps: Steps of the attempt.
        size: Bytes on disk in the end.
        written: Bytes written in all.
        first_ms: Time to record each of the first 20 steps.
        last_ms: And of the last 20.
        load_ms: Time to load, for each way to.
    """

    name: str
    steps: int
    size: int
    written: int
    first_ms: list[float]
    last_ms: list[float]
    load_ms: dict[str, list[float]] = field(default_factory=dict)


def opening(attempt: dict[str, Any]) -> list[BaseEvent]:
    return [
        AttemptStarted(
            attempt_id="0123456789abcdef",
            task={"id": "owner__project-1", "repo": "owner/project", "problem_statement": attempt["task"]},
            config=Config().model_dump(mode="json"),
            model=MODEL,
            sandbox={"kind": "docker", "image": "image", "workdir": "/testbed"},
            tools=["bash", "submit"],
            action_format="tool_calls",
        ),
        Message(role="system", purpose="system", content=attempt["system"]),
        Message(role="user", purpose="task", content=attempt["task"]),
    ]


def events_of(number: int, step: dict[str, Any]) -> list[BaseEvent]:
    """The events of a step, as the loop appends them."""
    arguments = {"command": step["command"]}
    usage = Usage(
        prompt_tokens=step["prompt_tokens"], completion_tokens=step["completion_tokens"], cached_tokens=1_000, cost=0.01
    )
    events: list[BaseEvent] = [
        ModelReplied(
            step=number,
            content=step["thought"],
            tool_calls=[{"id": step["id"], "name": "bash", "arguments": json.dumps(arguments)}],
            finish_reason="tool_calls",
            model=MODEL,
            usage=usage,
            duration=4.2,
        ),
        ActionTaken(step=number, call=Call(id=step["id"], name="bash", arguments=arguments), thought=step["thought"]),
        Observed(
            step=number,
            call_id=step["id"],
            text=step["observation"],
            data={"exit_code": 0, "cwd": "/testbed"},
            duration=step["seconds"],
            changed=step["patch"] is not None,
        ),
    ]
    return events + ([PatchChanged(step=number, patch=step["patch"])] if step["patch"] else [])


def ours(attempt: dict[str, Any], file: Path) -> Format:
    steps, saves = attempt["steps"], Saves()
    last = next((step["patch"] for step in reversed(steps) if step["patch"]), "")
    with EventLog(file) as log:

        def append(events: list[BaseEvent]) -> None:
            for event in events:
                log.append(event)

        saves.measure(lambda: append(opening(attempt)))
        for number, step in enumerate(steps, 1):
            made = events_of(number, step)
            saves.measure(partial(append, made))
        saves.measure(lambda: append([AttemptEnded(status="submitted", patch=last, steps=len(steps))]))
    in_steps = saves.milliseconds[1:-1]
    found = Format(
        "ours", len(steps), file.stat().st_size, saves.written, first_ms=in_steps[:20], last_ms=in_steps[-20:]
    )
    found.load_ms = {
        "events": timed(lambda: read_events(file)),
        "facts for statistics": timed(lambda: read_attempt(file)),
        "JSON only": timed(lambda: [json.loads(line) for line in file.read_bytes().splitlines()]),
    }
    return found


def timed(action: Callable[[], object]) -> list[float]:
    """Milliseconds, as often as loads are measured."""
    spent = []
    for _ in range(LOADS):
        began = time.perf_counter()
        action()
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def whole_file(name: str, steps: int, file: Path, figures: dict[str, Any]) -> Format:
    """What was measured of a format of one JSON document."""
    found = Format(name, steps, file.stat().st_size, figures["written"], figures["first_ms"], figures["last_ms"])
    found.load_ms = {"JSON only": timed(lambda: json.loads(file.read_text()))}
    return found


def exported(attempt: dict[str, Any], file: Path, prompts: bool) -> dict[str, Any]:
    """SWE-agent's format, made by our exporter and written as SWE-agent does."""
    steps, saves = attempt["steps"], Saves()
    made = [*opening(attempt), *(event for n, step in enumerate(steps, 1) for event in events_of(n, step))]
    (document,) = exporter("swe-agent").write([Trajectory(made)], Context())  # type: ignore[arg-type]
    whole = json.loads(document.content)
    history, said = whole["history"], 2
    for number, step in enumerate(whole["trajectory"], 1):
        if prompts:
            step["query"] = copy.deepcopy(history[:said])
        said += 2  # the reply and what was seen
        data = {**whole, "trajectory": whole["trajectory"][:number], "history": history[:said]}
        saves.measure(lambda data=data: file.write_text(json.dumps(copy.deepcopy(data), indent=2)))  # type: ignore[misc]
    return saves.figures()


def peer(script: str, *arguments: object, clone: Path | None = None) -> dict[str, Any]:
    """Run a peer's script with the peers' Python, which is made when it is not there."""
    wanted = listed(HERE / "peers" / "requirements.txt")
    if clone is None:
        python = environment("parts", wanted)
    else:
        python = environment("swe-agent", [*wanted, *listed(HERE / "peers" / "requirements-swe-agent.txt")])
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(clone or "")}
    command = [python, HERE / "peers" / script, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(steps: int, clone: Path | None, scratch: Path) -> Iterator[Format]:
    attempt = made_up(steps)
    source = scratch / f"attempt-{steps}.json"
    source.write_text(json.dumps(attempt))
    yield ours(attempt, scratch / f"{steps}.jsonl")
    mini = scratch / f"{steps}.traj.json"
    yield whole_file("mini-swe-agent", steps, mini, peer("mini_swe_agent_log.py", source, mini))
    for prompts in (True, False):
        if prompts and steps > MOST_STEPS_WITH_PROMPTS:
            continue
        file = scratch / f"{steps}.{prompts}.traj"
        if clone is None:
            figures = exported(attempt, file, prompts)
        else:
            figures = peer("swe_agent_log.py", source, file, "with" if prompts else "without", clone=clone)
        by = "" if clone else ", by our exporter"
        yield whole_file(f"SWE-agent{by}{'' if prompts else ', no prompts'}", steps, file, figures)


def show(found: list[Format]) -> None:
    width = max(len(each.name) for each in found)
    print(
        f"{'':{width}}  {'steps':>5} {'on disk':>9} {'written':>11} {'step, first 20':>15} {'last 20':>9} {'load':>9}"
    )
    for each in found:
        first, last, load = (
            statistics.median(v) for v in (each.first_ms, each.last_ms, next(iter(each.load_ms.values())))
        )
        print(
            f"{each.name:{width}}  {each.steps:5} {each.size / 1e6:6.2f} MB {each.written / 1e6:8.1f} MB "
            f"{first:12.2f} ms {last:6.2f} ms {load:6.1f} ms"
        )
    for each in found:
        own = next(one for one in found if (one.name, one.steps) == ("ours", each.steps))
        if each is own:
            ways = [f"{way} {statistics.median(spent):.1f} ms" for way, spent in each.load_ms.items()]
            print(f"\n{each.steps} steps; ours loads: {', '.join(ways)}. Times ours:")
            continue
        json_only = statistics.median(each.load_ms["JSON only"])
        ratios = {
            "on disk": each.size / own.size,
            "written": each.written / own.written,
            "last steps": statistics.median(each.last_ms) / statistics.median(own.last_ms),
            "load": json_only / statistics.median(own.load_ms["events"]),
            "load, JSON only": json_only / statistics.median(own.load_ms["JSON only"]),
        }
        print(f"  {each.name:{width}}  " + ", ".join(f"{what} {value:.2f}" for what, value in ratios.items()))


def estimate(steps: int) -> str:
    """What SWE-agent's file of many steps would take with the prompts: each step keeps all that was said before it."""
    attempt = made_up(steps)
    said = [
        len(json.dumps([step["thought"], step["thought"], step["command"], step["observation"]]))
        for step in attempt["steps"]
    ]
    prompt = size = written = 0
    for length in said:
        size += prompt
        prompt += length
        written += size
    much = f"more than {size / 1e9:.1f} GB on disk, {written / 1e9:.0f} GB written"
    return f"SWE-agent, {steps} steps with the prompts (estimated): {much}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1000])
    parser.add_argument(
        "--swe-agent", type=Path, help="a clone of SWE-agent 1.x, whose own code then writes its format"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clone = options.swe_agent.resolve() if options.swe_agent else None
    with tempfile.TemporaryDirectory() as scratch:
        found = [each for steps in options.steps for each in measured(steps, clone, Path(scratch))]
    show(found)
    for steps in options.steps:
        if steps > MOST_STEPS_WITH_PROMPTS:
            print(f"\n{estimate(steps)}")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
