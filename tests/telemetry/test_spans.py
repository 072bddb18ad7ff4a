"""What spans are made of an attempt's events, whoever shows them and however often the attempt was resumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agent.batch.jobs import Job, Result
from agent.telemetry.attempt import AttemptSpans
from agent.telemetry.conventions import of_model, provider
from agent.telemetry.export import spans_of
from agent.telemetry.run import RunSpans
from agent.telemetry.spans import Place, Span, trace_id
from tasks.task import Task
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Evaluated,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Resumed,
    SubagentReplied,
    TrialEnded,
    TrialStarted,
    Usage,
)
from trajectories.exchange import Trajectory

START = 1_000.0
USED = Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=40, cost=0.5)


def numbered(events: Sequence[Event], start: float = START) -> list[Event]:
    """The events as a log numbers them, one second apart."""
    return [
        event.model_copy(update={"seq": seq, "time": start + seq}) for seq, event in zip(count(), events, strict=False)
    ]


def begun(id: str = "a", strategy: str = "single", parent: dict[str, Any] | None = None) -> AttemptStarted:
    config = {
        "agent": {"strategy": strategy},
        "model": {"api_base": "http://models.example:8000/v1", "temperature": 0.2, "seed": 3},
    }
    return AttemptStarted(attempt_id=id, model="mine", config=config, task={"id": "t"}, parent=parent)


def step(number: int, *, ok: bool = True) -> list[Event]:
    return [
        ModelReplied(step=number, content="the thought", usage=USED, duration=0.5, settings={"temperature": 0.8}),
        ActionTaken(step=number, call=Call(id="c", name="bash", arguments={"command": "the command"})),
        Observed(step=number, call_id="c", text="the output", duration=0.25, ok=ok, code="" if ok else "refused"),
    ]


def followed(events: Sequence[Event], *, keep: bool = False) -> list[Span]:
    told: list[Span] = []
    spans = AttemptSpans(Place(1, 2), told.append, keep=keep)
    for event in events:
        spans.add(event)
    spans.close()
    return told


def tree(spans: Sequence[Span], top: int | None = 2) -> list[str]:
    below: dict[int | None, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        below[span.place.parent].append(span)

    def listed(parent: int | None, depth: int) -> Iterator[str]:
        for span in below[parent]:
            yield "  " * depth + span.name
            yield from listed(span.id, depth + 1)

    return list(listed(top, 0))


def named(spans: Sequence[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def test_times_and_figures_are_those_of_the_events() -> None:
    correction = Message(role="user", purpose="correction", content="the correction", code="two-calls", step=3)
    last = ModelReplied(step=3, duration=0.5, usage=USED)
    changed = PatchChanged(step=2, patch="+x")
    ended = AttemptEnded(status="submitted", patch="+x")
    spans = followed(numbered([begun(), *step(1), *step(2, ok=False), changed, last, correction, ended]))
    assert tree(spans) == [
        "invoke_agent patchwright",
        *(["  step", "    chat mine", "    execute_tool bash"] * 2),
        "  step",
        "    chat mine",
    ]
    first, second, third = named(spans, "step")
    assert (first.start, first.end) == (START + 0.5, START + 3)
    assert (second.start, second.end) == (START + 3.5, START + 7)
    assert second.attributes["patchwright.step.changed"] is True
    assert third.attributes["patchwright.step.correction"] == "two-calls"
    chat = named(spans, "chat mine")[0]
    assert (chat.start, chat.end, chat.client) == (START + 0.5, START + 1, True)
    assert chat.attributes["gen_ai.usage.input_tokens"] == 100
    assert chat.attributes["gen_ai.usage.cache_read.input_tokens"] == 40
    assert chat.attributes["gen_ai.provider.name"] == "openai"
    assert chat.attributes["gen_ai.request.temperature"] == 0.8
    assert chat.attributes["gen_ai.request.seed"] == 3
    assert (chat.attributes["server.address"], chat.attributes["server.port"]) == ("models.example", 8000)
    good, bad = named(spans, "execute_tool bash")
    assert (good.start, good.end, good.error, bad.error) == (START + 2.75, START + 3, "", "refused")
    (attempt,) = named(spans, "invoke_agent patchwright")
    assert (attempt.start, attempt.end, attempt.error) == (START, START + 10, "")
    assert attempt.attributes["gen_ai.usage.output_tokens"] == 30
    assert attempt.attributes["patchwright.cost"] == 1.5
    assert attempt.attributes["patchwright.attempt.status"] == "submitted"


def test_what_was_said_is_in_spans_only_if_it_is_asked_for() -> None:
    told = Message(role="user", purpose="task", content="the task")
    events = numbered([begun(), told, *step(1), *step(2), AttemptEnded(status="submitted")])
    words = ("the task", "the thought", "the command", "the output")
    silent, open_ = (repr(followed(events, keep=keep)) for keep in (False, True))
    assert [word for word in words if word in silent] == []
    assert [word for word in words if word in open_] == list(words)
    first, second = named(followed(events, keep=True), "chat mine")
    assert "the task" in str(first.attributes["gen_ai.input.messages"])
    assert "the task" not in str(second.attributes["gen_ai.input.messages"])
    assert "tool_call_response" in str(second.attributes["gen_ai.input.messages"])


def test_an_attempt_that_was_resumed_has_a_span_for_each_process() -> None:
    cut = [begun(), *step(1), ModelReplied(step=2)]
    rest = [Resumed(model="other", duration=0.5), *step(3), AttemptEnded(status="submitted")]
    spans = followed(numbered([*cut, *rest]))
    first, second = named(spans, "invoke_agent patchwright")
    assert first.attributes["patchwright.attempt.status"] == "interrupted"
    assert (first.error, second.error) == ("interrupted", "")
    assert (first.end, second.start) == (START + 4, START + 4.5)
    assert second.links == ((1, first.id),)
    assert [span.place.parent for span in named(spans, "step")] == [first.id, first.id, second.id]
    assert named(spans, "chat other")[0].place.trace == first.place.trace


def test_an_action_that_was_run_again_is_told_by_the_process_that_saw_it_through() -> None:
    reply, action, seen = step(1)
    spans = followed(numbered([begun(), reply, action, Resumed(), seen, AttemptEnded(status="submitted")]))
    _, second = named(spans, "invoke_agent patchwright")
    (tool,) = named(spans, "execute_tool bash")
    assert tool.place.parent == second.id


def test_a_process_that_goes_on_tells_only_what_is_not_told(tmp_path: Path) -> None:
    events = numbered([begun(), *step(1), ModelReplied(step=2), Resumed(), *step(3), AttemptEnded(status="submitted")])
    file = tmp_path / "trajectory.jsonl"
    file.write_text("".join(event.model_dump_json() + "\n" for event in events[:5]))
    told: list[Span] = []
    run = RunSpans("agent batch", "r", 1, told.append, lambda job: file)
    job = Job(Task(id="t", repo="r", base_commit="c", problem_statement="p"))
    run.begin(job)
    for event in events[5:]:
        run.event(job, event)
    run.end(Result(job, "submitted"))
    run.close()
    whole = {span.id: span.name for span in followed(events)}
    assert sorted(span.name for span in told if span.id in whole) == [
        "chat mine", "execute_tool bash", "invoke_agent patchwright", "invoke_agent patchwright", "step", "step",
    ]  # fmt: skip
    assert [span.name for span in told if span.id not in whole] == ["task", "agent batch"]


def in_a_tree(*, cut: bool) -> tuple[list[Event], list[list[Event]]]:
    """An attempt of a strategy with two trials; the second was cut off and gone on with."""
    trial = {"relation": "trial", "attempt_id": "root"}
    root = [
        begun("root", strategy="reflexion"),
        TrialStarted(name="1", trajectory="trials/1/trajectory.jsonl"),
        TrialEnded(name="1", status="submitted"),
        Evaluated(key="1", passed=False, checks=[{}], duration=0.5),
        SubagentReplied(key="reflection/1", purpose="reflection", content="the lesson", duration=0.5, usage=USED),
        TrialStarted(name="2", trajectory="trials/2/trajectory.jsonl"),
        *([Resumed()] if cut else []),
        TrialEnded(name="2", status="submitted"),
        AttemptEnded(status="submitted"),
    ]
    spread = numbered(root)
    spread = [event.model_copy(update={"time": START + 100 * event.seq}) for event in spread]
    first = numbered(
        [begun("one", parent={**trial, "trial": "1"}), *step(1), AttemptEnded(status="submitted")], 1_101.0
    )
    started = [begun("two", parent={**trial, "trial": "2"}), *step(1)]
    second = numbered([*started, *([Resumed()] if cut else []), *step(2), AttemptEnded(status="submitted")], 1_501.0)
    if cut:
        second = second[:4] + [event.model_copy(update={"time": event.time + 100}) for event in second[4:]]
    return spread, [first, second]


def in_time(root: list[Event], trials: list[list[Event]]) -> list[Event]:
    return sorted([*root, *(event for events in trials for event in events)], key=lambda event: event.time)


TRIAL = ["invoke_agent patchwright", "  step", "    chat mine", "    execute_tool bash"]


def test_trials_nest_in_their_attempt() -> None:
    spans = followed(in_time(*in_a_tree(cut=False)))
    two_steps = [*TRIAL, *TRIAL[1:]]
    inner = [*TRIAL, "evaluate", "chat mine", *two_steps]
    assert tree(spans) == ["invoke_workflow reflexion", *(f"  {line}" for line in inner)]
    first, second = named(spans, "invoke_agent patchwright")
    assert [span.attributes["patchwright.trial.name"] for span in (first, second)] == ["1", "2"]
    (reflection,) = [span for span in spans if "patchwright.purpose" in span.attributes]
    assert reflection.attributes["patchwright.purpose"] == "reflection"


def test_a_trial_that_was_cut_off_is_gone_on_with_in_the_attempt_that_is() -> None:
    root, trials = in_a_tree(cut=True)
    live = followed(in_time(root, trials))
    assert tree(live) == [
        "invoke_workflow reflexion",
        *(f"  {line}" for line in [*TRIAL, "evaluate", "chat mine", *TRIAL]),
        "invoke_workflow reflexion",
        *(f"  {line}" for line in TRIAL),
    ]
    recorded, _ = spans_of([Trajectory(root, trials=tuple(Trajectory(events) for events in trials))])
    assert {span.id for span in recorded} == {span.id for span in live}


def test_a_large_run_can_be_a_trace_for_every_task(tmp_path: Path) -> None:
    told: list[Span] = []
    run = RunSpans("agent batch", "r", 1, told.append, lambda job: tmp_path / "none", a_trace_each=True)
    for name in ("one", "two"):
        job = Job(Task(id=name, repo="r", base_commit="c", problem_statement="p"))
        run.begin(job)
        for event in numbered([begun(name), AttemptEnded(status="submitted")]):
            run.event(job, event)
        run.end(Result(job, "submitted"))
    run.close()
    whole = told[-1]
    tasks = named(told, "task")
    assert [task.place for task in tasks] == [Place(trace_id("r", name)) for name in ("one", "two")]
    assert [task.links for task in tasks] == [((whole.place.trace, whole.id),)] * 2
    attempts = named(told, "invoke_agent patchwright")
    assert [(span.place.trace, span.place.parent) for span in attempts] == [(t.place.trace, t.id) for t in tasks]


@pytest.mark.parametrize(
    ("model", "named_so"),
    [
        ("gpt-5", "openai"),
        ("anthropic/claude-x", "anthropic"),
        ("azure/mine", "azure.ai.openai"),
        ("vertex_ai/gemini-x", "gcp.vertex_ai"),
        ("local/qwen", "local"),
        ("scripted:replies.jsonl", "scripted"),
        ("of-nobody", "_OTHER"),
    ],
)
def test_providers_are_called_as_the_conventions_call_them(model: str, named_so: str) -> None:
    assert provider(model, own_server=False) == named_so


def test_an_address_is_told_without_what_is_secret_in_it() -> None:
    told = of_model("m", {"api_base": "https://somebody:hidden@host.example/v1?key=hidden"})
    assert told["server.address"] == "host.example"
    assert told["server.port"] == 443
    assert "hidden" not in repr(told)
