"""What a receiver is sent while ``agent`` works, over real HTTP; and that nobody else notices."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.telemetry.spans import trace_id
from tests.e2e.batches import batch, tasks_of
from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.test_strategies import REPLIES, spending
from tests.telemetry.receiver import Receiver, attributes, receiving, run_of_three_steps_a_task
from trajectories.events import AttemptEnded, AttemptStarted
from trajectories.log import read_events

SECRET = "canary-of-a-secret"
SAID = "canary-of-what-was-said"
TALK = {**call("bash", command=f"echo {SECRET}; false"), "content": SAID}
STEP = ["step", "  chat scripted:script.jsonl"]


def steps(*tools: str) -> list[str]:
    return [line for tool in tools for line in (*STEP, f"  execute_tool {tool}")]


def indented(lines: list[str], depth: int) -> list[str]:
    return ["  " * depth + line for line in lines]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


def test_an_attempt_is_a_tree_of_spans_without_anything_that_was_said(
    user: User, receiver: Receiver, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    env = {**user.env, **receiver.env, "MY_API_TOKEN": SECRET, "OTEL_RESOURCE_ATTRIBUTES": "team=ours"}
    done = user.solve(LOOK, TALK, FIX, SUBMIT, more=("--output", str(output)), env=env)
    assert done.returncode == 0, done.stderr
    whole = indented(steps("bash", "bash", "rewrite_function", "submit"), 3)
    assert receiver.tree() == ["agent solve", "  task", "    invoke_agent patchwright", *whole]
    events = read_events(output / "trajectory.jsonl")
    assert isinstance(events[0], AttemptStarted)
    (attempt,) = receiver.named("invoke_agent patchwright")
    assert attempt.trace_id == trace_id(events[0].attempt_id).to_bytes(16)
    assert abs(attempt.start_time_unix_nano / 1e9 - events[0].time) < 1e-5
    assert abs(attempt.end_time_unix_nano / 1e9 - events[-1].time) < 1e-5
    said = attributes(attempt)
    assert said["gen_ai.conversation.id"] == events[0].attempt_id
    assert said["patchwright.attempt.status"] == "submitted"
    failed = receiver.named("execute_tool bash")[1]
    assert attributes(failed)["error.type"] == "command-failed"
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    resource = receiver.traces[0].resource_spans[0]
    assert attributes(resource.resource)["service.name"] == "patchwright"
    assert attributes(resource.resource)["team"] == "ours"
    assert resource.scope_spans[0].schema_url == "https://opentelemetry.io/schemas/1.41.0"
    assert sum(point.as_int for point in receiver.points("patchwright.steps")) == 4
    (ended,) = receiver.points("patchwright.attempts")
    assert attributes(ended)["patchwright.attempt.status"] == "submitted"
    tokens = {attributes(point)["gen_ai.token.type"]: point for point in receiver.points("gen_ai.client.token.usage")}
    assert {kind: point.count for kind, point in tokens.items()} == {"input": 4, "output": 4}
    sent = b"".join(receiver.bodies)
    assert SECRET.encode() not in sent
    assert SAID.encode() not in sent
    assert "telemetry" not in done.stderr


def test_what_was_said_is_sent_without_secrets_where_a_setting_asks_for_it(user: User, receiver: Receiver) -> None:
    env = {**user.env, **receiver.env, "MY_API_TOKEN": SECRET}
    done = user.solve(TALK, FIX, SUBMIT, more=("--set", "telemetry.content=true"), env=env)
    assert done.returncode == 0, done.stderr
    sent = b"".join(receiver.bodies)
    assert SAID.encode() in sent
    assert b"add subtracts its arguments" in sent
    assert SECRET.encode() not in sent


def test_a_batch_is_one_trace_below_that_of_whoever_started_it(user: User, receiver: Receiver, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    above = {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    arguments = batch(user, tasks, output, user.script(LOOK, FIX, SUBMIT), "--workers", "2")
    done = user.agent(*arguments, env={**user.env, **receiver.env, **above})
    assert done.returncode == 0, done.stderr
    run = run_of_three_steps_a_task(receiver, 2)
    assert run.parent_span_id.hex() == "b7ad6b7169203331"
    assert {span.trace_id.hex() for span in receiver.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    run_id = json.loads((output / "run.json").read_text())["run_id"]
    assert attributes(run)["patchwright.run.id"] == run_id
    (point,) = receiver.points("patchwright.attempts.waiting")
    assert point.as_int == 0


def test_a_recorded_attempt_of_a_strategy_gives_the_spans_that_it_gave_live(
    user: User, receiver: Receiver, tmp_path: Path
) -> None:
    output, issue = tmp_path / "out", user.home / "issue.md"
    issue.write_text("add subtracts.\n\n>>> from calc import add\n>>> add(2, 3)\n-1\n\nIt should give 5.\n")
    arguments = user.solving(user.script(*REPLIES["reflexion"]), "--output", str(output), *spending("reflexion"))
    arguments[arguments.index("--issue") + 1] = str(issue)
    done = user.agent(*arguments, env={**user.env, **receiver.env})
    assert done.returncode == 0, done.stderr
    trial = ["invoke_agent patchwright", *indented(steps("bash", "rewrite_function", "submit"), 1)]
    attempt = ["invoke_workflow reflexion"]
    inner = [*trial, "evaluate", "chat scripted:script.jsonl", *trial, "evaluate"]
    assert receiver.tree() == ["agent solve", "  task", *indented(attempt, 2), *indented(inner, 3)]
    written = user.agent("export", str(output), "--format", "otlp")
    assert written.returncode == 0, written.stderr
    (resource,) = json.loads(written.stdout)["resourceSpans"]
    spans: list[dict[str, Any]] = resource["scopeSpans"][0]["spans"]
    live = {span.span_id.hex(): span for span in receiver.spans if span.name not in ("agent solve", "task")}
    assert {span["spanId"] for span in spans} == set(live)
    assert {span["traceId"] for span in spans} == {span.trace_id.hex() for span in receiver.spans}
    for span in spans:
        told = live[span["spanId"]]
        assert (span["name"], int(span["startTimeUnixNano"])) == (told.name, told.start_time_unix_nano)
        assert int(span["endTimeUnixNano"]) == told.end_time_unix_nano
        assert len(span["attributes"]) >= len(told.attributes) - 2  # without the run's name and the attempt's number
    before = len(receiver.spans)
    sent = user.agent("export", str(output), "--format", "otlp", "--send", env={**user.env, **receiver.env})
    assert f"sent {len(spans)} spans" in sent.stderr
    assert len(receiver.spans) == before + len(spans)


def test_figures_are_scraped_while_a_run_goes_on(user: User, tmp_path: Path) -> None:
    tasks, output, hold = tasks_of(user, 3), tmp_path / "out", user.home / "hold"
    waiting = call("bash", command=f"while [ -e {hold} ]; do sleep 0.05; done")
    hold.touch()
    arguments = batch(user, tasks, output, user.script(LOOK, waiting, FIX, SUBMIT), "--workers", "1", "--serve", "0")
    process = subprocess.Popen(user.command(*arguments), env=user.env, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = next(line for line in process.stderr if "/metrics" in line).split()[0]
        found = figures(address)
        while found.get("patchwright_steps_total") != 2:
            time.sleep(0.05)
            found = figures(address)
        assert found["patchwright_attempts_running"] == 1
        assert found["patchwright_attempts_waiting"] == 2
        assert found["patchwright_sandboxes"] == 1
        assert found["gen_ai_client_operation_duration_seconds_count"] == 2
        assert found["gen_ai_client_token_usage_count"] == 4
        while not (listed := attempts(address)):  # the list is looked at anew now and then
            time.sleep(0.05)
        assert len(listed) == 1
        for header in ({"Host": "elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(f"{address}metrics", headers=header), timeout=30)
            refused.value.close()
            assert refused.value.code in (421, 403)
    finally:
        hold.unlink()
        process.communicate()
    assert process.returncode == 0


def attempts(address: str) -> list[object]:
    with urllib.request.urlopen(f"{address}attempts", timeout=30) as answer:
        found: list[object] = json.load(answer)
        return found


def figures(address: str) -> dict[str, float]:
    """The page as Prometheus reads it: by sample the sum over its labels."""
    with urllib.request.urlopen(f"{address}metrics", timeout=30) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


@pytest.mark.parametrize("answer", ["nothing", "no"])
def test_a_receiver_that_is_down_is_told_of_once_and_costs_nothing(user: User, answer: str) -> None:
    with receiving(status=403) as refusing:
        address = "http://127.0.0.1:9" if answer == "nothing" else refusing.address
        done = user.solve(LOOK, FIX, SUBMIT, env={**user.env, "OTEL_EXPORTER_OTLP_ENDPOINT": address})
    assert done.returncode == 0, done.stderr
    assert done.stdout == user.patch
    assert done.stderr.count("telemetry does not get through") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("way", ["nothing is set", "it is switched off"])
def test_where_it_is_off_nothing_of_it_is_loaded(user: User, way: str) -> None:
    off = [] if way == "nothing is set" else ["--set", "telemetry.enabled=false"]
    env = user.env if way == "nothing is set" else {**user.env, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    arguments = user.solving(user.script(LOOK, FIX, SUBMIT), *off)
    done = loaded(arguments, env)
    assert done == ["0"]


def test_help_loads_nothing_of_it(user: User) -> None:
    assert loaded(["batch", "--help"], user.env) == ["0"]


def loaded(arguments: list[str], env: dict[str, str]) -> list[str]:
    """The exit code of ``agent``, and the modules of telemetry's libraries that it had loaded by then."""
    program = f"""
import sys
from agent.cli import main
sys.argv = ["agent", *{arguments!r}]
try:
    main()
except SystemExit as end:
    sys.stdout = sys.stderr
    libraries = ("opentelemetry", "prometheus_client")
    print("--", end.code or 0, *(name for name in sys.modules if name.startswith(libraries)))
"""
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[-1].removeprefix("-- ").split()


def test_what_is_missing_is_said_in_one_line(user: User, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not here', name='opentelemetry')\n")
    env = {**user.env, "PYTHONPATH": f"{tmp_path}:{user.env['PYTHONPATH']}"}
    asked = user.solve(SUBMIT, more=("--set", "telemetry.enabled=true"), env=env)
    assert asked.returncode == 2
    assert "pip install 'patchwright[telemetry]'" in one_line(asked)
    around = user.solve(LOOK, FIX, SUBMIT, env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert around.returncode == 0
    assert around.stderr.count("pip install 'patchwright[telemetry]'") == 1


@pytest.mark.parametrize("given", ["nowhere", ":9464", "host:", "70000"])
def test_an_address_that_is_none_is_refused(user: User, tmp_path: Path, given: str) -> None:
    done = user.agent(*batch(user, tasks_of(user, 1), tmp_path / "out", user.script(SUBMIT), "--serve", given))
    assert done.returncode == 2
    assert f"--serve {given}" in one_line(done)


def test_an_attempt_that_ended_is_counted_by_how_it_ended(user: User, receiver: Receiver, tmp_path: Path) -> None:
    output = tmp_path / "out"
    limited = ("--set", "limits.steps=1", "--output", str(output))
    done = user.solve(LOOK, FIX, more=limited, env={**user.env, **receiver.env})
    assert done.returncode == 1, done.stderr
    ended = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    (point,) = receiver.points("patchwright.attempts")
    assert attributes(point) == {"patchwright.attempt.status": ended.status, "patchwright.verdict": "none"}
